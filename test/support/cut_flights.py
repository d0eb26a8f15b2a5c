"""Cuts the first rows of the flights into a Parquet file of several row groups.

python cut_flights.py flights-3m.parquet OUT.parquet ROWS
"""

import sys

import pyarrow.parquet as pq

source, out, rows = sys.argv[1], sys.argv[2], int(sys.argv[3])
table = next(pq.ParquetFile(source).iter_batches(batch_size=rows))
with pq.ParquetWriter(out, table.schema) as writer:
    writer.write_batch(table, row_group_size=rows // 5)

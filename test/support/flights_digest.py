"""What a run of the flights example wrote, as two digests that only the same bits give.

    python flights_digest.py OUT

The flights count after a stable sort by origin: their order is promised for each airport. Prints one JSON object.
"""

import hashlib
import json
import pathlib
import sys

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

out = sys.argv[1]
flights = ds.dataset(f"{out}/flights", format="parquet").to_table().combine_chunks()
order = np.argsort(flights["origin"].to_numpy(zero_copy_only=False), kind="stable")
sink = pa.BufferOutputStream()
with pa.ipc.new_stream(sink, flights.schema) as writer:
    writer.write_table(flights.take(pa.array(order)).combine_chunks())
lines = sorted(line for path in pathlib.Path(out, "airports").glob("*.jsonl") for line in path.read_text().splitlines())
digests = {
    "rows": flights.num_rows,
    "flights": hashlib.sha256(sink.getvalue()).hexdigest(),
    "airports": hashlib.sha256("\n".join(lines).encode()).hexdigest(),
}
print(json.dumps(digests))

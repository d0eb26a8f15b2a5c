import { files, job, nullSink, parquet } from 'anabranch'
import bench from '../transforms.anabranch.js'

// Five times the same file: 50 M rows, so that the figure is the steady state and not the start.
export default job('b1')
  .from(files('../../../.cache/bench/b1-*.parquet', parquet(bench.Xy)))
  .apply(bench.b1)
  .select('z')
  .to(nullSink({ checksum: 'z' }))

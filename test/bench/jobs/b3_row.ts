import { files, job, nullSink, parquet } from 'anabranch'
import bench from '../transforms.anabranch.js'

export default job('b3_row')
  .from(files('../../../.cache/bench/b3.parquet', parquet(bench.Event)))
  .keyBy('k')
  .apply(bench.b3Row)
  .to(nullSink({ checksum: 'z' }))

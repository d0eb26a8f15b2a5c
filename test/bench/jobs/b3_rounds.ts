import { files, job, nullSink, parquet } from 'anabranch'
import bench from '../transforms.anabranch.js'

export default job('b3_rounds')
  .from(files('../../../.cache/bench/b3.parquet', parquet(bench.Event)))
  .keyBy('k')
  .apply(bench.b3Rounds)
  .to(nullSink({ checksum: 'z' }))

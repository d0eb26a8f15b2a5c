import { files, job, nullSink, parquet } from 'anabranch'
import bench from '../transforms.anabranch.js'

export default job('b3_scan')
  .from(files('../../../.cache/bench/b3.parquet', parquet(bench.Event)))
  .keyBy('k')
  .apply(bench.b3Scan)
  .to(nullSink({ checksum: 'z' }))

import { files, job, nullSink, parquet } from 'anabranch'
import bench from '../transforms.anabranch.js'

export default job('b1_40')
  .from(files('../../../.cache/bench/b1.parquet', parquet(bench.Xy)))
  .apply(bench.b140)
  .select('z')
  .to(nullSink({ checksum: 'z' }))

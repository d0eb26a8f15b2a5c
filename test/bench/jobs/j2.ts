import { files, job, json, nullSink } from 'anabranch'
import bench from '../transforms.anabranch.js'

export default job('j2')
  .from(files('../../../.cache/bench/j1.jsonl', json(bench.Line)))
  .apply(bench.j1)
  .to(nullSink({ checksum: 'z' }))

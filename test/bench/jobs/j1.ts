import { files, job, json } from 'anabranch'
import bench from '../transforms.anabranch.js'

export default job('j1')
  .from(files('../../../.cache/bench/j1.jsonl', json(bench.Line)))
  .apply(bench.j1)
  .to(files.sink('j1/', json()))

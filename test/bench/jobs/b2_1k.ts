import { files, job, nullSink, text } from 'anabranch'
import bench from '../transforms.anabranch.js'

export default job('b2_1k')
  .from(files('../../../.cache/bench/b2_1k.jsonl', text()))
  .apply(bench.b2)
  .to(nullSink())

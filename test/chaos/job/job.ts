/** The job that the fault programme hurts: what must come out stands in ../oracle/README.md. */
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'

const echoed = job('chaos', { maxDead: 1_000_000 })
  .from(files('input/*.jsonl', json(t.Event)))
  .apply(t.echo)
echoed.select('partition', 'seq', 'crc', 'call', 'size').to(files.sink('echo/', json()))

const counted = echoed.filter(t.keep).keyBy('key').apply(t.running)
counted.side('totals').to(files.sink('totals/', json()))

export default counted
  .select('partition', 'seq', 'key', 'value', 'crc', 'n', 'total', 'least', 'r', 'call', 'size')
  .to(files.sink('counts/', json()))

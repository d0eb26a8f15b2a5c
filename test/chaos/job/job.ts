/** The job that the fault programme hurts: what must come out stands in ../oracle/README.md. */
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'

/** Files that roll often, so that a reader sees rows while the job is killed. */
const rows = (path: string) => files.sink(path, json(), { roll: { bytes: '48KiB', ms: '400ms' } })

const echoed = job('chaos', { maxDead: 1_000_000 })
  .from(files('input/*.jsonl', json(t.Event)), { id: 'events' })
  .apply(t.echo)
echoed.select('partition', 'seq', 'crc', 'call', 'size').to(rows('echo/'), { id: 'to-echo' })

const counted = echoed.filter(t.keep).keyBy('key').apply(t.running)
counted.side('totals').to(rows('totals/'), { id: 'to-totals' })

export default counted
  .select('partition', 'seq', 'key', 'value', 'crc', 'n', 'total', 'least', 'r', 'call', 'size')
  .to(rows('counts/'), { id: 'to-counts' })

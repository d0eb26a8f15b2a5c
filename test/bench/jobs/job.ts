/**
 * The jobs of the benchmarks. A plan has no switch in it, so the runner says in ANABRANCH_BENCH which one it wants, over
 * which input and into what, and this file exports that one.
 */
import {
  between,
  contract,
  custom,
  files,
  job,
  json,
  matches,
  notNull,
  nullSink,
  parquet,
  socket,
  text,
} from 'anabranch'
import bench from './transforms.anabranch.js'

interface Bench {
  readonly name: string
  readonly input: string
  readonly into: 'null' | 'files'
  readonly delivery?: 'exactly-once' | 'at-least-once'
  /** What `keys.ts` is told. */
  readonly keys?: object
}

const { name, input, into, delivery = 'exactly-once', keys }: Bench = JSON.parse(process.env['ANABRANCH_BENCH'] ?? '{}')
const data = '../../../.cache/bench'

// Into files, each row can be looked at; into nothing, what is timed is the way of the rows alone.
const counted = into === 'files' ? files.sink('rows/', parquet()) : nullSink()
const added = into === 'files' ? files.sink('rows/', parquet()) : nullSink({ checksum: 'z' })

const numbers = () => job(name).from(files(`${data}/${input}.parquet`, parquet(bench.Xy)))
const lines = () => job(name).from(files(`${data}/${input}.jsonl`, json(bench.Line)))
const texts = () => job(name).from(files(`${data}/${input}.jsonl`, text()))
const events = () =>
  job(name)
    .from(files(`${data}/${input}.parquet`, parquet(bench.Event)))
    .keyBy('k')
/** `input` is the folder of the sockets. */
const live = () => job(name).from(socket(`unix://${input}/in.sock`, json(bench.Line)))
const visits = () => {
  const made = { schema: { k: 'int64', at: 'int64', live: 'bool' }, bounded: false, replayable: true } as const
  const from = new URL('keys.ts', import.meta.url).href
  return job(name)
    .from(custom.source(from, 'keys', { ...made, options: JSON.stringify(keys) }))
    .keyBy('k')
}
const answers = () => socket.sink(`unix://${input}/out.sock`)

const fiveRules = contract({
  id: notNull(),
  a: between(-10_000, 10_000),
  b: between(0, 1),
  name: matches('^user_[0-9]{8}$'),
  ts: between(1_700_000_000_000, null),
})

const jobs = {
  b1: () => numbers().apply(bench.b1).select('z').to(added),
  b1_40: () => numbers().apply(bench.b140).select('z').to(added),
  b2: () => texts().apply(bench.b2).to(counted),
  b3_scan: () => events().apply(bench.b3Scan).to(added),
  b3_rounds: () => events().apply(bench.b3Rounds).to(added),
  b3_key: () => events().apply(bench.b3Key).to(added),
  b3_row: () => events().apply(bench.b3Row).to(added),
  b3_row_raises: () => events().apply(bench.b3RowRaises).to(added),
  b3_scan_rejects: () => events().apply(bench.b3ScanRejects).to(added),
  b3_scan_raises: () => events().apply(bench.b3ScanRaises).to(added),
  b3_rounds_rejects: () => events().apply(bench.b3RoundsRejects).to(added),
  b3_rounds_raises: () => events().apply(bench.b3RoundsRaises).to(added),
  j1: () => lines().apply(bench.j1).to(files.sink('rows/', json()), { delivery }),
  j2: () => lines().apply(bench.j1).to(added),
  j3: () => lines().check(fiveRules).apply(bench.j1).to(files.sink('rows/', json())),
  latency: () => live().apply(bench.j1).to(answers()),
  visible: () =>
    live()
      .apply(bench.j1)
      .to(files.sink('rows/', json(), { roll: { ms: '100ms' } })),
  visits: () =>
    visits()
      .apply(bench.visitFour)
      .to(nullSink({ checksum: 'z' })),
  visits_slowly: () =>
    visits()
      .apply(bench.visitSlowly)
      .to(nullSink({ checksum: 'z' })),
  remembers: () => visits().apply(bench.visitTwelve).filter(bench.live).select('at', 'z').to(answers()),
  remembers_lists: () => visits().apply(bench.visitLists).filter(bench.live).select('at', 'z').to(answers()),
  kill: () => live().keyBy('name').apply(bench.count).to(answers()),
  first: () =>
    job(name)
      .from(files('first.jsonl', json(bench.Xy)))
      .apply(bench.b1)
      .to(answers()),
}

const make = Object.entries(jobs).find(([each]) => each === name)?.[1]
if (make === undefined)
  throw new Error(`expected ANABRANCH_BENCH to name one of ${Object.keys(jobs).join(', ')}, got "${name}"`)
export default make()

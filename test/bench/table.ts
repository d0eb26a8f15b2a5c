/** The benchmarks as a table: what runs, against what, and the target that a well-built host reaches. */
import { type Bench } from './bench.js'
import { type Check } from './check.js'
import { type BadRows, badRowsBench } from './measure/bad-rows.js'
import { budgetBench } from './measure/budget.js'
import { type Cost, costBench } from './measure/cost.js'
import { type Cut, cutBench } from './measure/cut.js'
import { deliveryBench } from './measure/delivery.js'
import { type EpochCost, epochCostBench } from './measure/epochs.js'
import { footprintBenches } from './measure/footprint.js'
import { killBench } from './measure/kill.js'
import { killOftenBench } from './measure/kill-often.js'
import { type Rate, latencyBench } from './measure/latency.js'
import { type Ratio, ratioBench } from './measure/ratio.js'
import { type Beginning, beginningBench } from './measure/from-savepoint.js'
import { type Recovery, collections, recoverBench, values } from './measure/recover.js'
import { shadowBench } from './measure/shadow.js'
import { swapBench } from './measure/swap.js'
import { visibleBench } from './measure/visible.js'

const million = 1_000_000

const b1 = (name: string, job: string, input: string, rows: number, target: number, of: number): Ratio => ({
  name: `B1 ${name}`,
  job: { name: job, input, into: 'null', workers: 1 },
  file: 'b1.parquet',
  bare: job,
  rows,
  bytesPerRow: 16,
  target,
  check: { by: 'sum', of },
})

const b2 = (name: string, size: string, rows: number, bytesPerRow: number, targets: readonly number[], of: number) =>
  targets.map(
    (target, i): Ratio => ({
      name: `B2 ${name} ${i === 0 ? 'one worker' : 'two workers'}`,
      job: { name: 'b2', input: `b2_${size}`, into: 'null', workers: i + 1 },
      file: `b2_${size}.jsonl`,
      bare: `b2_${size}`,
      rows,
      bytesPerRow,
      target,
      check: { by: 'texts', of },
    }),
  )

const keys = {
  Zipf: { input: 'b3', of: -123598.671229 },
  uniform: { input: 'b3u', of: 733658.003423 },
} as const

const b3 = (of: keyof typeof keys, form: 'scan' | 'rounds' | 'row', workers: 1 | 2, target: number): Ratio => ({
  name: `B3 ${of} ${form}${form === 'row' ? (workers === 1 ? ' one worker' : ' two workers') : ''}`,
  job: { name: `b3_${form}`, input: keys[of].input, into: 'null', workers },
  file: `${keys[of].input}.parquet`,
  bare: `${keys[of].input}_${form}`,
  rows: 5 * million,
  bytesPerRow: 24,
  target,
  check: { by: 'events', how: form === 'scan' ? 'close' : 'exact', of: keys[of].of },
})

/** Three ways to write one keyed function, each beside the same bare loop over dicts. */
const keyedWay = (name: string, job: string, target: number): Ratio => ({
  name: `KEYED ${name} against a loop over dicts`,
  job: { name: job, input: keys.Zipf.input, into: 'null', workers: 1 },
  file: 'b3.parquet',
  bare: 'b3_row',
  rows: 5 * million,
  bytesPerRow: 24,
  target,
  check: { by: 'events', how: 'exact', of: keys.Zipf.of },
})

const j = (name: string, job: string, bare: string, target: number, by: 'file' | 'sum'): Ratio => ({
  name,
  job: { name: job, input: 'j1', into: 'null', workers: 1 },
  file: 'j1.jsonl',
  bare,
  rows: 2 * million,
  bytesPerRow: 99,
  target,
  check: { by, of: 1348958.748748 },
})

const ratios: readonly Ratio[] = [
  b1('5 ns a row', 'b1', 'b1', 10 * million, 0.2, 11615179.657048),
  // Five times the same file: the steady state without the start of the reader.
  b1('5 ns a row, 50 M rows', 'b1', 'b1-*', 50 * million, 0.2, 5 * 11615179.657048),
  b1('40 ns a row', 'b1_40', 'b1', 10 * million, 0.8, 26097336.146466),
  ...b2('100B', '100', 2 * million, 100, [0.92, 1.7], 4294317087668416),
  ...b2('1KB', '1k', million, 1_024, [0.8, 1.35], 2147432306492224),
  ...b2('10KB', '10k', 200_000, 10_240, [0.65, 1.1], 429114959915325),
  b3('Zipf', 'scan', 1, 0.7),
  b3('Zipf', 'rounds', 1, 0.8),
  b3('Zipf', 'row', 1, 0.75),
  b3('Zipf', 'row', 2, 1),
  b3('uniform', 'scan', 1, 0.7),
  b3('uniform', 'rounds', 1, 0.8),
  b3('uniform', 'row', 1, 0.75),
  b3('uniform', 'row', 2, 1),
  keyedWay('columnar', 'b3_rounds', 2),
  keyedWay('once a key', 'b3_key', 0.5),
  keyedWay('once a row', 'b3_row', 0.75),
  j('J1 against the orjson loop, file to file', 'j1', 'j1_file', 4, 'file'),
  j('J1 against DuckDB, file to file', 'j1', 'j1_duckdb', 1.5, 'file'),
  j('J2 against the orjson loop in memory', 'j2', 'j1', 9, 'sum'),
]

const costs: readonly Cost[] = [
  {
    name: 'J3 five rules of a contract beside J1',
    without: 'j1',
    with: 'j3',
    input: 'j1',
    rows: 2 * million,
    target: 0.8,
    check: { by: 'file', of: 1348958.748748 },
  },
]

const epochTargets = { '10s': 0.9, '1s': 0.8, '100ms': 0.6 } as const

const epochCosts: readonly EpochCost[] = [
  { name: 'B3 epochs Zipf rounds', input: keys.Zipf.input, rows: 5 * million, targets: epochTargets },
  { name: 'B3 epochs uniform rounds', input: keys.uniform.input, rows: 5 * million, targets: epochTargets },
]

const cuts: readonly Cut[] = [
  { name: 'CUT of a million dirty keys', job: 'visits', keys: million, p99MsMax: 200, all: true },
  { name: 'CUT with calls of 20 ms', job: 'visits_slowly', keys: 10_000, p99MsMax: 100, all: false },
]

/** With all state in memory, and under a budget of a share of it. Lists and maps of 1 GB take ten minutes to get beyond it. */
const recoveries: readonly Recovery[] = [
  ...[null, 0.1].flatMap(memoryShare => {
    const beyond = memoryShare === null ? '' : 'beyond memory '
    return [
      { name: `RECOVER ${beyond}100 MB`, state: values, keys: million, secondsMax: 2, share: 1, memoryShare },
      { name: `RECOVER ${beyond}1 GB`, state: values, keys: 10 * million, secondsMax: 10, share: 0.2, memoryShare },
    ]
  }),
  ...[null, 0.3].map(memoryShare => {
    const name = `RECOVER lists and maps ${memoryShare === null ? '' : 'beyond memory '}100 MB`
    return { name, state: collections, keys: 0.3 * million, secondsMax: 2, share: 1, memoryShare }
  }),
  {
    name: 'RECOVER lists and maps 1 GB',
    state: collections,
    keys: 3 * million,
    secondsMax: 10,
    share: 0.2,
    memoryShare: null,
  },
]

const beginnings: readonly Beginning[] = [
  { name: 'SAVEPOINT beyond memory 100 MB', keys: million, secondsMax: 10, memoryShare: 0.1 },
  { name: 'SAVEPOINT beyond memory 1 GB', keys: 10 * million, secondsMax: 90, memoryShare: 0.1 },
]

const rates: readonly Rate[] = [
  { name: '100', rowsPerSecond: 100, judged: false },
  { name: '1k', rowsPerSecond: 1_000, judged: true },
  { name: '10k', rowsPerSecond: 10_000, judged: true },
  { name: '50k', rowsPerSecond: 50_000, judged: true },
]

const b8Texts = (name: string, size: string, rows: number): BadRows => ({
  name: `B8 B2 ${name} row mode`,
  job: 'b2',
  clean: `b2_${size}`,
  bad: `b2_${size}_bad`,
  ending: 'jsonl',
  rows,
  target: 0.9,
  check: { by: 'texts', of: null },
})

const b8Events = (name: string, job: string, target: number, how: 'exact' | 'close'): BadRows => {
  const check: Check = { by: 'events', how, of: null }
  return { name: `B8 B3 ${name}`, job, clean: 'b3', bad: 'b3_bad', ending: 'parquet', rows: 5 * million, target, check }
}

const badRows: readonly BadRows[] = [
  b8Texts('100B', '100', 2 * million),
  b8Texts('1KB', '1k', million),
  b8Events('row mode', 'b3_row_raises', 0.9, 'exact'),
  b8Events('scan with ab.reject', 'b3_scan_rejects', 0.9, 'close'),
  b8Events('rounds with ab.reject', 'b3_rounds_rejects', 0.9, 'exact'),
  b8Events('scan with an exception', 'b3_scan_raises', 0.3, 'close'),
  b8Events('rounds with an exception', 'b3_rounds_raises', 0.3, 'exact'),
]

export const benches: readonly Bench[] = [
  ...ratios.map(ratioBench),
  ...costs.map(costBench),
  ...rates.map(latencyBench),
  ...epochCosts.map(epochCostBench),
  deliveryBench,
  ...rates.filter(({ rowsPerSecond }) => rowsPerSecond === 1_000 || rowsPerSecond === 10_000).map(visibleBench),
  ...cuts.map(cutBench),
  budgetBench,
  ...recoveries.map(recoverBench),
  ...beginnings.map(beginningBench),
  killBench,
  killOftenBench,
  swapBench,
  shadowBench,
  ...badRows.map(badRowsBench),
  ...footprintBenches,
]

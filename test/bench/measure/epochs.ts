/**
 * What epochs cost: a keyed job without them, and with them at three lengths, in turn over the same rows, which are a file of 5 M rows
 * as often as it takes to last several of the longest epochs. The sum that comes out is the one without epochs, but for the order
 * in which lanes are added up.
 */
import { type Bench, type Settings } from '../bench.js'
import { wrongSum } from '../check.js'
import { copiesFor, copiesOf } from '../copies.js'
import { type Figure, median, rounded, spreadOf } from '../figure.js'
import { type Asked, type EpochFacts, type Run, inFolder, runJob } from '../run-job.js'
import { runOnce } from './ratio.js'

export interface EpochCost {
  readonly name: string
  /** Name of the input without `.parquet`. */
  readonly input: string
  readonly rows: number
  /** What is left of the rate without epochs, by the length of an epoch. */
  readonly targets: Readonly<Record<string, number>>
}

/** A run of this length has several epochs of ten seconds. */
const secondsMax = 40

export const epochCostBench = (cost: EpochCost): Bench => ({
  name: cost.name,
  inputs: [`${cost.input}.parquet`],
  measure: settings => measure(cost, settings),
  once: nodeOptions => runOnce({ ...askedOf(copiesOf(`${cost.input}.parquet`, 4)), epoch: '1s' }, nodeOptions),
})

const askedOf = (input: string): Asked => ({ name: 'b3_rounds', input, into: 'null', workers: 1 })
const rateOf = (run: Run): number => run.rows_in / run.flow_seconds

async function measure(cost: EpochCost, { rounds, seconds }: Settings): Promise<readonly Figure[]> {
  const file = `${cost.input}.parquet`
  const run = (input: string, epoch: string): Promise<Run> => inFolder(out => runJob({ ...askedOf(input), epoch }, out))
  const first = await run(copiesOf(file, 1), 'off')
  const copies = copiesFor(rateOf(first), Math.min(seconds, secondsMax), cost.rows)
  const input = copiesOf(file, copies)
  const lengths = Object.keys(cost.targets)
  const without: Run[] = []
  const runs = lengths.map((): Run[] => [])
  for (let i = 0; i < rounds; i += 1) {
    without.push(await run(input, 'off'))
    for (const [at, length] of lengths.entries()) runs[at]?.push(await run(input, length))
  }
  return lengths.map((length, at) => figureOf(cost, { length, copies, without, runs: runs[at] ?? [] }))
}

interface Measured {
  readonly length: string
  readonly copies: number
  readonly without: readonly Run[]
  readonly runs: readonly Run[]
}

function figureOf({ name, rows, targets }: EpochCost, { length, copies, without, runs }: Measured): Figure {
  const [rates, bare] = [runs.map(rateOf), without.map(rateOf)]
  const [value, baseline] = [median(rates), median(bare)]
  const wrong = wrongWith([...without, ...runs], rows * copies)
  const target = targets[length] ?? null
  return {
    name: `${name} of ${length}`,
    value: Math.round(value),
    unit: 'rows/s',
    baseline: Math.round(baseline),
    ratio: rounded(value / baseline),
    target,
    met: target === null ? null : wrong === null && value / baseline >= target,
    spread: spreadOf(rates),
    checksum: sumOf(runs[0]),
    wrong,
    also: {
      rows: rows * copies,
      ...epochsAlso(runs),
      cpu_s: rounded(median(runs.map(run => run.cpuSeconds)), 2),
      without_cpu_s: rounded(median(without.map(run => run.cpuSeconds)), 2),
      without_spread: spreadOf(bare),
    },
  }
}

const sumOf = (run: Run | undefined): number => Object.values(run?.checksums ?? {})[0] ?? Number.NaN

/** Each run has the rows, and the sum of the first one, which had no epochs. */
function wrongWith(runs: readonly Run[], rows: number): string | null {
  const short = runs.find(run => run.rows_in !== rows || run.rows_out !== rows)
  if (short !== undefined) return `expected ${rows} rows in and out, got ${short.rows_in} and ${short.rows_out}`
  return wrongSum(sumOf(runs[0]), runs.map(sumOf))
}

/** What epochs did, over all runs. */
export function epochsAlso(runs: readonly Run[]): Figure['also'] {
  const facts = runs.flatMap(({ epochs }) => (epochs === null ? [] : [epochs]))
  const of = (what: (facts: EpochFacts) => number | null): readonly number[] => facts.map(f => what(f) ?? Number.NaN)
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
  const changed = sum(of(f => f.bytes_changed))
  return {
    epochs: median(of(f => f.count)),
    cut_p50_ms: rounded(median(of(f => f.cut_ms_p50)), 1),
    cut_p99_ms: rounded(Math.max(...of(f => f.cut_ms_p99)), 1),
    cut_max_ms: rounded(Math.max(...of(f => f.cut_ms_max)), 1),
    changed_mb: rounded(changed / runs.length / 1e6, 1),
    written_per_changed: rounded(sum(of(f => f.bytes_written)) / changed, 2),
    disk_per_changed: rounded(sum(runs.map(run => run.diskBytes)) / changed, 2),
  }
}

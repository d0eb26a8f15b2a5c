/**
 * One bad row in 10,000: the same job over the same rows with and without them, in turn. Exactly the bad rows must be
 * dead letters, and the others come out as if the bad ones had never been there.
 */
import { type Bench, type Settings } from '../bench.js'
import { type Check, checkRows } from '../check.js'
import { type Figure, median, rounded, spreadOf } from '../figure.js'
import { type Asked, inFolder, runJob } from '../run-job.js'
import { runOnce } from './ratio.js'

export interface BadRows {
  readonly name: string
  /** The name of a job; its input is `clean` and then `bad`. */
  readonly job: string
  readonly clean: string
  readonly bad: string
  readonly ending: 'jsonl' | 'parquet'
  readonly rows: number
  readonly target: number
  readonly check: Check
}

const onceIn = 10_000

export const badRowsBench = (bad: BadRows): Bench => ({
  name: bad.name,
  inputs: [`${bad.clean}.${bad.ending}`, `${bad.bad}.${bad.ending}`],
  measure: settings => measure(bad, settings),
  once: nodeOptions => runOnce(askedOf(bad, bad.bad), nodeOptions),
})

const askedOf = ({ job }: BadRows, input: string): Asked => ({ name: job, input, into: 'null', workers: 1 })

async function measure(bench: BadRows, { rounds }: Settings): Promise<readonly Figure[]> {
  const clean: number[] = []
  const bad: number[] = []
  const cpu: number[] = []
  const dead = bench.rows / onceIn
  let wrong: string | null = null
  for (let i = 0; i < rounds; i += 1) {
    const peace = await inFolder(out => runJob(askedOf(bench, bench.clean), out))
    const run = await inFolder(out => runJob(askedOf(bench, bench.bad), out))
    clean.push(peace.rows_in / peace.flow_seconds)
    bad.push(run.rows_in / run.flow_seconds)
    cpu.push(run.cpuSeconds)
    if (run.rows_dead !== dead || run.rows_out !== bench.rows - dead)
      wrong = `expected ${dead} rows dead of ${bench.rows}, got ${run.rows_dead}, and ${run.rows_out} out`
  }
  const looked = await checkRows(bench.check, askedOf(bench, bench.bad), bench.rows - dead)
  wrong ??= looked.wrong
  const ratio = median(bad) / median(clean)
  const figure: Figure = {
    name: bench.name,
    value: Math.round(median(bad)),
    unit: 'rows/s',
    baseline: Math.round(median(clean)),
    ratio: rounded(ratio),
    target: bench.target,
    met: wrong === null && ratio >= bench.target,
    spread: spreadOf(bad),
    checksum: looked.checksum,
    wrong,
    also: { rows_dead: dead, cpu_s: rounded(median(cpu), 2), clean_spread: spreadOf(clean) },
  }
  return [figure]
}

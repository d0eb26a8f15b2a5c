/** What a part of a job costs: the job without it and with it over the same rows, in turn. The same rows come out. */
import { type Bench, type Settings } from '../bench.js'
import { type Check, checkRows } from '../check.js'
import { type Figure, median, rateFigure, rounded, spreadOf } from '../figure.js'
import { type Asked, type Run, inFolder, runJob } from '../run-job.js'
import { runOnce } from './ratio.js'

export interface Cost {
  readonly name: string
  /** Names of jobs. */
  readonly without: string
  readonly with: string
  /** Name of the input without `.jsonl`. */
  readonly input: string
  readonly rows: number
  readonly target: number
  readonly check: Check
}

export const costBench = (cost: Cost): Bench => ({
  name: cost.name,
  inputs: [`${cost.input}.jsonl`],
  measure: settings => measure(cost, settings),
  once: nodeOptions => runOnce(askedOf(cost, cost.with), nodeOptions),
})

const askedOf = ({ input }: Cost, name: string): Asked => ({ name, input, into: 'null', workers: 1 })
const cpuOf = (runs: readonly Run[]): number => rounded(median(runs.map(run => run.cpuSeconds)), 2)
const rateOf = (run: Run): number => run.rows_in / run.flow_seconds

async function measure(cost: Cost, { rounds }: Settings): Promise<readonly Figure[]> {
  const withouts: Run[] = []
  const runs: Run[] = []
  for (let i = 0; i < rounds; i += 1) {
    withouts.push(await inFolder(out => runJob(askedOf(cost, cost.without), out)))
    runs.push(await inFolder(out => runJob(askedOf(cost, cost.with), out)))
  }
  const [baselines, rates] = [withouts.map(rateOf), runs.map(rateOf)]
  const checked = await checkRows(cost.check, askedOf(cost, cost.with), cost.rows)
  const also = { cpu_s: cpuOf(runs), without_cpu_s: cpuOf(withouts), without_spread: spreadOf(baselines) }
  return [rateFigure({ name: cost.name, rates, baselines, target: cost.target, ...checked, also })]
}

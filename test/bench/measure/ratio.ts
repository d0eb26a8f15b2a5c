/**
 * A job against the bare Python function of the same run: in one process, with its inputs in memory, warm, in batches of
 * 8,192 rows. Job and baseline alternate; the figure is the ratio of the medians.
 *
 * The rate of a job is rows over the seconds from the first poll to the last sink. Starting workers and checking inputs
 * is not in it and is printed beside it.
 */
import { baseline } from '../ask-python.js'
import { type Bench, type Settings } from '../bench.js'
import { type Check, type Checked, checkRows, wrongSum } from '../check.js'
import { type Figure, median, rateFigure, rounded, spreadOf } from '../figure.js'
import { type Asked, type Run, countsOf, inFolder, runJob, startJob } from '../run-job.js'
import { inputsFolder } from '../places.js'

export interface Ratio {
  readonly name: string
  readonly job: Asked
  /** File of the inputs. */
  readonly file: string
  /** Name in `python/baseline.py`. */
  readonly bare: string
  readonly rows: number
  readonly bytesPerRow: number
  readonly target: number
  readonly check: Check
}

export const ratioBench = (ratio: Ratio): Bench => ({
  name: ratio.name,
  inputs: [ratio.file],
  measure: settings => measure(ratio, settings),
  once: nodeOptions => runOnce(ratio.job, nodeOptions),
})

export async function runOnce(job: Asked, nodeOptions: string): Promise<void> {
  await inFolder(out => countsOf(job.name, startJob(job, out, nodeOptions)))
}

async function measure(ratio: Ratio, { rounds }: Settings): Promise<readonly Figure[]> {
  const runs: Run[] = []
  const bares: number[] = []
  for (let i = 0; i < rounds; i += 1) {
    const bare = await baseline(inputsFolder, ratio.bare)
    bares.push(bare.rows / bare.seconds)
    runs.push(await inFolder(out => runJob(ratio.job, out)))
  }
  const rates = runs.map(run => run.rows_in / run.flow_seconds)
  const also = {
    mb_per_s: Math.round((median(rates) * ratio.bytesPerRow) / 1e6),
    cpu_s: rounded(median(runs.map(run => run.cpuSeconds)), 2),
    host_cpu_share: rounded(median(runs.map(run => run.hostShare)), 2),
    start_s: rounded(median(runs.map(run => run.seconds - run.flow_seconds)), 2),
    bare_spread: spreadOf(bares),
  }
  const { name, target } = ratio
  return [rateFigure({ name, rates, baselines: bares, target, ...(await checked(ratio, runs)), also })]
}

async function checked({ check, job, rows }: Ratio, runs: readonly Run[]): Promise<Checked> {
  const short = runs.find(run => run.rows_in !== rows || run.rows_out !== rows)
  if (short !== undefined) {
    const wrong = `expected ${rows} rows in and out, got ${short.rows_in} and ${short.rows_out}`
    return { wrong, checksum: Number.NaN }
  }
  const sums = runs.flatMap(run => Object.values(run.checksums))
  const wrong = check.by === 'texts' || check.by === 'file' || check.of === null ? null : wrongSum(check.of, sums)
  if (wrong !== null || check.by === 'sum') return { wrong, checksum: sums[0] ?? Number.NaN }
  return checkRows(check, job, rows)
}

/**
 * Exactly once beside at least once: JSON lines to JSON lines with epochs of a second, in turn over the same rows. What the runs
 * wrote is read, of each kind once: rows and sum.
 */
import { type Verdict, askPython } from '../ask-python.js'
import { type Bench, type Settings } from '../bench.js'
import { copiesFor, copiesOf } from '../copies.js'
import { type Figure, median, rateFigure, rounded, spreadOf } from '../figure.js'
import { type Asked, type Run, inFolder, runJob } from '../run-job.js'
import { epochsAlso } from './epochs.js'
import { runOnce } from './ratio.js'

const name = 'EO exactly once against at least once'
const file = 'j1.jsonl'
const input = { rows: 2_000_000, sum: 1348958.748748 } as const
const target = 0.8
const secondsMax = 20

type Delivery = NonNullable<Asked['delivery']>

const askedOf = (delivery: Delivery, copies: number): Asked => {
  return { name: 'j1', input: copiesOf(file, copies), into: 'null', workers: 1, epoch: '1s', delivery }
}

export const deliveryBench: Bench = {
  name,
  inputs: [file],
  measure,
  once: nodeOptions => runOnce(askedOf('exactly-once', 4), nodeOptions),
}

const rateOf = (run: Run): number => run.rows_in / run.flow_seconds

async function measure({ rounds, seconds }: Settings): Promise<readonly Figure[]> {
  const first = await inFolder(out => runJob(askedOf('at-least-once', 1), out))
  const copies = copiesFor(rateOf(first), Math.min(seconds, secondsMax), input.rows)
  const wrongs: string[] = []
  const runs: Record<Delivery, Run[]> = { 'at-least-once': [], 'exactly-once': [] }
  for (let i = 0; i < rounds; i += 1) {
    for (const delivery of ['at-least-once', 'exactly-once'] as const) {
      await inFolder(async out => {
        runs[delivery].push(await runJob(askedOf(delivery, copies), out))
        if (i === 0) wrongs.push(...(await wrongRows(out, copies)).map(wrong => `${delivery}: ${wrong}`))
      })
    }
  }
  return [figureOf(runs, copies, wrongs[0] ?? null)]
}

function figureOf(runs: Record<Delivery, Run[]>, copies: number, wrong: string | null): Figure {
  const once = runs['exactly-once']
  const [rates, baselines] = [once.map(rateOf), runs['at-least-once'].map(rateOf)]
  const checksum = rounded(input.sum * copies)
  return rateFigure({
    name,
    rates,
    baselines,
    target,
    wrong,
    checksum,
    also: {
      rows: input.rows * copies,
      epochs: epochsAlso(once)['epochs'] ?? 0,
      cut_p99_ms: epochsAlso(once)['cut_p99_ms'] ?? 0,
      cpu_s: rounded(median(once.map(run => run.cpuSeconds)), 2),
      at_least_once_spread: spreadOf(baselines),
    },
  })
}

/** Sums are added up in another order than the expected one. */
async function wrongRows(out: string, copies: number): Promise<readonly string[]> {
  const { rows, check, wrong } = await askPython<Verdict>('verify.py', 'sum', out)
  const expected = { rows: input.rows * copies, check: input.sum * copies }
  if (wrong !== null) return [wrong]
  if (rows !== expected.rows) return [`expected ${expected.rows} rows, got ${rows}`]
  if (Math.abs(check - expected.check) > 1e-6 * Math.abs(expected.check))
    return [`expected the sum ${expected.check}, got ${check}`]
  return []
}

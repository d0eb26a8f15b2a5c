/**
 * The longest pause that epochs of a second ask for, timed from the beginning of a cut until rows flow again, with the state of
 * the epoch taken: where a million keys are touched once a pass, as many passes as the machine makes; and where each call of a
 * worker takes its time, which a cut has to wait for.
 */
import { type Bench, type Settings } from '../bench.js'
import { type Figure, rounded } from '../figure.js'
import { type Asked, type Run, inFolder, runJob } from '../run-job.js'
import { epochsAlso } from './epochs.js'
import { runOnce } from './ratio.js'

export interface Cut {
  readonly name: string
  readonly job: string
  readonly keys: number
  readonly p99MsMax: number
  /** Every key has to be changed in each epoch: a machine on which a second is too short for that says nothing. */
  readonly all: boolean
}

const profiledSeconds = 15

const askedFor = ({ job, keys }: Cut, seconds: number): Asked => {
  return { name: job, input: '', into: 'null', workers: 1, epoch: '1s', keys: { keys, perSecond: null, seconds } }
}

export const cutBench = (cut: Cut): Bench => ({
  name: cut.name,
  inputs: [],
  measure: settings => measure(cut, settings),
  once: nodeOptions => runOnce(askedFor(cut, profiledSeconds), nodeOptions),
})

async function measure(cut: Cut, { seconds }: Settings): Promise<readonly Figure[]> {
  const { name, keys, p99MsMax, all } = cut
  const run = await inFolder(out => runJob(askedFor(cut, seconds), out))
  const { epochs } = run
  if (epochs === null || epochs.cut_ms_p99 === null) throw new Error('expected a run with cuts')
  const wrong = wrongSum(run, keys)
  const rowsAnEpoch = run.rows_in / epochs.count
  const enough = !all || rowsAnEpoch >= keys
  const figure: Figure = {
    name,
    value: rounded(epochs.cut_ms_p99, 1),
    unit: 'ms',
    baseline: null,
    ratio: null,
    target: p99MsMax,
    met: enough ? wrong === null && epochs.cut_ms_p99 < p99MsMax : null,
    spread: null,
    checksum: sumOf(run),
    wrong,
    also: {
      rows_per_s: Math.round(run.rows_in / run.flow_seconds),
      dirty_keys_an_epoch: Math.round(Math.min(keys, rowsAnEpoch)),
      every_key_each_epoch: rowsAnEpoch >= keys,
      ...epochsAlso([run]),
    },
  }
  return [figure]
}

const sumOf = (run: Run): number => Object.values(run.checksums)[0] ?? Number.NaN

/** Each row says which one of its key it is: after so many passes and a part of one, their sum is known. */
function wrongSum(run: Run, keys: number): string | null {
  const [passes, more] = [Math.floor(run.rows_in / keys), run.rows_in % keys]
  const expected = keys * ((passes * (passes + 1)) / 2) + more * (passes + 1)
  return sumOf(run) === expected ? null : `expected the sum ${expected} of ${run.rows_in} rows, got ${sumOf(run)}`
}

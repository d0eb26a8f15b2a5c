/**
 * The longest pause that epochs of a second ask for: a million keys, each of them touched once a pass, as many passes as the
 * machine makes. A cut is timed from its beginning until rows flow again, with the state of the epoch taken.
 */
import { type Bench, type Settings } from '../bench.js'
import { type Figure, rounded } from '../figure.js'
import { type Asked, type Run, inFolder, runJob } from '../run-job.js'
import { epochsAlso } from './epochs.js'
import { runOnce } from './ratio.js'

const name = 'CUT of a million dirty keys'
const keys = 1_000_000
const p99MsMax = 200
const profiledSeconds = 15

const askedFor = (seconds: number): Asked => {
  return { name: 'visits', input: '', into: 'null', workers: 1, epoch: '1s', keys: { keys, perSecond: null, seconds } }
}

export const cutBench: Bench = {
  name,
  inputs: [],
  measure,
  once: nodeOptions => runOnce(askedFor(profiledSeconds), nodeOptions),
}

async function measure({ seconds }: Settings): Promise<readonly Figure[]> {
  const run = await inFolder(out => runJob(askedFor(seconds), out))
  const { epochs } = run
  if (epochs === null || epochs.cut_ms_p99 === null) throw new Error('expected a run with cuts')
  const wrong = wrongSum(run)
  const rowsAnEpoch = run.rows_in / epochs.count
  const enough = rowsAnEpoch >= keys
  const figure: Figure = {
    name,
    value: rounded(epochs.cut_ms_p99, 1),
    unit: 'ms',
    baseline: null,
    ratio: null,
    target: p99MsMax,
    // A machine on which a second is too short for all keys says nothing about a million of them.
    met: enough ? wrong === null && epochs.cut_ms_p99 < p99MsMax : null,
    spread: null,
    checksum: sumOf(run),
    wrong,
    also: {
      rows_per_s: Math.round(run.rows_in / run.flow_seconds),
      dirty_keys_an_epoch: Math.round(Math.min(keys, rowsAnEpoch)),
      every_key_each_epoch: enough,
      ...epochsAlso([run]),
    },
  }
  return [figure]
}

const sumOf = (run: Run): number => Object.values(run.checksums)[0] ?? Number.NaN

/** Each row says which one of its key it is: after so many passes and a part of one, their sum is known. */
function wrongSum(run: Run): string | null {
  const [passes, more] = [Math.floor(run.rows_in / keys), run.rows_in % keys]
  const expected = keys * ((passes * (passes + 1)) / 2) + more * (passes + 1)
  return sumOf(run) === expected ? null : `expected the sum ${expected} of ${run.rows_in} rows, got ${sumOf(run)}`
}

/**
 * `transform swap` in the middle of 10,000 rows a second through a keyed transform with epochs of 1 s: how long nothing comes out at most, from
 * the moment at which other code is asked for until a second behind the word on it; and whether every row came out once, with the
 * state of its key. Beside it the longest silence of the same run that nobody disturbs.
 */
import { askSwap } from '../../../src/control/index.js'
import { type SwapReport } from '../../../src/runtime/index.js'
import { type Bench, type Settings } from '../bench.js'
import { type Figure, median, rounded } from '../figure.js'
import { type Returned, underLoad } from '../live.js'
import { countsOf, startJob } from '../run-job.js'
import { longestBetween } from './kill-often.js'
import { wrongRows } from './killing.js'

const rowsPerSecond = 10_000
const silenceMsMax = 1_000
const epoch = '1s'
/** Workers come up, and rows flow again, in peace. */
const peaceMs = 4_000
/** One swap with the start of a worker and its first epoch. */
const secondsASwap = 6
/** Each is the same work: more of them make the run longer and say little. */
const swapsMax = 5

export const swapBench: Bench = {
  name: 'SWAP silence',
  inputs: [],
  measure,
  once: null,
}

interface Swapped extends SwapReport {
  /** Monotonic clock, nanoseconds. */
  readonly askedAt: number
  readonly answeredAt: number
}

async function measure({ kills }: Settings): Promise<readonly Figure[]> {
  const swaps = Math.min(kills, swapsMax)
  const undisturbed = await run(swaps, 0)
  const { returned, swapped } = await run(swaps, swaps)
  const [first, last] = [swapped[0]?.askedAt ?? 0, swapped.at(-1)?.answeredAt ?? 0]
  const silences = swapped.map(({ askedAt, answeredAt }) => longestBetween(returned, [askedAt, answeredAt]))
  const value = Math.max(...silences)
  const [ours, theirs] = [wrongRows(returned), wrongRows(undisturbed.returned)]
  const lost = swapped.find(({ kept }) => !kept)
  const wrong = lost === undefined ? ours.wrong : `new code was thrown away: ${lost.why?.message ?? ''}`
  const figure: Figure = {
    name: swapBench.name,
    value: rounded(value, 1),
    unit: 'ms',
    baseline: rounded(
      longestBetween(
        undisturbed.returned,
        [first, last].map(at => at - began(returned, undisturbed)),
      ),
      1,
    ),
    ratio: null,
    target: silenceMsMax,
    met: wrong === null && value < silenceMsMax,
    spread: null,
    checksum: returned.lines.length,
    wrong,
    also: {
      swaps: swapped.length,
      rows: returned.rows,
      lost: ours.lost,
      twice: ours.twice,
      lost_without: theirs.lost,
      twice_without: theirs.twice,
      paused_ms: swapped.map(({ pausedMs }) => pausedMs.toFixed(0)).join(' '),
      until_judged_ms_median: rounded(median(swapped.map(each => (each.answeredAt - each.askedAt) / 1e6)), 0),
      each_ms: silences.map(ms => ms.toFixed(0)).join(' '),
    },
  }
  return [figure]
}

/** How much later one of two runs began. */
const began = (returned: Returned, other: Pick<Run, 'returned'>): number => returned.began - other.returned.began

interface Run {
  readonly returned: Returned
  readonly swapped: readonly Swapped[]
}

/** So long as so many swaps need, with some of them. */
async function run(length: number, swaps: number): Promise<Run> {
  const { returned, subject } = await underLoad(
    { rowsPerSecond, seconds: length * secondsASwap + (2 * peaceMs) / 1_000 },
    async (folder, firstRow) => {
      const out = `${folder}/out`
      const job = countsOf('kill', startJob({ name: 'kill', input: folder, into: 'null', workers: 1, epoch }, out))
      const swapping = Promise.race([firstRow, job]).then(() => swapAll(out, swaps))
      const [, swapped] = await Promise.all([job, swapping])
      return swapped
    },
  )
  return { returned, swapped: subject }
}

/** The file is the same: what is measured is the change, not what the code does. */
async function swapAll(out: string, swaps: number): Promise<readonly Swapped[]> {
  const swapped: Swapped[] = []
  await pause(peaceMs)
  while (swapped.length < swaps) {
    const askedAt = Number(process.hrtime.bigint())
    const report = await askSwap(out, { module: null, operator: null, maxErrors: null })
    swapped.push({ ...report, askedAt, answeredAt: Number(process.hrtime.bigint()) })
    await pause(1_000)
  }
  return swapped
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

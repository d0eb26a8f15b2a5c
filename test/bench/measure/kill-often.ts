/**
 * `kill -9` of the worker that has the rows, each 200 ms, while 20,000 rows a second flow through a keyed transform: how long nothing
 * comes out at most, with `--spares` warm workers behind the one at work; and beside it how long a worker takes to start: spawned and
 * forked while nothing else happens, and in the run itself.
 *
 * Who has the rows is asked at the control socket of the run, as `anabranch workers` asks. Only one that has answered a call is killed:
 * a worker that dies before its first call is a failed start, which is held back on purpose.
 */
import { askStatus } from '../../../src/control/index.js'
import { type WorkerStatus } from '../../../src/runtime/index.js'
import { type Bench, type Settings } from '../bench.js'
import { type Figure, median, rounded } from '../figure.js'
import { type Returned, echo, underLoad } from '../live.js'
import { type Counts, countsOf, startJob } from '../run-job.js'
import { repository } from '../../support/repository.js'
import { silencesOf, wrongRows } from './kill.js'
import { startsMs } from './starts.js'

const rowsPerSecond = 20_000
const silenceMsMax = 250
const killEveryMs = 200
const lookEveryMs = 25
/** The first workers come up, and the last rows come back, in peace. */
const peaceMs = 5_000

export const killOftenBench: Bench = {
  name: 'B7 a kill each 200 ms',
  inputs: [],
  measure,
  once: null,
}

interface Struck {
  readonly kills: readonly number[]
  /** Milliseconds from the start of a worker to its being ready, as far as looks see it. */
  readonly startsMs: readonly number[]
  /** Moments at which nobody was there to be killed. */
  readonly missed: number
}

async function measure({ seconds, spares }: Settings): Promise<readonly Figure[]> {
  const { returned: bare } = await underLoad({ rowsPerSecond, seconds: Math.min(seconds, 10) }, echo)
  const start = await startsMs(repository)
  const { returned, counts, struck } = await run(seconds, spares)
  const echoed = silencesOf({ returned: bare, kills: [] }).peace
  const value = longestBetween(returned, struck.kills)
  const { lost, twice, wrong } = wrongRows(returned)
  const figure: Figure = {
    name: killOftenBench.name,
    value: rounded(value, 1),
    unit: 'ms',
    baseline: rounded(echoed, 1),
    ratio: null,
    target: silenceMsMax,
    met: wrong === null && value < silenceMsMax,
    spread: null,
    checksum: returned.lines.length,
    wrong,
    also: {
      spares,
      kills: struck.kills.length,
      nobody_to_kill: struck.missed,
      cold_start_ms: start.spawned,
      forked_start_ms: start.forked,
      start_in_run_median_ms: struck.startsMs.length === 0 ? 'none was seen' : rounded(median(struck.startsMs), 0),
      starts_seen: struck.startsMs.length,
      lost,
      twice,
      calls_sent_again: counts.counters['lease.resent'] ?? 0,
    },
  }
  return [figure]
}

async function run(
  seconds: number,
  spares: number,
): Promise<{ readonly returned: Returned; readonly counts: Counts; readonly struck: Struck }> {
  const { returned, subject } = await underLoad(
    { rowsPerSecond, seconds: seconds + (2 * peaceMs) / 1_000 },
    async (folder, firstRow) => {
      const out = `${folder}/out`
      const job = startJob({ name: 'kill', input: folder, into: 'null', workers: 1, spares }, out)
      const counts = countsOf('kill', job)
      const striking = Promise.race([firstRow, counts]).then(() => strike(out, seconds))
      const [ended, struck] = await Promise.all([counts, striking])
      return { counts: ended, struck }
    },
  )
  return { returned, ...subject }
}

async function strike(out: string, seconds: number): Promise<Struck> {
  const kills: number[] = []
  const starts = new Starts()
  let missed = 0
  await pause(peaceMs)
  const began = performance.now()
  for (let next = began; performance.now() - began < seconds * 1_000; ) {
    const { list } = (await askStatus(out)).workers
    const now = performance.now()
    starts.see(list, now)
    if (now >= next) {
      next += killEveryMs
      const atWork = list.find(({ state, calls }) => state === 'ready' && calls > 0)
      if (atWork === undefined || !killed(atWork)) missed += 1
      else kills.push(Number(process.hrtime.bigint()))
    }
    await pause(lookEveryMs)
  }
  return { kills, startsMs: starts.ms, missed }
}

/** It may have died between the look and the kill. */
function killed({ pid }: WorkerStatus): boolean {
  try {
    return pid !== null && process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

/** How long workers took to come up. */
class Starts {
  readonly ms: number[] = []
  private readonly since = new Map<number, number>()

  see(list: readonly WorkerStatus[], now: number): void {
    for (const { worker, state } of list) {
      const began = this.since.get(worker)
      if (state === 'starting' && began === undefined) this.since.set(worker, now)
      if (state === 'starting' || began === undefined) continue
      this.since.delete(worker)
      this.ms.push(now - began)
    }
  }
}

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** The longest time between two reads of the outputs from the first of these moments to a second behind the last one, in milliseconds. */
export function longestBetween({ at }: Returned, kills: readonly number[]): number {
  const [from, to] = [kills[0] ?? Number.POSITIVE_INFINITY, (kills.at(-1) ?? 0) + 1e9]
  let longest = 0
  for (let i = 1; i < at.length; i += 1) {
    const [before, now] = [at[i - 1] ?? 0, at[i] ?? 0]
    if (now >= from && before <= to) longest = Math.max(longest, (now - before) / 1e6)
  }
  return longest
}

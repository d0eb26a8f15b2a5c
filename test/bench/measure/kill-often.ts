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
import { type Returned } from '../live.js'
import { repository } from '../../support/repository.js'
import { echoedMs, pause, silenceFigure, underKills } from './killing.js'
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

interface Strikes {
  readonly kills: readonly number[]
  /** Milliseconds from the start of a worker to its being ready, as far as looks see it. */
  readonly startsMs: readonly number[]
  /** Moments at which nobody was there to be killed. */
  readonly missed: number
}

async function measure({ seconds, spares }: Settings): Promise<readonly Figure[]> {
  const echoed = await echoedMs({ rowsPerSecond, seconds: Math.min(seconds, 10) })
  const start = await startsMs(repository)
  const load = { rowsPerSecond, seconds: seconds + (2 * peaceMs) / 1_000 }
  const done = await underKills(load, { spares }, out => strike(out, seconds))
  const { returned, struck } = done
  return [
    silenceFigure(done, {
      name: killOftenBench.name,
      longestMs: longestBetween(returned, struck.kills),
      echoedMs: echoed,
      maxMs: silenceMsMax,
      spread: null,
      also: {
        spares,
        kills: struck.kills.length,
        nobody_to_kill: struck.missed,
        cold_start_ms: start.spawned,
        forked_start_ms: start.forked,
        start_in_run_median_ms: struck.startsMs.length === 0 ? 'none was seen' : rounded(median(struck.startsMs), 0),
        starts_seen: struck.startsMs.length,
      },
    }),
  ]
}

async function strike(out: string, seconds: number): Promise<Strikes> {
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

/**
 * `kill -9` of the worker that has the rows, again and again, while 10,000 rows a second flow through a keyed transform:
 * how long nothing comes out, and whether every row came out once, with the state of its key as if nobody had died.
 *
 * Silence is the longest time between two reads of the outputs that ended within `afterMs` of a kill. Beside it stands
 * the longest one of the same run away from any kill, and of a bare echo at the same rate.
 */
import { readFileSync } from 'node:fs'
import { type Bench, type Settings } from '../bench.js'
import { type Figure, median, rounded } from '../figure.js'
import { cpuSecondsOf } from '../tree.js'
import { type Struck, afterMs, echoedMs, pause, silenceFigure, silencesOf, underKills } from './killing.js'

const rowsPerSecond = 10_000
const silenceMsMax = 50
/** CPU time is told in steps of 10 ms; at this rate a worker uses several of them in this time. */
const lookMs = 500
/** Rows flow for so long for each kill; a spare on a busy machine takes a second to come up. */
const secondsAKill = 3

export const killBench: Bench = {
  name: 'B7 silence after kill -9',
  inputs: [],
  measure,
  once: async nodeOptions => {
    await run(5, nodeOptions)
  },
}

async function measure({ kills }: Settings): Promise<readonly Figure[]> {
  const echoed = await echoedMs({ rowsPerSecond, seconds: secondsOf(2) })
  const done = await run(kills, '')
  const { silences, peace } = silencesOf({ ...done, kills: done.struck })
  const longestMs = Math.max(...silences)
  return [
    silenceFigure(done, {
      name: killBench.name,
      longestMs,
      echoedMs: echoed,
      maxMs: silenceMsMax,
      spread: rounded(longestMs / Math.min(...silences), 2),
      also: {
        median_ms: rounded(median(silences), 1),
        in_peace_ms: rounded(peace, 1),
        kills: done.struck.length,
        each_ms: silences.map(ms => ms.toFixed(0)).join(' '),
      },
    }),
  ]
}

const secondsOf = (kills: number): number => (kills + 1) * secondsAKill

/** Struck at these moments of the monotonic clock, in nanoseconds. */
const run = (kills: number, nodeOptions: string): Promise<Struck<readonly number[]>> =>
  underKills({ rowsPerSecond, seconds: secondsOf(kills) }, { nodeOptions }, out => killAll(out, kills))

async function killAll(out: string, kills: number): Promise<readonly number[]> {
  const at: number[] = []
  const last = performance.now() + secondsAKill * kills * 1000
  while (at.length < kills) {
    const pid = await theWorkerAtWork(out)
    if (performance.now() > last) throw new Error(`expected a spare for ${kills} kills in time, got ${at.length}`)
    at.push(Number(process.hrtime.bigint()))
    process.kill(pid, 'SIGKILL')
    await pause(afterMs)
  }
  return at
}

/** Once one worker has the rows and the other, the spare, has come to rest: what is promised is a silence with a spare. */
async function theWorkerAtWork(out: string): Promise<number> {
  for (;;) {
    const before = cpuOfWorkers(out)
    await pause(lookMs)
    const used = [...cpuOfWorkers(out)].map(([pid, seconds]) => ({ pid, seconds: seconds - (before.get(pid) ?? -1) }))
    const [working, ...others] = used.filter(({ seconds }) => seconds > 0)
    if (working !== undefined && others.length === 0 && used.length === 2) return working.pid
  }
}

function cpuOfWorkers(out: string): ReadonlyMap<number, number> {
  const { workers }: { workers: readonly number[] } = JSON.parse(readFileSync(`${out}/run.json`, 'utf8'))
  return new Map(workers.map(pid => [pid, cpuSecondsOf(pid) ?? 0]))
}

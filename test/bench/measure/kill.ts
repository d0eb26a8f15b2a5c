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
import { type Returned, echo, underLoad } from '../live.js'
import { type Counts, countsOf, startJob } from '../run-job.js'
import { cpuSecondsOf } from '../tree.js'

const rowsPerSecond = 10_000
const silenceMsMax = 50
const afterMs = 1_000
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

interface Run {
  readonly returned: Returned
  readonly counts: Counts
  /** Monotonic clock, nanoseconds. */
  readonly kills: readonly number[]
}

async function measure({ kills }: Settings): Promise<readonly Figure[]> {
  const { returned: bare } = await underLoad({ rowsPerSecond, seconds: secondsOf(2) }, echo)
  const done = await run(kills, '')
  const { silences, peace } = silencesOf(done)
  const echoed = silencesOf({ returned: bare, kills: [] }).peace
  const value = Math.max(...silences)
  const { lost, twice, wrong } = wrongRows(done.returned)
  const figure: Figure = {
    name: killBench.name,
    value: rounded(value, 1),
    unit: 'ms',
    baseline: rounded(echoed, 1),
    ratio: null,
    target: silenceMsMax,
    met: wrong === null && value < silenceMsMax,
    spread: rounded(value / Math.min(...silences), 2),
    checksum: done.returned.lines.length,
    wrong,
    also: {
      median_ms: rounded(median(silences), 1),
      in_peace_ms: rounded(peace, 1),
      kills: done.kills.length,
      lost,
      twice,
      calls_sent_again: done.counts.counters['lease.resent'] ?? 0,
      each_ms: silences.map(ms => ms.toFixed(0)).join(' '),
    },
  }
  return [figure]
}

const secondsOf = (kills: number): number => (kills + 1) * secondsAKill

async function run(kills: number, nodeOptions: string): Promise<Run> {
  const { returned, subject } = await underLoad(
    { rowsPerSecond, seconds: secondsOf(kills) },
    async (folder, firstRow) => {
      const out = `${folder}/out`
      const job = startJob({ name: 'kill', input: folder, into: 'null', workers: 1 }, out, nodeOptions)
      const counts = countsOf('kill', job)
      const killed = Promise.race([firstRow, counts]).then(() => killAll(out, kills))
      const [ended, at] = await Promise.all([counts, killed])
      return { counts: ended, kills: at }
    },
  )
  return { returned, ...subject }
}

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

const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** The longest silence after each kill, and of the whole rest after a second for the beginning; milliseconds. */
export function silencesOf({ returned, kills }: Pick<Run, 'returned' | 'kills'>): {
  silences: number[]
  peace: number
} {
  const { at, began } = returned
  const silences = kills.map(() => 0)
  let peace = 0
  for (let i = 1; i < at.length; i += 1) {
    const [from, to] = [at[i - 1] ?? 0, at[i] ?? 0]
    const ms = (to - from) / 1e6
    const kill = kills.findLastIndex(each => each <= to)
    if (kill >= 0 && to - (kills[kill] ?? 0) < afterMs * 1e6) silences[kill] = Math.max(silences[kill] ?? 0, ms)
    else if (from > began + 1e9) peace = Math.max(peace, ms)
  }
  return { silences, peace }
}

interface Wrong {
  readonly lost: number
  readonly twice: number
  readonly wrong: string | null
}

/** Each row once; within a key in order, the count of its key going up by one. */
export function wrongRows({ lines, rows }: Returned): Wrong {
  const times = new Uint8Array(rows + 1)
  const counted = new Map<string, { id: number; nth: number }>()
  let wrong: string | null = null
  for (const line of lines) {
    const { id, name, nth }: { id: number; name: string; nth: number } = JSON.parse(line)
    times[id] = (times[id] ?? 0) + 1
    const before = counted.get(name) ?? { id: -1, nth: 0 }
    if (nth !== before.nth + 1 || id <= before.id)
      wrong ??= `row ${id}: expected it as ${before.nth + 1} of its key, got ${nth}`
    counted.set(name, { id, nth })
  }
  const lost = times.filter(n => n === 0).length
  const twice = times.filter(n => n > 1).length
  return { lost, twice, wrong: lost + twice > 0 ? `${lost} rows lost, ${twice} twice` : wrong }
}

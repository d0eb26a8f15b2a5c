/**
 * Killing: the keyed job of the benches of `kill -9` under load, while somebody strikes its workers; what came out of it, and how
 * long nothing did.
 */
import { type Figure, rounded } from '../figure.js'
import { type Returned, echo, underLoad } from '../live.js'
import { type Counts, countsOf, startJob } from '../run-job.js'

/** A silence so long after a kill is of that kill. */
export const afterMs = 1_000

export interface Struck<S> {
  readonly returned: Returned
  readonly counts: Counts
  readonly struck: S
}

/** Runs the job with one worker at work, and begins to strike with its first row. */
export async function underKills<S>(
  load: { readonly rowsPerSecond: number; readonly seconds: number },
  how: { readonly spares?: number; readonly nodeOptions?: string },
  strike: (out: string) => Promise<S>,
): Promise<Struck<S>> {
  const { spares, nodeOptions } = how
  const { returned, subject } = await underLoad(load, async (folder, firstRow) => {
    const out = `${folder}/out`
    const spec = {
      name: 'kill',
      input: folder,
      into: 'null' as const,
      workers: 1,
      ...(spares !== undefined && { spares }),
    }
    const counts = countsOf('kill', startJob(spec, out, nodeOptions))
    const striking = Promise.race([firstRow, counts]).then(() => strike(out))
    const [ended, struck] = await Promise.all([counts, striking])
    return { counts: ended, struck }
  })
  return { returned, ...subject }
}

/** The longest silence of a bare echo under this load, in milliseconds. */
export async function echoedMs(load: { readonly rowsPerSecond: number; readonly seconds: number }): Promise<number> {
  const { returned } = await underLoad(load, echo)
  return silencesOf({ returned, kills: [] }).peace
}

interface Silence {
  readonly name: string
  readonly longestMs: number
  readonly echoedMs: number
  readonly maxMs: number
  readonly spread: number | null
  readonly also: Figure['also']
}

/** The figure of a run: met where it was silent for less than may be, and each row came out once. */
export function silenceFigure({ returned, counts }: Struck<unknown>, of: Silence): Figure {
  const { lost, twice, wrong } = wrongRows(returned)
  return {
    name: of.name,
    value: rounded(of.longestMs, 1),
    unit: 'ms',
    baseline: rounded(of.echoedMs, 1),
    ratio: null,
    target: of.maxMs,
    met: wrong === null && of.longestMs < of.maxMs,
    spread: of.spread,
    checksum: returned.lines.length,
    wrong,
    also: { ...of.also, lost, twice, calls_sent_again: counts.counters['lease.resent'] ?? 0 },
  }
}

export const pause = (ms: number): Promise<void> => new Promise(resolve => setTimeout(resolve, ms))

/** The longest silence after each kill, and of the whole rest after a second for the beginning; milliseconds. */
export function silencesOf({ returned, kills }: { readonly returned: Returned; readonly kills: readonly number[] }): {
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

/**
 * A timeline: counters that only grow, looked at a few times a second, so that what they grew by in the last second or minute is a
 * difference of two looks. Pure: it is told the time, and nobody who counts has to know of it.
 */
interface Look {
  readonly ms: number
  readonly counters: readonly number[]
}

const lookEveryMs = 250
const keepMs = 60_000

export class Timeline {
  private readonly looks: Look[] = []

  /** The moment has come to look again; `read` is asked at most once in `lookEveryMs`. */
  passed(nowMs: number, read: () => readonly number[]): void {
    const last = this.looks.at(-1)
    if (last !== undefined && nowMs - last.ms < lookEveryMs) return
    this.looks.push({ ms: nowMs, counters: read() })
    while ((this.looks[1]?.ms ?? nowMs) <= nowMs - keepMs) this.looks.shift()
  }

  /** What each counter grew by a second: over the last `overMs` and what it takes to the look before, or since the first look. */
  perSecond(overMs: number, nowMs: number, now: readonly number[]): readonly number[] {
    const since = this.looks.findLast(look => look.ms <= nowMs - overMs) ?? this.looks[0]
    if (since === undefined || since.ms >= nowMs) return now.map(() => 0)
    const seconds = (nowMs - since.ms) / 1_000
    return now.map((counter, i) => (counter - (since.counters[i] ?? 0)) / seconds)
  }
}

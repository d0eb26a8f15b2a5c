/**
 * The hand-moved clock: a queue of what will happen, in virtual milliseconds. What happens at the same moment happens
 * in the order in which it was planned.
 *
 * The host may stand still (a blocked event loop, a frozen machine): then the world goes on, and what the host would
 * have heard waits for it, as bytes wait in a socket.
 */
interface Planned {
  readonly atMs: number
  readonly order: number
  readonly host: boolean
  readonly run: () => void
}

export class VirtualClock {
  nowMs = 0
  private readonly heap: Planned[] = []
  private order = 0
  private stillUntilMs = 0

  /** Something in the world. */
  after(ms: number, run: () => void): void {
    this.plan({ atMs: this.nowMs + ms, order: this.order++, host: false, run })
  }

  /** Something that the host hears of: not while it stands still. */
  tell(ms: number, run: () => void): void {
    this.plan({ atMs: this.nowMs + ms, order: this.order++, host: true, run })
  }

  /** Nothing of what was planned happens: who planned it is gone. */
  clear(): void {
    this.heap.length = 0
    this.stillUntilMs = 0
  }

  standStill(ms: number): void {
    this.stillUntilMs = Math.max(this.stillUntilMs, this.nowMs + ms)
  }

  /** When the next thing will happen; null where nothing will. */
  get nextMs(): number | null {
    return this.heap[0]?.atMs ?? null
  }

  /** Lets the next thing happen; false where nothing will. */
  step(): boolean {
    const next = this.pop()
    if (next === undefined) return false
    this.nowMs = Math.max(this.nowMs, next.atMs)
    if (next.host && this.nowMs < this.stillUntilMs)
      this.plan({ ...next, atMs: this.stillUntilMs, order: this.order++ })
    else next.run()
    return true
  }

  private plan(planned: Planned): void {
    const { heap } = this
    let i = heap.push(planned) - 1
    while (i > 0) {
      const up = (i - 1) >> 1
      const above = heap[up]
      if (above === undefined || !before(planned, above)) break
      heap[i] = above
      i = up
    }
    heap[i] = planned
  }

  private pop(): Planned | undefined {
    const { heap } = this
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || first === last) return first
    let i = 0
    for (;;) {
      const left = 2 * i + 1
      const right = left + 1
      let down = left
      const r = heap[right]
      const l = heap[left]
      if (l === undefined) break
      if (r !== undefined && before(r, l)) down = right
      const below = down === right && r !== undefined ? r : l
      if (!before(below, last)) break
      heap[i] = below
      i = down
    }
    heap[i] = last
    return first
  }
}

const before = (a: Planned, b: Planned): boolean => a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)

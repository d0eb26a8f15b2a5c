/**
 * Lanes: those of one stage, by key or the only one that a stage without key has. Which of them sends next, and what waits in
 * all of them together.
 */
import { invariant } from '../../base/index.js'
import { type Memory } from '../../batch/index.js'
import { type EpochGate } from './gate.js'
import { takeSlots } from './row-numbers.js'
import { type CallLimit, Lane } from './lane.js'
import { type Place, type RowOrder } from './row-order.js'
import { type Rows, rowCount, takeRows } from './rows.js'
import { type Ticket } from './ticket.js'

interface LanesTerms {
  readonly count: number
  /** Tickets that each may have open. */
  readonly window: number
  readonly gate: EpochGate
  readonly memory: Memory
}

export class Lanes {
  readonly all: readonly Lane[]
  private turn = 0

  constructor(private readonly terms: LanesTerms) {
    const { count, window, gate, memory } = terms
    this.all = Array.from({ length: count }, (_, i) => new Lane(i, window, gate, memory))
  }

  at(index: number): Lane {
    const lane = this.all[index]
    invariant(lane !== undefined, 'a ticket names a lane of its stage')
    return lane
  }

  /** Rows enter the lanes of their keys. */
  enter(rows: Rows, slots: Int32Array, lanes: readonly Int32Array[]): void {
    const whole = lanes.findIndex(at => at.length === rowCount(rows))
    if (whole >= 0) {
      this.all[whole]?.push(rows, slots)
      return
    }
    lanes.forEach((at, i) => {
      if (at.length > 0) this.all[i]?.push(takeRows(rows, at, this.terms.memory), takeSlots(slots, at))
    })
    rows.loan?.release()
  }

  /**
   * A ticket to send a piece of now; null where nothing can be sent. The lane with the oldest rows comes first, and of those
   * with equal ones each in turn: so none is ahead by more than a call, and a cut has little to wait for.
   */
  next(nowMs: number, limit: () => CallLimit): Ticket | null {
    let oldest: Lane | null = null
    for (let n = 0; n < this.all.length; n += 1) {
      const lane = this.at((this.turn + n) % this.all.length)
      if (lane.runnable(nowMs) && (oldest === null || lane.firstPoll < oldest.firstPoll)) oldest = lane
    }
    if (oldest === null) return null
    this.turn = (oldest.index + 1) % this.all.length
    return oldest.next(nowMs, limit())
  }

  runnable(nowMs: number): boolean {
    return this.all.some(lane => lane.runnable(nowMs))
  }

  /** Rows that wait. */
  get rows(): number {
    return this.all.reduce((n, lane) => n + lane.rows, 0)
  }

  get bytes(): number {
    return this.all.reduce((n, lane) => n + lane.bytes, 0)
  }

  /** No row waits, or is under way. */
  get idle(): boolean {
    return this.all.every(lane => lane.idle)
  }

  /** A ticket is under way. */
  get isOpen(): boolean {
    return this.all.some(lane => lane.open.length > 0)
  }

  /** A row waits or is under way that belongs to the epoch that is being cut. */
  get holdsAdmitted(): boolean {
    return this.all.some(lane => lane.holdsAdmitted)
  }

  /** A row waits of a poll of which rows have passed. */
  get holdsPassed(): boolean {
    return this.all.some(lane => lane.holdsPassed)
  }

  /** The keys of rows that wait for a call. */
  get waitingSlots(): readonly Int32Array[] {
    return this.all.flatMap(lane => lane.waitingSlots)
  }

  /** Where the first rows stand that have not left them. */
  fronts(order: RowOrder): readonly Place[] {
    return this.all.flatMap(lane => lane.front(order) ?? [])
  }

  /** What lanes are held for, since a service that they call is away. */
  get held(): readonly NonNullable<Lane['held']>[] {
    return this.all.flatMap(lane => lane.held ?? [])
  }

  /** When a held lane may try again; null where none is held. */
  wakeMs(nowMs: number): number | null {
    const held = this.all.map(lane => lane.heldUntilMs).filter(ms => ms > nowMs)
    return held.length === 0 ? null : Math.min(...held)
  }

  /** Tickets that each may have open from now on. */
  widen(window: number): void {
    for (const lane of this.all) lane.window = window
  }
}

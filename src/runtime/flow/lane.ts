/**
 * A lane: the unit of order. Rows wait in it, leave it as tickets, and their results leave the stage in the order
 * in which the tickets were made. A lane with keys has one ticket open, since its state is away with it; a lane
 * without has a window of them.
 */
import { atFailpoint } from '../../base/index.js'
import { type Memory } from '../../batch/index.js'
import { type EpochGate } from './gate.js'
import { type Place, type RowOrder } from './row-order.js'
import { type Rows, concatRows, rowBytes, rowCount, splitRows } from './rows.js'
import { type Ticket, newTicket } from './ticket.js'

interface Waiting {
  readonly rows: Rows
  readonly slots: Int32Array | null
  readonly bytes: number
}

/** Rows of one call. */
export interface CallLimit {
  /** Batches are joined up to so many. */
  readonly together: number
  /** One of more is cut. */
  readonly alone: number
  /** A lane that is behind others takes no row of a poll that they have not begun. */
  readonly inStep: boolean
}

export class Lane {
  private readonly waiting: Waiting[] = []
  private rowsWaiting = 0
  private bytesWaiting = 0
  readonly open: Ticket[] = []
  /** What the transform calls is away (see `fault/hold`); null once a call of the lane has succeeded. */
  held: { readonly sinceMs: number; readonly untilMs: number; readonly reason: string } | null = null

  constructor(
    readonly index: number,
    /** Tickets that may be open. */
    public window: number,
    private readonly gate: EpochGate,
    /** Where rows are joined. */
    private readonly memory?: Memory,
  ) {}

  /** No call before `untilMs`. */
  hold(nowMs: number, { untilMs, reason }: { readonly untilMs: number; readonly reason: string }): void {
    this.held = { sinceMs: this.held?.sinceMs ?? nowMs, untilMs, reason }
  }

  get heldUntilMs(): number {
    return this.held?.untilMs ?? 0
  }

  get rows(): number {
    return this.rowsWaiting
  }
  get bytes(): number {
    return this.bytesWaiting
  }
  get idle(): boolean {
    return this.open.length === 0 && this.rowsWaiting === 0
  }

  /** The keys of rows that wait for a call. */
  get waitingSlots(): readonly Int32Array[] {
    return this.waiting.flatMap(({ slots }) => slots ?? [])
  }

  /** A row waits that belongs to the epoch that is being cut, or one is under way. */
  get holdsAdmitted(): boolean {
    return this.open.length > 0 || this.waiting.some(w => this.gate.admits(w.rows.fresh))
  }

  /** Of the rows that are sent next: from which poll of a source they are; 0 where all of them have passed. */
  get firstPoll(): number {
    return this.waiting[0]?.rows.fresh?.poll ?? 0
  }

  /** A row waits of a poll of which rows have passed. */
  get holdsPassed(): boolean {
    return this.waiting.some(w => this.gate.hasPassed(w.rows.fresh))
  }

  private get maySend(): boolean {
    const [first] = this.waiting
    return first !== undefined && this.open.length < this.window && this.gate.admits(first.rows.fresh)
  }

  push(rows: Rows, slots: Int32Array | null): void {
    if (rowCount(rows) === 0) return
    this.waiting.push(this.weighed(rows, slots))
    this.rowsWaiting += rowCount(rows)
  }

  private weighed(rows: Rows, slots: Int32Array | null): Waiting {
    const bytes = rowBytes(rows)
    this.bytesWaiting += bytes
    return { rows, slots, bytes }
  }

  /** A ticket of which a piece can be sent now: an open one first, else a new one. */
  next(nowMs: number, limit: CallLimit): Ticket | null {
    if (nowMs < this.heldUntilMs) return null
    for (const ticket of this.open) if (!ticket.away && ticket.todo.length > 0) return ticket
    if (!this.maySend) return null
    const { rows, slots } = atFailpoint('batch.form', () => this.leave(limit))
    const ticket = newTicket(this.index, { kind: 'rows' }, rows, slots)
    this.open.push(ticket)
    return ticket
  }

  /** Whether `next` would answer a ticket; makes none. */
  runnable(nowMs: number): boolean {
    if (nowMs < this.heldUntilMs) return false
    return this.maySend || this.open.some(t => !t.away && t.todo.length > 0)
  }

  /** Where the first row stands that has not left it; null where none has still to. */
  front(order: RowOrder): Place | null {
    const first = this.open[0]?.origin ?? this.waiting[0]?.rows.origin
    return first === undefined ? null : order.of(first, 0)
  }

  /** Tickets that are finished, removed: those at the head, since emissions go out in this order; `overtaking`: all. */
  finished(overtaking = false): readonly Ticket[] {
    const done = this.open.filter(t => !t.away && t.todo.length === 0)
    if (overtaking) {
      for (const ticket of done) this.open.splice(this.open.indexOf(ticket), 1)
      return done
    }
    const inOrder = done.filter((ticket, i) => this.open[i] === ticket)
    return this.open.splice(0, inOrder.length)
  }

  /** Only a batch that is too large alone is cut: a full call is not worth the copy of two halves that do not lie together. */
  private leave({ together, alone, inStep }: CallLimit): Pick<Waiting, 'rows' | 'slots'> {
    const parts: Waiting[] = []
    const isBehind = inStep && this.gate.hasPassed(this.waiting[0]?.rows.fresh)
    let left = together
    for (let head = this.waiting[0]; head !== undefined; head = this.waiting[0]) {
      const n = rowCount(head.rows)
      if ((n > left && parts.length > 0) || !this.gate.admits(head.rows.fresh)) break
      if (isBehind && !this.gate.hasPassed(head.rows.fresh)) break
      this.gate.pass(head.rows.fresh)
      this.waiting.shift()
      const part = n > alone ? this.cut(head, together) : head
      this.bytesWaiting -= part.bytes
      parts.push(part)
      left -= n
      if (left <= 0) break
    }
    const rows = concatRows(
      parts.map(p => p.rows),
      this.memory,
    )
    this.rowsWaiting -= rowCount(rows)
    return { rows, slots: joinSlots(parts) }
  }

  /** The first rows of what stood at the head; the others stand there now. */
  private cut(head: Waiting, at: number): Waiting {
    const [first, rest] = splitRows(head.rows, at)
    this.bytesWaiting -= head.bytes
    this.waiting.unshift(this.weighed(rest, head.slots?.subarray(at) ?? null))
    return this.weighed(first, head.slots?.subarray(0, at) ?? null)
  }
}

function joinSlots(parts: readonly Waiting[]): Int32Array | null {
  const [only] = parts
  if (only === undefined || only.slots === null) return null
  if (parts.length === 1) return only.slots
  const joined = new Int32Array(parts.reduce((n, p) => n + rowCount(p.rows), 0))
  let at = 0
  for (const { slots } of parts) {
    if (slots === null) continue
    joined.set(slots, at)
    at += slots.length
  }
  return joined
}

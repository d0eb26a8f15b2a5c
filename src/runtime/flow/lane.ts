/**
 * A lane: the unit of order. Rows wait in it, leave it as tickets, and their results leave the stage in the order
 * in which the tickets were made. A lane with keys has one ticket open, since its state is away with it; a lane
 * without has a window of them.
 */
import { type Place, type RowOrder } from './row-order.js'
import { type Rows, concatRows, rowCount, sliceRows } from './rows.js'
import { type Ticket, newTicket } from './ticket.js'

interface Waiting {
  readonly rows: Rows
  readonly slots: Int32Array | null
}

export class Lane {
  private readonly waiting: Waiting[] = []
  private rowsWaiting = 0
  readonly open: Ticket[] = []
  /** No call before this moment: what the transform calls is away (see `fault/hold`). */
  heldUntilMs = 0

  constructor(
    readonly index: number,
    private readonly window: number,
  ) {}

  get rows(): number {
    return this.rowsWaiting
  }
  get idle(): boolean {
    return this.open.length === 0 && this.rowsWaiting === 0
  }

  push(rows: Rows, slots: Int32Array | null): void {
    if (rowCount(rows) === 0) return
    this.waiting.push({ rows, slots })
    this.rowsWaiting += rowCount(rows)
  }

  /** A ticket of which a piece can be sent now: an open one first, else a new one of at most `rowsMax` rows. */
  next(nowMs: number, rowsMax: number): Ticket | null {
    if (nowMs < this.heldUntilMs) return null
    for (const ticket of this.open) if (!ticket.away && ticket.todo.length > 0) return ticket
    if (this.open.length >= this.window || this.rowsWaiting === 0) return null
    const { rows, slots } = this.leave(rowsMax)
    const ticket = newTicket(this.index, { kind: 'rows' }, rows, slots)
    this.open.push(ticket)
    return ticket
  }

  /** Whether `next` would answer a ticket; makes none. */
  runnable(nowMs: number): boolean {
    if (nowMs < this.heldUntilMs) return false
    return this.open.some(t => !t.away && t.todo.length > 0) || (this.open.length < this.window && this.rowsWaiting > 0)
  }

  /** Where the first row stands that has not left it; null where none has still to. */
  front(order: RowOrder): Place | null {
    const first = this.open[0]?.origin ?? this.waiting[0]?.rows.origin
    return first === undefined ? null : order.of(first, 0)
  }

  /** Tickets at the head that are finished, removed: their emissions go out in this order. */
  finished(): readonly Ticket[] {
    let n = 0
    for (const t of this.open) {
      if (t.away || t.todo.length > 0) break
      n += 1
    }
    return this.open.splice(0, n)
  }

  private leave(rowsMax: number): Waiting {
    const parts: Waiting[] = []
    let left = rowsMax
    while (left > 0) {
      const head = this.waiting.shift()
      if (head === undefined) break
      const n = rowCount(head.rows)
      if (n > left) {
        this.waiting.unshift({ rows: sliceRows(head.rows, left, n), slots: head.slots?.subarray(left) ?? null })
        parts.push({ rows: sliceRows(head.rows, 0, left), slots: head.slots?.subarray(0, left) ?? null })
        left = 0
      } else {
        parts.push(head)
        left -= n
      }
    }
    const rows = concatRows(parts.map(p => p.rows))
    this.rowsWaiting -= rowCount(rows)
    return { rows, slots: joinSlots(parts) }
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

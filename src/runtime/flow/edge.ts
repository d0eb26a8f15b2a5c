/**
 * An edge: the queue between two vertices, bounded in bytes and in batches. Who emits asks for `room` before it
 * begins the work, not after, so an edge overshoots by what was already under way and never by more.
 */
import { type EpochGate } from './gate.js'
import { positionOf, splitOf } from './origin.js'
import { type Place, type RowOrder, beforeAll, isBefore } from './row-order.js'
import { type Rows, rowBytes, rowCount, splitRows } from './rows.js'

export interface EdgeLimit {
  readonly bytes: number
  readonly batches: number
}

export const edgeLimit: EdgeLimit = { bytes: 4 << 20, batches: 64 }

export class Edge {
  private readonly queue: Rows[] = []
  private head = 0
  private bytesQueued = 0
  private rowsQueued = 0
  private closed = false
  /** No row that comes later stands before this place; kept where a union by place stands below. */
  coming: Place = beforeAll

  private readonly gate: EpochGate | null
  private readonly limit: EdgeLimit
  private readonly wholeRows: boolean
  private readonly demand: () => number

  /**
   * `gate`: null where all rows have passed already. `wholeRows`: rows that come from one source row never fill it, see `room`.
   * `demand`: rows that its reader takes in good time.
   */
  constructor(
    gate: EpochGate | null = null,
    {
      limit = edgeLimit,
      wholeRows = false,
      demand = () => Number.POSITIVE_INFINITY,
    }: { readonly limit?: EdgeLimit; readonly wholeRows?: boolean; readonly demand?: () => number } = {},
  ) {
    this.gate = gate
    this.limit = limit
    this.wholeRows = wholeRows
    this.demand = demand
  }

  get rows(): number {
    return this.rowsQueued
  }
  get bytes(): number {
    return this.bytesQueued
  }
  get batches(): number {
    return this.queue.length - this.head
  }
  /** Nothing waits and nothing will come. */
  get ended(): boolean {
    return this.closed && this.rowsQueued === 0
  }
  /**
   * A union by place takes no row before it knows all inputs up to that place. Where one source row alone became more
   * than the limit, all of it has to come in first; each stage before has held as much in one call.
   */
  get room(): boolean {
    const isFull = this.bytesQueued >= this.limit.bytes || this.batches >= this.limit.batches
    if (!isFull && this.rowsQueued < this.demand()) return true
    return this.wholeRows && this.hasOneSourceRow
  }

  /** Rows that its reader takes in good time. */
  get rowsWanted(): number {
    return this.demand()
  }

  private get hasOneSourceRow(): boolean {
    const [first, last] = [this.queue[this.head], this.queue.at(-1)]
    if (first === undefined || last === undefined) return true
    const end = rowCount(last) - 1
    return (
      splitOf(first.origin, 0) === splitOf(last.origin, end) &&
      positionOf(first.origin, 0) === positionOf(last.origin, end)
    )
  }

  /** No row that waits or comes later stands before this place. */
  front(order: RowOrder): Place {
    const first = this.queue[this.head]
    return first === undefined ? this.coming : order.of(first.origin, 0)
  }

  /**
   * Before this place every row is here and may move. While an epoch is cut, what it has of a later source would else overtake
   * rows that wait here for the next one.
   */
  known(order: RowOrder): Place {
    if (this.gate?.cutting !== true) return this.coming
    const barred = this.queue.find((rows, i) => i >= this.head && !this.admits(rows))
    return barred === undefined ? this.coming : order.of(barred.origin, 0)
  }

  push(rows: Rows): void {
    if (rowCount(rows) === 0) {
      rows.loan?.release()
      return
    }
    this.queue.push(rows)
    this.bytesQueued += rowBytes(rows)
    this.rowsQueued += rowCount(rows)
  }

  end(): void {
    this.closed = true
  }

  /** A row waits that belongs to the epoch that is being cut. */
  get holdsAdmitted(): boolean {
    return this.queue.some((rows, i) => i >= this.head && this.admits(rows))
  }

  private admits(rows: Rows): boolean {
    return this.gate?.admits(rows.fresh) ?? true
  }

  /** The oldest batch; null where there is none, or its epoch has not begun. */
  shift(): Rows | null {
    const rows = this.queue[this.head]
    if (rows === undefined || !this.admits(rows)) return null
    this.head += 1
    if (this.head > 32) {
      this.queue.splice(0, this.head)
      this.head = 0
    }
    this.bytesQueued -= rowBytes(rows)
    this.rowsQueued -= rowCount(rows)
    return rows
  }

  /**
   * The oldest batches: one of at most `most` rows (the rest of a larger one stays), and behind a small one those that
   * with it have at most `together` rows, since to join them is a copy.
   */
  take({ most, together }: { readonly most: number; readonly together: number }): readonly Rows[] {
    const first = this.shift()
    if (first === null) return []
    if (rowCount(first) > most) {
      const [head, rest] = splitRows(first, most)
      this.unshift(rest)
      return [head]
    }
    const out = [first]
    let rows = rowCount(first)
    for (let next = this.queue[this.head]; next !== undefined; next = this.queue[this.head]) {
      rows += rowCount(next)
      if (rows > together || this.shift() === null) break
      out.push(next)
    }
    return out
  }

  /** The rows that stand before `bound`. */
  takeBefore(bound: Place, order: RowOrder): readonly Rows[] {
    const out: Rows[] = []
    while (this.rowsQueued > 0 && isBefore(this.front(order), bound)) {
      const rows = this.shift()
      if (rows === null) break
      const n = order.countBefore(rows, bound)
      if (n === rowCount(rows)) out.push(rows)
      else {
        const [before, rest] = splitRows(rows, n)
        out.push(before)
        this.unshift(rest)
      }
    }
    return out
  }

  private unshift(rows: Rows): void {
    if (this.head > 0) {
      this.head -= 1
      this.queue[this.head] = rows
    } else this.queue.unshift(rows)
    this.bytesQueued += rowBytes(rows)
    this.rowsQueued += rowCount(rows)
  }
}

/** The consumers of one output of a vertex: each gets the same rows, so the work before ran once for all of them. */
export class Output {
  private readonly edges: Edge[] = []

  connect(edge: Edge): void {
    this.edges.push(edge)
  }
  get used(): boolean {
    return this.edges.length > 0
  }
  get room(): boolean {
    return this.edges.every(e => e.room)
  }
  /** Rows that who reads them takes in good time, the slowest of them. */
  get demand(): number {
    return Math.min(...this.edges.map(e => e.rowsWanted))
  }
  /** Consumes the rows: each edge holds their memory for itself. */
  emit(rows: Rows): void {
    for (const edge of this.edges) {
      rows.loan?.keep()
      edge.push(rows)
    }
    rows.loan?.release()
  }
  end(): void {
    for (const edge of this.edges) edge.end()
  }
  /** No row emitted later stands before this place. */
  promise(place: Place): void {
    for (const edge of this.edges) edge.coming = place
  }
}

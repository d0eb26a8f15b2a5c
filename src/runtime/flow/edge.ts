/**
 * An edge: the queue between two vertices, bounded in bytes and in batches. Who emits asks for `room` before it
 * begins the work, not after, so an edge overshoots by what was already under way and never by more.
 */
import { type Rows, rowBytes, rowCount, sliceRows } from './rows.js'

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

  constructor(private readonly limit: EdgeLimit = edgeLimit) {}

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
  get room(): boolean {
    return this.bytesQueued < this.limit.bytes && this.batches < this.limit.batches
  }

  push(rows: Rows): void {
    if (rowCount(rows) === 0) return
    this.queue.push(rows)
    this.bytesQueued += rowBytes(rows)
    this.rowsQueued += rowCount(rows)
  }

  end(): void {
    this.closed = true
  }

  /** The oldest batch, or null. */
  shift(): Rows | null {
    const rows = this.queue[this.head]
    if (rows === undefined) return null
    this.head += 1
    if (this.head > 32) {
      this.queue.splice(0, this.head)
      this.head = 0
    }
    this.bytesQueued -= rowBytes(rows)
    this.rowsQueued -= rowCount(rows)
    return rows
  }

  /** The oldest rows, at most `max` of them, in pieces that lie side by side. */
  take(max: number): readonly Rows[] {
    const out: Rows[] = []
    let left = max
    while (left > 0) {
      const rows = this.shift()
      if (rows === null) break
      if (rowCount(rows) > left) {
        this.unshift(sliceRows(rows, left, rowCount(rows)))
        out.push(sliceRows(rows, 0, left))
        break
      }
      out.push(rows)
      left -= rowCount(rows)
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
  emit(rows: Rows): void {
    for (const edge of this.edges) edge.push(rows)
  }
  end(): void {
    for (const edge of this.edges) edge.end()
  }
}

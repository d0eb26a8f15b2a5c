/**
 * Intake: what the sources give, poll by poll, and where each would go on behind a poll.
 *
 * While an epoch is cut, what a source answers is held back, so that nothing of a later epoch is counted, dead or moved
 * before the cut is complete. A poll with lines that do not parse belongs to the open epoch at once: its dead letters do.
 */
import { type AnabranchError, invariant } from '../../base/index.js'
import { type Polled, type SourcePosition } from '../../connectors/index.js'
import { type Effects } from './effects.js'
import { type Graph } from './graph.js'
import { type Ledger } from './ledger.js'
import { type Origin } from './origin.js'
import { behindAll } from './row-order.js'
import { type Rows, rowBytes } from './rows.js'
import { type SourceVertex } from './vertices.js'

/** Where a source goes on, and what it had given by then. */
export interface SourceMark {
  /** null: from its beginning, or from wherever a source without positions is. */
  readonly position: SourcePosition | null
  /** Records given so far, those that do not parse included. */
  readonly rows: number
}

/** Behind which poll a mark stands. */
interface Passing extends SourceMark {
  readonly poll: number
}

const beginning: SourceMark = { position: null, rows: 0 }

/** Bytes of one poll: a batch of rows as the source gives it. */
const pollBytesMax = 4 << 20

export class Intake {
  /** Of each source, from the last cut on. */
  private readonly marks: Passing[][]
  private readonly polls: number[]
  private readonly held = new Map<number, Polled | null>()
  private closed = false
  /** That were given so far. */
  bytes = 0

  constructor(
    private readonly graph: Graph,
    private readonly ledger: Ledger,
    private readonly terms: { readonly bounded: ReadonlySet<number>; readonly epochs: boolean },
  ) {
    this.marks = graph.sources.map(() => [{ ...beginning, poll: 0 }])
    this.polls = graph.sources.map(() => 0)
  }

  /** What the sources had given when the epoch was cut that a run goes on from. */
  restore(marks: readonly SourceMark[]): void {
    marks.forEach((mark, source) => {
      this.marks[source] = [{ ...mark, poll: 0 }]
    })
  }

  /** Rows that each source gave since the job began, those of the runs before included. */
  get rows(): readonly number[] {
    return this.marks.map(marks => marks.at(-1)?.rows ?? 0)
  }

  /** No source is asked any more. */
  close(): void {
    this.closed = true
  }

  /** Asks the sources that have room before them. */
  poll(effects: Effects): void {
    if (this.closed) return
    for (const source of this.graph.sources) {
      if (source.polling || source.ended || !source.output.room || this.waitsItsTurn(source.index)) continue
      source.polling = true
      effects.poll(source.index, { rowsMax: this.graph.rowsWanted, bytesMax: pollBytesMax })
    }
  }

  /**
   * A union that gives one source after the other holds what comes too early, and an epoch is not complete before that
   * has left. So with epochs the sources are read in that order.
   */
  private waitsItsTurn(source: number): boolean {
    const { bounded, epochs } = this.terms
    if (!epochs || !this.graph.inTurn || !bounded.has(source)) return false
    const { order, sources } = this.graph
    return sources.some(s => bounded.has(s.index) && !s.ended && order.rankOf(s.index) < order.rankOf(source))
  }

  /** A poll is answered; null: the source has ended. */
  polled(source: number, polled: Polled | null): AnabranchError | null {
    if (this.graph.gate.cutting) {
      this.held.set(source, polled)
      return null
    }
    return this.take(source, polled)
  }

  /** What was held back goes on. */
  release(): AnabranchError | null {
    const held = [...this.held]
    this.held.clear()
    const errors = held.map(([source, polled]) => this.take(source, polled))
    return errors.find(error => error !== null) ?? null
  }

  /**
   * The epoch that is being cut cannot end without rows that wait: it takes all that were given, then what was held back.
   * Answers false where it has all of it.
   */
  widen(): { readonly moved: boolean; readonly error: AnabranchError | null } {
    const { gate } = this.graph
    const all = (): boolean => this.polls.map((poll, source) => gate.widen(source, poll)).includes(true)
    if (all()) return { moved: true, error: null }
    const moved = this.held.size > 0
    const error = this.release()
    all()
    return { moved, error }
  }

  /** Where each source goes on behind these polls. What stood before is forgotten. */
  cut(polls: readonly number[]): readonly SourceMark[] {
    return polls.map((poll, source) => {
      const marks = this.marks[source] ?? []
      const at = marks.findIndex(mark => mark.poll === poll)
      const mark = marks[at]
      invariant(mark !== undefined, 'a cut names a poll since the last one')
      this.marks[source] = marks.slice(at)
      return { position: mark.position, rows: mark.rows }
    })
  }

  private take(source: number, polled: Polled | null): AnabranchError | null {
    const vertex = this.sourceAt(source)
    invariant(vertex.polling, 'a poll is answered once')
    vertex.polling = false
    if (this.closed) {
      // Who goes on reads it again, and an end is that of the run and not of the input.
      polled?.loan?.release()
      return null
    }
    if (polled === null) {
      vertex.ended = true
      vertex.front = behindAll
      vertex.output.end()
      return null
    }
    return this.emit(vertex, polled)
  }

  private emit(vertex: SourceVertex, polled: Polled): AnabranchError | null {
    const { index, id, output } = vertex
    const split = this.ledger.split(id, polled.split)
    vertex.front = this.graph.order.ofSource(index, split, nextPosition(polled))
    const fresh = { source: index, poll: this.mark(index, polled) }
    if (polled.dead.length > 0) this.graph.gate.pass(fresh)
    const error = this.ledger.polled(id, polled)
    const rows: Rows = { batch: polled.batch, origin: originOf(polled, split), loan: polled.loan, fresh }
    this.bytes += rowBytes(rows)
    output.emit(rows)
    return error
  }

  private mark(source: number, { batch, dead, next }: Polled): number {
    const poll = (this.polls[source] ?? 0) + 1
    this.polls[source] = poll
    const marks = this.marks[source] ?? []
    const rows = (marks.at(-1)?.rows ?? 0) + batch.rows + dead.length
    // Without epochs nobody asks for any but the last one.
    if (!this.terms.epochs) marks.length = 0
    marks.push({ poll, position: next ?? null, rows })
    return poll
  }

  private sourceAt(index: number): SourceVertex {
    const vertex = this.graph.sources[index]
    invariant(vertex !== undefined, 'a source is named by its index')
    return vertex
  }
}

function originOf({ batch, positions, firstPosition }: Polled, split: number): Origin {
  if (positions === null) return { kind: 'run', split, first: firstPosition }
  return { kind: 'each', split: new Int32Array(batch.rows).fill(split), position: positions }
}

/** Behind the last row or line that was given. */
function nextPosition({ batch, firstPosition, positions, dead }: Polled): number {
  const last = positions === null ? firstPosition + batch.rows - 1 : (positions.at(-1) ?? firstPosition - 1)
  return Math.max(last, dead.at(-1)?.position ?? 0) + 1
}

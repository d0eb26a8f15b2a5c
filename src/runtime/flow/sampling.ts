/** Sampling: which calls that went well are kept as captures, to be looked at or replayed: every so many, and slow ones. */
import { type CaptureTerms, captureOf } from './capture.js'
import { type Effects } from './effects.js'
import { type Work } from './grant.js'

export class Sampling {
  private calls = 0

  constructor(
    private readonly terms: CaptureTerms,
    private readonly effects: Pick<Effects, 'keep'>,
  ) {}

  /** A call came back after `us` in its functions. Told before its state is applied: a capture has that of before. */
  done({ stage, ticket, piece }: Work, us: number): void {
    const { every, slowUs } = this.terms
    this.calls += 1
    const due = (every !== null && this.calls % every === 0) || (slowUs !== null && us >= slowUs)
    if (!due) return
    const { call } = ticket
    const batch = call.kind === 'rows' ? stage.codec.ship(piece.rows) : piece.rows.batch
    this.effects.keep(stage.vertex.id, captureOf(stage, { batch, slots: piece.slots, call }, this.terms))
  }
}

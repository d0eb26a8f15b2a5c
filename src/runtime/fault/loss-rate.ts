/**
 * How often a worker is lost by chance: with rows in hand that were good the next time. Where that happens, a row is
 * blamed for a loss on more evidence only (see `decide`).
 */
import { type Evidence } from '../flow/ticket.js'

export class LossRate {
  private calls = 0
  private chances = 0

  /** A call came back; `evidence` is what had spoken against its rows. Answers how many losses that makes by chance. */
  answered(evidence: Evidence): number {
    const chances = evidence.crashes + evidence.losses
    this.calls += 1
    this.chances += chances
    return chances
  }

  lost(): void {
    this.calls += 1
  }

  get perCall(): number {
    return this.calls === 0 ? 0 : this.chances / this.calls
  }
}

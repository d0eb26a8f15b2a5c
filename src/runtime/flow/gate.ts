/**
 * The gate: which rows belong to the epoch that is being cut.
 *
 * Each poll of a source has a number. Rows know theirs until they *pass*: until they are sent to a worker, merged by a
 * union or written by a sink; what is made of them belongs to the same epoch. A cut takes the polls of which rows have
 * passed. Rows of later polls wait in the first queue that holds them, decoded and routed, and the others run to the end.
 * So a cut costs what is under way, and not what waits.
 */
import { invariant } from '../../base/index.js'

/** Rows as their source gave them. */
export interface Fresh {
  /** Index of the source. */
  readonly source: number
  /** Polls count from 1. */
  readonly poll: number
}

export class EpochGate {
  /** By source, the highest poll of which a row has passed. */
  private readonly passed: number[]
  private passings = 0
  /** By source, the last poll of the epoch that is being cut. */
  private bounds: number[] | null = null

  constructor(sources: number) {
    this.passed = Array.from({ length: sources }, () => 0)
  }

  get cutting(): boolean {
    return this.bounds !== null
  }

  /** How often rows passed: whether any did since somebody looked. */
  get passes(): number {
    return this.passings
  }

  /** Whether something may be done with these rows now. */
  admits(fresh: Fresh | undefined): boolean {
    if (this.bounds === null || fresh === undefined) return true
    return fresh.poll <= (this.bounds[fresh.source] ?? 0)
  }

  /** Something was done with these rows, or with others of their poll or of a later one. */
  hasPassed(fresh: Fresh | undefined): boolean {
    return fresh === undefined || fresh.poll <= (this.passed[fresh.source] ?? 0)
  }

  /** Something is done with these rows. */
  pass(fresh: Fresh | undefined): void {
    if (fresh === undefined) return
    const { source, poll } = fresh
    this.passings += 1
    if (poll > (this.passed[source] ?? 0)) this.passed[source] = poll
  }

  begin(): void {
    invariant(this.bounds === null, 'one epoch is cut at a time')
    this.bounds = [...this.passed]
  }

  /** The epoch takes the polls of this source up to this one too. Answers whether it had less. */
  widen(source: number, poll: number): boolean {
    if (this.bounds === null || poll <= (this.bounds[source] ?? 0)) return false
    this.bounds[source] = poll
    this.pass({ source, poll })
    return true
  }

  /** The last poll of each source that is in the epoch; every row may move again. */
  end(): readonly number[] {
    const { bounds } = this
    invariant(bounds !== null, 'a cut ends that has begun')
    this.bounds = null
    return bounds
  }
}

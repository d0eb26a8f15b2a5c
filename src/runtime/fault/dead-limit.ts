/**
 * How many dead rows are too many (DESIGN 11). By default more than 500 of the last 10,000 rows that entered one
 * operator; `maxDead` replaces it by a number for the whole job. Also the rule of the transform that never worked:
 * 16 single rows in a row failed before its first success.
 */
import { type ErrorParts, TransformError } from '../../base/index.js'

export const windowRows = 10_000
export const deadInWindowMax = 500
export const singlesBeforeSuccessMax = 16

export class DeadLimit {
  private entered = 0
  /** For each dead row, how many rows had entered when it died; the oldest first. */
  private readonly died: number[] = []
  private singles = 0
  private succeeded = false

  /** `deadMax` is of one window; Infinity where something else limits the dead rows. */
  constructor(
    private readonly operator: string,
    private readonly deadMax = deadInWindowMax,
  ) {}

  enter(rows: number): void {
    this.entered += rows
  }

  success(): void {
    this.succeeded = true
  }

  /** A row failed alone; the error that stops the job, or null. */
  single(parts: ErrorParts): TransformError | null {
    if (this.succeeded) return null
    this.singles += 1
    if (this.singles < singlesBeforeSuccessMax) return null
    const message = `expected transform "${this.operator}" to work for some row, the first ${this.singles} rows all failed`
    return new TransformError('ANB2005', message, parts)
  }

  /** `rows` more rows of this operator are dead; the error that stops the job, or null. */
  dead(rows: number, parts: ErrorParts): TransformError | null {
    for (let i = 0; i < rows; i += 1) this.died.push(this.entered)
    const oldest = this.entered - windowRows
    let stale = 0
    while (stale < this.died.length && (this.died[stale] ?? 0) <= oldest) stale += 1
    this.died.splice(0, stale)
    if (this.died.length <= this.deadMax) return null
    const of = Math.min(this.entered, windowRows)
    const message = `expected at most ${this.deadMax} dead rows among ${of.toLocaleString('en')} of operator "${this.operator}", got ${this.died.length}`
    return new TransformError('ANB2004', message, parts)
  }
}

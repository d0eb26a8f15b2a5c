/**
 * Batch size: how many rows travel together to a worker.
 *
 * Whatever waits is sent when a lane has credit, even one row; this is only the upper limit. It begins small,
 * since nobody knows yet what a row costs (8,192 rows of a model would be a minute), and grows fourfold with each
 * call until the call is worth `targetUs` or a frame is full. Pure: it is told what a call cost.
 */
export interface BatchSizeTerms {
  /** `--batch-rows`, else 32,768. */
  readonly rowsMax: number
  /** Bytes of the rows in one frame, default 1 MiB. */
  readonly bytesMax: number
}

const firstRows = 256
/** 5 to 20 ms of work a call: long enough to hide the call, short enough to resend and to cancel. */
const targetUs = 10_000
const costWeight = 0.3

export class BatchSize {
  private limit: number
  private usPerRow = 0
  private bytesPerRow = 0

  constructor(private readonly terms: BatchSizeTerms) {
    this.limit = Math.min(firstRows, terms.rowsMax)
  }

  get rows(): number {
    return this.limit
  }

  /** Measured cost of a row in microseconds of user code; 0 before the first call. */
  get rowUs(): number {
    return this.usPerRow
  }

  observe(call: { readonly rows: number; readonly us: number; readonly bytes: number }): void {
    if (call.rows === 0) return
    const us = call.us / call.rows
    const bytes = call.bytes / call.rows
    this.usPerRow = this.usPerRow === 0 ? us : this.usPerRow + costWeight * (us - this.usPerRow)
    this.bytesPerRow = this.bytesPerRow === 0 ? bytes : this.bytesPerRow + costWeight * (bytes - this.bytesPerRow)
    const byCost = targetUs / Math.max(this.usPerRow, 1e-3)
    const byBytes = this.terms.bytesMax / Math.max(this.bytesPerRow, 1)
    const wanted = Math.max(1, Math.floor(Math.min(byCost, byBytes, this.terms.rowsMax)))
    // A small batch says little about a large one: the fixed cost of a call stands in it.
    this.limit = Math.min(wanted, Math.max(this.limit, call.rows * 4, Math.min(firstRows, this.terms.rowsMax)))
  }
}

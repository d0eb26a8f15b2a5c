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

export interface ObservedCall {
  readonly rows: number
  readonly us: number
  readonly bytes: number
  /** Rows that wait for a service beside each other: with fewer than this the worker waits for the last ones too often. */
  readonly rowsWanted: number
}

const firstRows = 256
/** 5 to 20 ms of work a call: long enough to hide the call, short enough to resend and to cancel. */
const targetUs = 10_000
/** Calls of less time are over before anybody waits for them. */
const slowUs = 5_000
/** How much more than a full call one batch may be. */
const alone = 1.25
/** How much an older call counts beside the one after it. */
const memory = 0.8

export class BatchSize {
  private limit: number
  private bytesPerRow = 0
  private readonly calls = new CallCost()

  constructor(private readonly terms: BatchSizeTerms) {
    this.limit = Math.min(firstRows, terms.rowsMax)
  }

  get rows(): number {
    return this.limit
  }

  /** A batch of a little more is not worth two calls. */
  get rowsAlone(): number {
    return Math.min(this.terms.rowsMax, Math.floor(alone * this.limit))
  }

  /** Who waits for a full call notices, as far as is known. */
  get isSlow(): boolean {
    return !this.calls.known || this.expectedUs(this.limit) >= slowUs
  }

  /** What a call of `rows` rows should take, in microseconds of user code; 0 before the first call. */
  expectedUs(rows: number): number {
    return this.calls.fixedUs + this.calls.rowUs * rows
  }

  observe(call: ObservedCall): void {
    if (call.rows === 0) return
    this.calls.add(call.rows, call.us)
    const bytes = call.bytes / call.rows
    this.bytesPerRow = this.bytesPerRow === 0 ? bytes : this.bytesPerRow + (1 - memory) * (bytes - this.bytesPerRow)
    // Where a call costs the same however few rows it has, few rows are a waste: the rows get as much time as the call.
    const byCost = Math.max(targetUs, this.calls.fixedUs) / Math.max(this.calls.rowUs, 1e-3)
    const byBytes = this.terms.bytesMax / Math.max(this.bytesPerRow, 1)
    const wanted = Math.max(1, Math.floor(Math.min(Math.max(byCost, call.rowsWanted), byBytes, this.terms.rowsMax)))
    // A small batch says little about a large one: it grows fourfold at most.
    this.limit = Math.min(wanted, Math.max(this.limit, call.rows * 4, Math.min(firstRows, this.terms.rowsMax)))
  }
}

/**
 * Cost of a call as a line over its rows, fitted by least squares in which older calls count less.
 *
 * One slow call of few rows after quick ones of many tilts such a line until all is fixed cost and a row costs nothing,
 * which asks for more rows where fewer are wanted. But what each call costs cannot be more than the cheapest one did.
 */
class CallCost {
  fixedUs = 0
  rowUs = 0
  private weight = 0
  private x = 0
  private y = 0
  private xx = 0
  private xy = 0
  /** Lately: an old one counts twice as much with each call after it, since a service may become slow for good. */
  private cheapestUs = Number.POSITIVE_INFINITY

  get known(): boolean {
    return this.weight > 0
  }

  add(rows: number, us: number): void {
    this.weight = this.weight * memory + 1
    this.x = this.x * memory + rows
    this.y = this.y * memory + us
    this.xx = this.xx * memory + rows * rows
    this.xy = this.xy * memory + rows * us
    const spread = this.weight * this.xx - this.x * this.x
    const flat = spread <= 1e-6 * this.xx * this.weight
    const slope = flat ? this.y / this.x : (this.weight * this.xy - this.x * this.y) / spread
    this.cheapestUs = Math.min(us, this.cheapestUs * 2)
    const rowUs = Math.max(0, Math.min(slope, this.y / this.x))
    this.fixedUs = Math.min(this.cheapestUs, Math.max(0, (this.y - rowUs * this.x) / this.weight))
    this.rowUs = Math.max(0, (this.y - this.fixedUs * this.weight) / this.x)
  }
}

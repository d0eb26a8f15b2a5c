/**
 * What a format of lines is: bytes in, batches out, and back. Rows that do not decode become dead lines and
 * stop nobody.
 */
import { type Batch } from '../batch/index.js'
import { type ErrorCode } from '../base/index.js'

/** A line that did not parse. */
export interface DeadLine {
  /** Counted from 1 in its file. */
  readonly line: number
  /** What the line says, as text with U+FFFD for what is not UTF-8, at most 4,096 characters. */
  readonly text: string
  readonly code: ErrorCode
  readonly message: string
}

export interface Decoded {
  readonly batch: Batch
  /** Line number of each row, counted from 1: `firstLine + i` where `lines` is null. */
  readonly firstLine: number
  readonly lines: Float64Array | null
  readonly dead: readonly DeadLine[]
}

/** Decodes one file or stream of lines. The input buffer is its own, so that a file is read straight into it. */
export interface LineDecoder {
  /** Room for at least `bytes` more bytes. Valid until the next call of any method. */
  space(bytes: number): Uint8Array
  /** `bytes` of the space were filled. */
  filled(bytes: number): void
  /** No more input comes: a last line without a newline counts. */
  finish(): void
  /**
   * Up to `rowsMax` rows of what is there; null when no whole line is left. A batch may have 0 rows and dead
   * lines. Empty lines count as lines and are skipped.
   */
  next(rowsMax: number): Decoded | null
  /** Whole lines in the buffer that `next` has not answered yet, where that is cheap to know; bytes otherwise. */
  readonly pendingBytes: number
}

/** Encodes batches of one schema as lines. */
export interface LineEncoder {
  /** The bytes are a view that is valid until the next call. */
  encode(batch: Batch): Uint8Array
}

/**
 * What a format is: bytes in, batches out, and back. Rows that do not decode become dead records and stop nobody.
 */
import { type Batch, type Loan } from '../batch/index.js'
import { type ErrorCode } from '../base/index.js'

/** A record that did not decode. */
export interface DeadRecord {
  /** Counted from 1 in its file: the line it begins at; of formats without lines, the row. */
  readonly position: number
  /** What the record says, as text with U+FFFD for what is not UTF-8, at most 4,096 characters. */
  readonly text: string
  readonly code: ErrorCode
  readonly message: string
}

export interface Decoded {
  readonly batch: Batch
  /** Position of each row, counted from 1: `firstPosition + i` where `positions` is null. */
  readonly firstPosition: number
  readonly positions: Float64Array | null
  readonly dead: readonly DeadRecord[]
  /** What the batch lies in; the receiver's to give back. */
  readonly loan?: Loan | undefined
}

/** Decodes one file or stream. The input buffer is its own, so that a file is read straight into it. */
export interface Decoder {
  /** Room for at least `bytes` more bytes. Valid until the next call of any method. */
  space(bytes: number): Uint8Array
  /** `bytes` of the space were filled. */
  filled(bytes: number): void
  /** No more input comes: a last line without a newline counts. */
  finish(): void
  /**
   * Up to `rowsMax` rows of what is there; null when no whole record is left. A batch may have 0 rows and dead
   * records. Empty lines count as lines and are skipped. Throws a ConnectorError (ANB4002) that names no file where
   * nothing behind a damaged place can be read.
   */
  next(rowsMax: number): Decoded | null
  /** Bytes of whole records in the buffer that `next` has not answered yet, where that is cheap to know; all bytes otherwise. */
  readonly pendingBytes: number
  /**
   * What the beginning of the input (names of columns, a written schema) says against the declared schema, a message
   * each. Null while too little of it came to know; a format without such a beginning answers none at once.
   */
  readonly misfits: readonly string[] | null
}

/** Where decoding goes on: small, and nothing of it is counted for each row. */
export type Mark = {
  /** Bytes of the input before the record that is read next. */
  readonly at: number
  /** Number of that record, or of the line that it begins at, counted from 1. */
  readonly position: number
  /** Records from there on that were answered before: they have to be decoded to get behind them. */
  readonly pass: number
}

/** A decoder that can be left and gone on with, by another one of its kind over the same input. */
export interface MarkedDecoder extends Decoder {
  /** Behind the records that `next` has answered. */
  mark(): Mark
  /**
   * Goes on at a mark with `at` > 0, once `misfits` is known: forgets the bytes that it was given, and the next ones are those
   * from `mark.at` on. It answers the records to pass over too; letting them go is the caller's.
   */
  resume(mark: Mark): void
}

/** Encodes batches of one schema. */
export interface Encoder {
  /** What every file begins with, before its first batch: empty for most formats. */
  readonly head: Uint8Array
  /** The bytes are a view that is valid until the next call. */
  encode(batch: Batch): Uint8Array
}

export const noHead: Uint8Array = new Uint8Array(0)
export const noMisfits: readonly string[] = []

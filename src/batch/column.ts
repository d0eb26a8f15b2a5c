/**
 * Columns and batches as values: Arrow's buffers in typed arrays, always from offset 0, never shared with
 * a worker. A batch is immutable once made; who needs other bytes makes another batch. What it lies in is
 * collected with it, or used again when its loan is given back (loan.ts); slots that are lent to a worker live in `workers`.
 */
import { type DataType, type Schema } from '../schema/index.js'

export interface Column {
  readonly type: DataType
  readonly length: number
  readonly nullCount: number
  /** Bit i is 1 where value i is there; null where nothing is null. Least significant bit first. */
  readonly validity: Uint8Array | null
  /** utf8, binary, list, map: int32, length + 1 of them, ascending from 0. */
  readonly offsets: Int32Array | null
  /** Fixed width values, the bits of bools, or the bytes of utf8 and binary; empty for nested types. 8-byte aligned. */
  readonly values: Uint8Array
  /** list: the items; struct: a column a field; map: one struct of key and value. */
  readonly children: readonly Column[]
}

export interface Batch {
  readonly schema: Schema
  readonly rows: number
  /** One a field of the schema, each with `length` = `rows`. */
  readonly columns: readonly Column[]
}

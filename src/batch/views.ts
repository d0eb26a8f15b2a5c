/**
 * Typed views of a column's `values`, and plain constructors that keep the promises of column.ts. A column's
 * values are 8-byte aligned, so that a view never copies.
 */
import { type DataType, byteWidth } from '../schema/index.js'
import { bitmapBytes } from './bits.js'
import { type Column } from './column.js'

export const asInt32 = (v: Uint8Array): Int32Array => new Int32Array(v.buffer, v.byteOffset, v.byteLength >> 2)
export const bytesOf = (v: ArrayBufferView): Uint8Array => new Uint8Array(v.buffer, v.byteOffset, v.byteLength)

export const noBytes: Uint8Array = new Uint8Array(0)
const noOffsets = (): Int32Array => new Int32Array(1)

/** Bytes that `values` of `length` values has; undefined where the offsets say it. */
export function valueBytes(type: DataType, length: number): number | undefined {
  if (type.kind === 'bool') return bitmapBytes(length)
  if (type.kind === 'utf8' || type.kind === 'binary') return undefined
  return byteWidth(type) * length
}

export const hasOffsets = (type: DataType): boolean =>
  type.kind === 'utf8' || type.kind === 'binary' || type.kind === 'list' || type.kind === 'map'

/** The offsets of a column of a type that has them. */
export const offsetsOf = (column: Column): Int32Array => column.offsets ?? noOffsets()

/** The last offset: bytes of utf8 and binary, items of list and map; 0 for other types. */
export const extent = (column: Column): number => column.offsets?.[column.length] ?? 0

/** What is null in a column. */
export type Nulls = Pick<Column, 'nullCount' | 'validity'>
export const noNulls: Nulls = { nullCount: 0, validity: null }

/** A column from its parts, one by one: an object spread costs 2 us, and a batch has many columns. */
export function makeColumn(
  type: DataType,
  length: number,
  { nullCount, validity }: Nulls,
  { offsets, values, children }: Pick<Column, 'offsets' | 'values' | 'children'>,
): Column {
  return { type, length, nullCount, validity, offsets, values, children }
}

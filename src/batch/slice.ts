/**
 * Slicing: rows [from, to) as a column or batch of its own, at offset 0. Values are not copied where they
 * start at an 8-byte aligned place; bitmaps are shifted and offsets start again from 0.
 */
import { byteWidth, childrenOf } from '../schema/index.js'
import { bitmapBytes, copyBits, countOnes } from './bits.js'
import { type Batch, type Column } from './column.js'
import { type Nulls, bytesOf, extent, hasOffsets, makeColumn, noBytes, noNulls, offsetsOf } from './views.js'

/** Rows [from, to) of a batch; 0 <= from <= to <= rows. The answer shares bytes with `batch`. */
export function slice(batch: Batch, from: number, to: number): Batch {
  checkRange(batch.rows, from, to)
  if (from === 0 && to === batch.rows) return batch
  return { schema: batch.schema, rows: to - from, columns: batch.columns.map(c => sliceColumn(c, from, to)) }
}

/** Rows [from, to) of a column. */
export function sliceColumn(column: Column, from: number, to: number): Column {
  checkRange(column.length, from, to)
  if (from === 0 && to === column.length) return column
  const { type } = column
  const length = to - from
  const nulls = sliceValidity(column, from, length)
  if (type.kind === 'bool') {
    return makeColumn(type, length, nulls, {
      offsets: null,
      values: sliceBits(column.values, from, length),
      children: [],
    })
  }
  if (!hasOffsets(type)) {
    const width = byteWidth(type)
    const values = alignedPart(column.values, from * width, to * width)
    const children = column.children.map(c => sliceColumn(c, from, to))
    return makeColumn(type, length, nulls, { offsets: null, values, children })
  }
  const { offsets, first, last } = sliceOffsets(offsetsOf(column), from, length)
  const nested = childrenOf(type).length > 0
  const values = nested ? noBytes : alignedPart(column.values, first, last)
  const children = column.children.map(c => sliceColumn(c, first, last))
  return makeColumn(type, length, nulls, { offsets, values, children })
}

function checkRange(rows: number, from: number, to: number): void {
  if (!(from >= 0 && from <= to && to <= rows)) throw new RangeError(`rows [${from}, ${to}) of ${rows}`)
}

function sliceValidity(column: Column, from: number, length: number): Nulls {
  if (column.validity === null) return noNulls
  const validity = sliceBits(column.validity, from, length)
  const nullCount = length - countOnes(validity, length)
  return { nullCount, validity: nullCount === 0 ? null : validity }
}

function sliceBits(bits: Uint8Array, from: number, length: number): Uint8Array {
  const part = new Uint8Array(new ArrayBuffer(bitmapBytes(length)))
  copyBits(part, 0, bits, { from, length })
  return part
}

/** `length` + 1 offsets from `from`, counted from the first of them. */
export function sliceOffsets(
  offsets: Int32Array,
  from: number,
  length: number,
): { readonly offsets: Int32Array; readonly first: number; readonly last: number } {
  const first = offsets[from] ?? 0
  const last = offsets[from + length] ?? 0
  if (first === 0 && ((offsets.byteOffset + from * 4) & 7) === 0) {
    return { offsets: offsets.subarray(from, from + length + 1), first, last }
  }
  const moved = new Int32Array(length + 1)
  for (let i = 0; i <= length; i++) moved[i] = (offsets[from + i] ?? 0) - first
  return { offsets: moved, first, last }
}

/** Bytes [from, to): a view where it is 8-byte aligned, else a copy. */
export function alignedPart(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const part = bytes.subarray(from, to)
  return (part.byteOffset & 7) === 0 ? part : new Uint8Array(part)
}

/** Bytes that a batch's buffers hold: what a budget counts, not what Arrow's padding adds. */
export function byteLength(batch: Batch): number {
  return batch.columns.reduce((sum, c) => sum + columnBytes(c), 0)
}

/** Bytes that one column's buffers hold. */
export function columnBytes(column: Column): number {
  const own = (column.validity?.byteLength ?? 0) + (column.offsets === null ? 0 : bytesOf(column.offsets).byteLength)
  const values = hasOffsets(column.type) && column.children.length === 0 ? extent(column) : column.values.byteLength
  return column.children.reduce((sum, c) => sum + columnBytes(c), own + values)
}

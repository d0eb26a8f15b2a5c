/** Taking rows by number, and by a mask: any order, any row as often as asked for. */
import { byteWidth } from '../schema/index.js'
import { bitAt, bitmapBytes, countOnes, takeBits } from './bits.js'
import { type Batch, type Column } from './column.js'
import { Slab } from './slab.js'
import { byteLength } from './slice.js'
import { type Nulls, asInt32, hasOffsets, makeColumn, noBytes, noNulls, offsetsOf } from './views.js'

/** Row j of the answer is row `rows[j]` of `batch`; each number is in [0, batch.rows). */
export const take = (batch: Batch, rows: Int32Array): Batch =>
  takeInto(new Slab(takenBytes(batch, rows.length)), batch, rows)

/** What a slab needs for `take` of so many rows, by estimate. */
export function takenBytes(batch: Batch, rows: number): number {
  const share = batch.rows === 0 ? 0 : Math.min(4, rows / batch.rows)
  return Math.ceil(byteLength(batch) * share) + batch.columns.length * 32
}

/** As `take`, into a slab. */
export function takeInto(slab: Slab, batch: Batch, rows: Int32Array): Batch {
  for (let j = 0; j < rows.length; j++) {
    const row = rows[j] ?? 0
    if (row < 0 || row >= batch.rows) throw new RangeError(`row ${row} of ${batch.rows}`)
  }
  return { schema: batch.schema, rows: rows.length, columns: batch.columns.map(c => takeColumn(c, rows, slab)) }
}

/** The rows whose bit in `mask` is 1, in order. */
export const filterRows = (batch: Batch, mask: Uint8Array): Batch => take(batch, rowsOfMask(mask, batch.rows))

/** Numbers of the ones among the first `length` bits, ascending. */
export function rowsOfMask(mask: Uint8Array, length: number): Int32Array {
  const rows = new Int32Array(countOnes(mask, length))
  let j = 0
  for (let i = 0; i < length; i++) if (bitAt(mask, i) === 1) rows[j++] = i
  return rows
}

/** As `take`, for one column. The rows are not checked. */
export function takeColumn(column: Column, rows: Int32Array, slab: Slab = new Slab(0)): Column {
  const { type } = column
  const length = rows.length
  const nulls = takeValidity(column, rows, slab)
  if (type.kind === 'bool') {
    const values = slab.take(bitmapBytes(length))
    takeBits(values, column.values, rows)
    return makeColumn(type, length, nulls, { offsets: null, values, children: [] })
  }
  if (!hasOffsets(type)) {
    const children = column.children.map(c => takeColumn(c, rows, slab))
    const values = takeFixed(column.values, rows, byteWidth(type), slab)
    return makeColumn(type, length, nulls, { offsets: null, values, children })
  }
  const offsets = takeOffsets(offsetsOf(column), rows, slab)
  if (column.children.length === 0) {
    const values = takeBytes(column, rows, offsets, slab)
    return makeColumn(type, length, nulls, { offsets, values, children: [] })
  }
  const items = itemsOf(offsetsOf(column), rows, offsets)
  const children = column.children.map(c => takeColumn(c, items, slab))
  return makeColumn(type, length, nulls, { offsets, values: noBytes, children })
}

function takeValidity(column: Column, rows: Int32Array, slab: Slab): Nulls {
  if (column.validity === null) return noNulls
  const validity = slab.take(bitmapBytes(rows.length))
  takeBits(validity, column.validity, rows)
  const nullCount = rows.length - countOnes(validity, rows.length)
  return { nullCount, validity: nullCount === 0 ? null : validity }
}

/** Eight-byte values move as two int32: a double would not keep every NaN's bits. */
function takeFixed(values: Uint8Array, rows: Int32Array, width: number, slab: Slab): Uint8Array {
  if (width === 0) return noBytes
  const target = slab.take(width * rows.length)
  if (width < 4) {
    for (let j = 0; j < rows.length; j++) {
      const from = (rows[j] ?? 0) * width
      for (let b = 0; b < width; b++) target[j * width + b] = values[from + b] ?? 0
    }
    return target
  }
  const source = asInt32(values)
  const words = asInt32(target)
  if (width === 4) for (let j = 0; j < rows.length; j++) words[j] = source[rows[j] ?? 0] ?? 0
  else if (width === 8) {
    for (let j = 0; j < rows.length; j++) {
      const from = (rows[j] ?? 0) * 2
      words[2 * j] = source[from] ?? 0
      words[2 * j + 1] = source[from + 1] ?? 0
    }
  } else {
    for (let j = 0; j < rows.length; j++) {
      const from = (rows[j] ?? 0) * 4
      for (let w = 0; w < 4; w++) words[4 * j + w] = source[from + w] ?? 0
    }
  }
  return target
}

function takeOffsets(offsets: Int32Array, rows: Int32Array, slab: Slab): Int32Array {
  const taken = slab.takeInt32(rows.length + 1)
  let at = 0
  for (let j = 0; j < rows.length; j++) {
    const row = rows[j] ?? 0
    at += (offsets[row + 1] ?? 0) - (offsets[row] ?? 0)
    if (at > 0x7fffffff) throw new RangeError('one column cannot hold more than 2 GiB or 2^31 items')
    taken[j + 1] = at
  }
  return taken
}

/** Short values are copied four bytes at a time: a call of `set` costs more than 64 bytes by hand. */
function takeBytes(column: Column, rows: Int32Array, offsets: Int32Array, slab: Slab): Uint8Array {
  const { values } = column
  const from = offsetsOf(column)
  const target = slab.take(offsets[rows.length] ?? 0)
  const source = new DataView(values.buffer, values.byteOffset, values.byteLength)
  const words = new DataView(target.buffer, target.byteOffset, target.byteLength)
  for (let j = 0; j < rows.length; j++) {
    const start = from[rows[j] ?? 0] ?? 0
    const at = offsets[j] ?? 0
    const length = (offsets[j + 1] ?? 0) - at
    if (length > 64) {
      target.set(values.subarray(start, start + length), at)
      continue
    }
    let b = 0
    for (; b + 4 <= length; b += 4) words.setInt32(at + b, source.getInt32(start + b, true), true)
    for (; b < length; b++) target[at + b] = values[start + b] ?? 0
  }
  return target
}

/** The items of the lists that were taken, as numbers in the child. */
function itemsOf(from: Int32Array, rows: Int32Array, offsets: Int32Array): Int32Array {
  const items = new Int32Array(offsets[rows.length] ?? 0)
  for (let j = 0; j < rows.length; j++) {
    const start = from[rows[j] ?? 0] ?? 0
    const at = offsets[j] ?? 0
    const end = offsets[j + 1] ?? 0
    for (let i = at; i < end; i++) items[i] = start + i - at
  }
  return items
}

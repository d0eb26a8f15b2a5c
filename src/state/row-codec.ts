/**
 * Row codec: the state of one key as bytes, bit by bit what it was. A row is a bitmap of what is not null, then its values in
 * the order of the columns: a bool is a byte, a number is little-endian, a text its length as u32 and its bytes. Rows go
 * through by column, and lie one behind the other.
 */
import { type Batch, type Column, bitAt, bitmapBytes, makeColumn, noNulls, setBit } from '../batch/index.js'
import { type DataType, type Schema, byteWidth } from '../schema/index.js'

/** Row i is bytes [ends[i - 1], ends[i]). */
export interface EncodedRows {
  readonly bytes: Uint8Array
  readonly ends: Uint32Array
}

const isNull = ({ validity }: Column, row: number): boolean => validity !== null && bitAt(validity, row) === 0
const isText = ({ kind }: DataType): boolean => kind === 'utf8' || kind === 'binary'

export function encodeRows({ rows, columns }: Batch): EncodedRows {
  const head = bitmapBytes(columns.length)
  const ends = new Uint32Array(rows)
  let end = 0
  for (let i = 0; i < rows; i++) {
    end += columns.reduce((sum, column) => sum + bytesOfValue(column, i), head)
    ends[i] = end
  }
  const bytes = new Uint8Array(end)
  const cursors = Uint32Array.from(ends, (_, i) => (i === 0 ? 0 : (ends[i - 1] ?? 0)) + head)
  const view = new DataView(bytes.buffer)
  columns.forEach((column, c) => {
    for (let i = 0; i < rows; i++) {
      if (isNull(column, i)) continue
      const bit = (i === 0 ? 0 : (ends[i - 1] ?? 0)) + (c >> 3)
      bytes[bit] = (bytes[bit] ?? 0) | (1 << (c & 7))
      cursors[i] = putValue(bytes, view, column, { row: i, at: cursors[i] ?? 0 })
    }
  })
  return { bytes, ends }
}

function bytesOfValue(column: Column, row: number): number {
  if (isNull(column, row)) return 0
  if (column.offsets !== null) return 4 + (column.offsets[row + 1] ?? 0) - (column.offsets[row] ?? 0)
  return byteWidth(column.type) || 1
}

/** Answers where the next value goes. */
function putValue(
  bytes: Uint8Array,
  view: DataView,
  { type, values, offsets }: Column,
  { row, at }: { readonly row: number; readonly at: number },
): number {
  if (type.kind === 'bool') {
    bytes[at] = bitAt(values, row)
    return at + 1
  }
  const width = byteWidth(type)
  const [from, to] = offsets === null ? [row * width, (row + 1) * width] : [offsets[row] ?? 0, offsets[row + 1] ?? 0]
  let end = at
  if (offsets !== null) {
    view.setUint32(at, to - from, true)
    end += 4
  }
  for (let b = from; b < to; b++) bytes[end++] = values[b] ?? 0
  return end
}

/** The rows as columns of this schema, which they were encoded from. */
export function decodeRows(schema: Schema, rows: readonly Uint8Array[]): Batch {
  const head = bitmapBytes(schema.fields.length)
  const cursors = new Uint32Array(rows.length).fill(head)
  const columns = schema.fields.map(({ type }, c) => {
    const validity = new Uint8Array(bitmapBytes(rows.length))
    let nullCount = 0
    rows.forEach((row, i) => {
      if (bitAt(row, c) === 1) setBit(validity, i)
      else nullCount += 1
    })
    const nulls = nullCount === 0 ? noNulls : { nullCount, validity }
    const there = (i: number): boolean => bitAt(validity, i) === 1
    const buffers = isText(type) ? readTexts(rows, cursors, there) : readFixed(type, rows, cursors, there)
    return makeColumn(type, rows.length, nulls, { ...buffers, children: [] })
  })
  return { schema, rows: rows.length, columns }
}

type Buffers = Pick<Column, 'offsets' | 'values'>

function readFixed(
  type: DataType,
  rows: readonly Uint8Array[],
  cursors: Uint32Array,
  there: (i: number) => boolean,
): Buffers {
  const width = byteWidth(type)
  const values = new Uint8Array(new ArrayBuffer(width === 0 ? bitmapBytes(rows.length) : width * rows.length))
  rows.forEach((row, i) => {
    if (!there(i)) return
    const at = cursors[i] ?? 0
    cursors[i] = at + (width || 1)
    if (width > 0) for (let b = 0; b < width; b++) values[i * width + b] = row[at + b] ?? 0
    else if (row[at] === 1) setBit(values, i)
  })
  return { offsets: null, values }
}

function readTexts(rows: readonly Uint8Array[], cursors: Uint32Array, there: (i: number) => boolean): Buffers {
  const offsets = new Int32Array(rows.length + 1)
  rows.forEach((row, i) => {
    const at = cursors[i] ?? 0
    const length = there(i) ? new DataView(row.buffer, row.byteOffset, row.byteLength).getUint32(at, true) : 0
    offsets[i + 1] = (offsets[i] ?? 0) + length
  })
  const values = new Uint8Array(new ArrayBuffer(offsets[rows.length] ?? 0))
  rows.forEach((row, i) => {
    if (!there(i)) return
    const from = (cursors[i] ?? 0) + 4
    const end = from + (offsets[i + 1] ?? 0) - (offsets[i] ?? 0)
    values.set(row.subarray(from, end), offsets[i])
    cursors[i] = end
  })
  return { offsets, values }
}

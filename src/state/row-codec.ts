/**
 * Row codec: the state of one key as bytes, bit by bit what it was. A row is a bitmap of what is not null, then its values in
 * the order of the columns: a bool is a byte, a number is little-endian, a text its length as u32 and its bytes. Rows go
 * through by column, and lie packed.
 */
import { type Batch, type Column, bitAt, bitmapBytes, makeColumn, noNulls, setBit } from '../batch/index.js'
import { type DataType, type Schema, byteWidth } from '../schema/index.js'
import { type PackedRows, copyBytes, startOf } from './packed.js'

const isNull = ({ validity }: Column, row: number): boolean => validity !== null && bitAt(validity, row) === 0
const isText = ({ kind }: DataType): boolean => kind === 'utf8' || kind === 'binary'

export function encodeRows({ rows, columns }: Batch): PackedRows {
  const ends = endsOf(rows, columns)
  const bytes = new Uint8Array(ends[rows - 1] ?? 0)
  const cursors = ends.map((_, i) => startOf(ends, i) + bitmapBytes(columns.length))
  const view = new DataView(bytes.buffer)
  columns.forEach((column, c) => {
    for (let i = 0; i < rows; i++) {
      if (isNull(column, i)) continue
      const head = startOf(ends, i) + (c >> 3)
      bytes[head] = (bytes[head] ?? 0) | (1 << (c & 7))
      cursors[i] = putValue(bytes, view, column, { row: i, at: cursors[i] ?? 0 })
    }
  })
  return { bytes, ends }
}

function endsOf(rows: number, columns: readonly Column[]): Uint32Array {
  const ends = new Uint32Array(rows).fill(bitmapBytes(columns.length))
  for (const column of columns) {
    const { offsets, type } = column
    const width = byteWidth(type) || 1
    for (let i = 0; i < rows; i++) {
      if (isNull(column, i)) continue
      ends[i] = (ends[i] ?? 0) + (offsets === null ? width : 4 + (offsets[i + 1] ?? 0) - (offsets[i] ?? 0))
    }
  }
  for (let i = 1; i < rows; i++) ends[i] = (ends[i] ?? 0) + (ends[i - 1] ?? 0)
  return ends
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
  if (offsets === null) {
    const width = byteWidth(type)
    copyBytes(bytes, at, values, row * width, (row + 1) * width)
    return at + width
  }
  const [from, to] = [offsets[row] ?? 0, offsets[row + 1] ?? 0]
  view.setUint32(at, to - from, true)
  copyBytes(bytes, at + 4, values, from, to)
  return at + 4 + to - from
}

/** The rows as columns of this schema, which they were encoded from. */
export function decodeRows(schema: Schema, { bytes, ends }: PackedRows): Batch {
  const rows = ends.length
  const head = bitmapBytes(schema.fields.length)
  const cursors = ends.map((_, i) => startOf(ends, i) + head)
  const columns = schema.fields.map(({ type }, c) => {
    const validity = new Uint8Array(bitmapBytes(rows))
    let nullCount = 0
    for (let i = 0; i < rows; i++) {
      const bits = bytes[startOf(ends, i) + (c >> 3)] ?? 0
      if (((bits >> (c & 7)) & 1) === 1) setBit(validity, i)
      else nullCount += 1
    }
    const nulls = nullCount === 0 ? noNulls : { nullCount, validity }
    const part = { bytes, cursors, validity }
    const buffers = isText(type) ? readTexts(part) : readFixed(type, part)
    return makeColumn(type, rows, nulls, { ...buffers, children: [] })
  })
  return { schema, rows, columns }
}

/** Where each row's next value lies, and whether it has one. */
interface Part {
  readonly bytes: Uint8Array
  readonly cursors: Uint32Array
  readonly validity: Uint8Array
}

type Buffers = Pick<Column, 'offsets' | 'values'>

function readFixed(type: DataType, { bytes, cursors, validity }: Part): Buffers {
  const width = byteWidth(type)
  const rows = cursors.length
  const values = new Uint8Array(new ArrayBuffer(width === 0 ? bitmapBytes(rows) : width * rows))
  for (let i = 0; i < rows; i++) {
    if (bitAt(validity, i) === 0) continue
    const at = cursors[i] ?? 0
    cursors[i] = at + (width || 1)
    if (width > 0) copyBytes(values, i * width, bytes, at, at + width)
    else if (bytes[at] === 1) setBit(values, i)
  }
  return { offsets: null, values }
}

function readTexts({ bytes, cursors, validity }: Part): Buffers {
  const rows = cursors.length
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const offsets = new Int32Array(rows + 1)
  for (let i = 0; i < rows; i++) {
    const length = bitAt(validity, i) === 1 ? view.getUint32(cursors[i] ?? 0, true) : 0
    offsets[i + 1] = (offsets[i] ?? 0) + length
  }
  const values = new Uint8Array(new ArrayBuffer(offsets[rows] ?? 0))
  for (let i = 0; i < rows; i++) {
    if (bitAt(validity, i) === 0) continue
    const [from, to] = [offsets[i] ?? 0, offsets[i + 1] ?? 0]
    const at = (cursors[i] ?? 0) + 4
    copyBytes(values, from, bytes, at, at + to - from)
    cursors[i] = at + to - from
  }
  return { offsets, values }
}

/** Key columns from key bytes: for calls about keys whose rows are gone (end of input, timers). */
import { type Column, Slab, bitmapBytes, setBit } from '../batch/index.js'
import { type DataType, type Schema, byteWidth } from '../schema/index.js'
import { type PackedRows, copyBytes, startOf } from './packed.js'

/** One column a field, one row a key. */
export function decodeKeys(schema: Schema, { bytes, ends }: PackedRows, nullKeys: boolean): readonly Column[] {
  const rows = ends.length
  const cursors = ends.map((_, i) => startOf(ends, i))
  return schema.fields.map(field => {
    const validity = nullKeys ? readFlags(cursors, bytes) : null
    const nullCount = validity?.nullCount ?? 0
    const there = nullCount === 0 ? null : (validity?.bits ?? null)
    const shared = { type: field.type, length: rows, nullCount, validity: there, children: [] }
    if (field.type.kind === 'utf8' || field.type.kind === 'binary') {
      return { ...shared, ...readTexts(cursors, there, bytes) }
    }
    return { ...shared, offsets: null, values: readFixed(field.type, cursors, there, bytes) }
  })
}

/** Where the rows that are there have their bits; null: all are. */
type There = Uint8Array | null

const isThere = (there: There, row: number): boolean =>
  there === null || (((there[row >> 3] ?? 0) >> (row & 7)) & 1) === 1

function readFlags(cursors: Uint32Array, bytes: Uint8Array): { readonly bits: Uint8Array; readonly nullCount: number } {
  const bits = new Uint8Array(bitmapBytes(cursors.length))
  let nullCount = 0
  for (let i = 0; i < cursors.length; i++) {
    const at = cursors[i] ?? 0
    if (bytes[at] === 1) setBit(bits, i)
    else nullCount += 1
    cursors[i] = at + 1
  }
  return { bits, nullCount }
}

function readFixed(type: DataType, cursors: Uint32Array, there: There, bytes: Uint8Array): Uint8Array {
  const rows = cursors.length
  const width = byteWidth(type) || 1
  const values = new Uint8Array(type.kind === 'bool' ? bitmapBytes(rows) : width * rows)
  for (let i = 0; i < rows; i++) {
    if (!isThere(there, i)) continue
    const at = cursors[i] ?? 0
    if (type.kind !== 'bool') copyBytes(values, i * width, bytes, at, at + width)
    else if (bytes[at] === 1) setBit(values, i)
    cursors[i] = at + width
  }
  return values
}

function readTexts(cursors: Uint32Array, there: There, bytes: Uint8Array): Pick<Column, 'offsets' | 'values'> {
  const rows = cursors.length
  const offsets = new Int32Array(rows + 1)
  for (let i = 0; i < rows; i++)
    offsets[i + 1] = (offsets[i] ?? 0) + (isThere(there, i) ? lengthAt(bytes, cursors[i] ?? 0) : 0)
  const values = new Slab(offsets[rows] ?? 0).take(offsets[rows] ?? 0)
  for (let i = 0; i < rows; i++) {
    if (!isThere(there, i)) continue
    const start = (cursors[i] ?? 0) + 4
    const end = start + (offsets[i + 1] ?? 0) - (offsets[i] ?? 0)
    copyBytes(values, offsets[i] ?? 0, bytes, start, end)
    cursors[i] = end
  }
  return { offsets, values }
}

const lengthAt = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)) >>> 0

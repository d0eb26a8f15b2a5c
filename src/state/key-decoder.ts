/** Key columns from key bytes: for calls about keys whose rows are gone (end of input, timers). */
import { type Column, Slab, bitmapBytes, setBit } from '../batch/index.js'
import { type DataType, type Schema, byteWidth } from '../schema/index.js'

/** One column a field, one row a key; `keyAt` answers the bytes of key i. */
export function decodeKeys(
  schema: Schema,
  rows: number,
  nullKeys: boolean,
  keyAt: (row: number) => Uint8Array,
): readonly Column[] {
  const cursors = new Uint32Array(rows)
  return schema.fields.map(field => {
    const validity = nullKeys ? readFlags(cursors, keyAt) : null
    const nullCount = validity?.nullCount ?? 0
    const there = nullCount === 0 ? null : (validity?.bits ?? null)
    const shared = { type: field.type, length: rows, nullCount, validity: there, children: [] }
    const isThere = (i: number): boolean => there === null || (((there[i >> 3] ?? 0) >> (i & 7)) & 1) === 1
    if (field.type.kind === 'utf8' || field.type.kind === 'binary') {
      return { ...shared, ...readTexts(cursors, isThere, keyAt) }
    }
    return { ...shared, offsets: null, values: readFixed(field.type, cursors, isThere, keyAt) }
  })
}

function readFlags(
  cursors: Uint32Array,
  keyAt: (row: number) => Uint8Array,
): { readonly bits: Uint8Array; readonly nullCount: number } {
  const bits = new Uint8Array(bitmapBytes(cursors.length))
  let nullCount = 0
  for (let i = 0; i < cursors.length; i++) {
    const at = cursors[i] ?? 0
    if (keyAt(i)[at] === 1) setBit(bits, i)
    else nullCount += 1
    cursors[i] = at + 1
  }
  return { bits, nullCount }
}

function readFixed(
  type: DataType,
  cursors: Uint32Array,
  isThere: (row: number) => boolean,
  keyAt: (row: number) => Uint8Array,
): Uint8Array {
  const rows = cursors.length
  const width = byteWidth(type) || 1
  const values = new Uint8Array(type.kind === 'bool' ? bitmapBytes(rows) : width * rows)
  for (let i = 0; i < rows; i++) {
    if (!isThere(i)) continue
    const at = cursors[i] ?? 0
    const key = keyAt(i)
    if (type.kind !== 'bool') values.set(key.subarray(at, at + width), i * width)
    else if (key[at] === 1) setBit(values, i)
    cursors[i] = at + width
  }
  return values
}

function readTexts(
  cursors: Uint32Array,
  isThere: (row: number) => boolean,
  keyAt: (row: number) => Uint8Array,
): Pick<Column, 'offsets' | 'values'> {
  const rows = cursors.length
  const offsets = new Int32Array(rows + 1)
  for (let i = 0; i < rows; i++)
    offsets[i + 1] = (offsets[i] ?? 0) + (isThere(i) ? lengthAt(keyAt(i), cursors[i] ?? 0) : 0)
  const values = new Slab(offsets[rows] ?? 0).take(offsets[rows] ?? 0)
  for (let i = 0; i < rows; i++) {
    if (!isThere(i)) continue
    const start = (cursors[i] ?? 0) + 4
    const end = start + (offsets[i + 1] ?? 0) - (offsets[i] ?? 0)
    values.set(keyAt(i).subarray(start, end), offsets[i])
    cursors[i] = end
  }
  return { offsets, values }
}

const lengthAt = (key: Uint8Array, at: number): number =>
  [3, 2, 1, 0].reduce((length, b) => length * 256 + (key[at + b] ?? 0), 0)

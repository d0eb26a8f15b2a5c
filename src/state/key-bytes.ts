/**
 * Key bytes: what a key is, for hashing, for order and on disk. Values in the order of the columns:
 *
 *     bool                              one byte, 0 or 1
 *     integers, dates, times, decimals  little-endian, 1, 2, 4, 8 or 16 bytes
 *     float32, float64                  little-endian; -0.0 is 0.0, every NaN is 0x7fc00000 or 0x7ff8000000000000
 *     utf8, binary                      length as u32, then the bytes as they came
 *
 * Where nulls are grouped, each value has a byte before it: 1, or 0 for null, which has no more bytes. The
 * key group is murmur3-32 (seed 0) of the key bytes, unsigned, modulo the number of key groups. This file is
 * the plain form, one key at a time; key-encoder.ts makes the same bytes for whole batches.
 * test/golden/keys.json fixes them.
 */
import { type Batch, type Column, bitAt } from '../batch/index.js'
import { invariant } from '../base/index.js'
import { murmur3 } from '../kernels/index.js'
import { type DataType, type Schema, byteWidth } from '../schema/index.js'

/** Whether a column of this type may be a key, or be kept as state: it has no children. */
export const isFlat = (type: DataType): boolean => type.kind !== 'list' && type.kind !== 'struct' && type.kind !== 'map'

/** The key bytes of one row of a batch of key columns. */
export function keyBytes(keys: Batch, row: number, nullKeys: boolean): Uint8Array {
  const bytes = keys.columns.flatMap(column => valueBytes(column, row, nullKeys))
  return Uint8Array.from(bytes)
}

/** The key group of a key. */
export const keyGroup = (bytes: Uint8Array, keyGroups: number): number => murmur3(bytes) % keyGroups

function valueBytes(column: Column, row: number, nullKeys: boolean): number[] {
  const isNull = column.validity !== null && bitAt(column.validity, row) === 0
  invariant(nullKeys || !isNull, 'rows with a null key are taken out before')
  if (isNull) return [0]
  const bytes = plainBytes(column, row)
  return nullKeys ? [1, ...bytes] : bytes
}

function plainBytes({ type, values, offsets }: Column, row: number): number[] {
  invariant(isFlat(type), 'a key column has a flat type')
  if (type.kind === 'bool') return [bitAt(values, row)]
  if (offsets !== null) {
    const text = values.subarray(offsets[row], offsets[row + 1])
    return [...[0, 8, 16, 24].map(shift => (text.length >>> shift) & 255), ...text]
  }
  const width = byteWidth(type)
  const bytes = values.slice(row * width, (row + 1) * width)
  if (type.kind === 'float32' || type.kind === 'float64') makeCanonical(bytes)
  return [...bytes]
}

function makeCanonical(bytes: Uint8Array): void {
  const view = new DataView(bytes.buffer)
  const wide = bytes.length === 8
  const value = wide ? view.getFloat64(0, true) : view.getFloat32(0, true)
  if (value === 0) bytes.fill(0)
  else if (Number.isNaN(value)) bytes.set(wide ? [0, 0, 0, 0, 0, 0, 0xf8, 0x7f] : [0, 0, 0xc0, 0x7f])
}

/** Rows in which any key column is null, ascending; null where there are none. */
export function nullRows(keys: Batch): Int32Array | null {
  const nullable = keys.columns.flatMap(c => c.validity ?? [])
  if (nullable.length === 0) return null
  const rows: number[] = []
  for (let i = 0; i < keys.rows; i++) if (nullable.some(bits => bitAt(bits, i) === 0)) rows.push(i)
  return Int32Array.from(rows)
}

/** A `TypeError` names the first column that cannot be a key: the plan refuses such jobs before. */
export function checkFlat(schema: Schema, what: string): void {
  for (const field of schema.fields) {
    if (!isFlat(field.type)) throw new TypeError(`${what} column "${field.name}" has a nested type`)
  }
}

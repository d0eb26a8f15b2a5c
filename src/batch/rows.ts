/** Values of a batch as JavaScript has them, and as JSON has them: for dead letters, tests and the command line. */
import { type DataType } from '../schema/index.js'
import { bitAt } from './bits.js'
import { type Batch, type Column } from './column.js'
import { textOfDays, textOfDecimal, textOfTicks, toBase64 } from './scalar-text.js'
import { type Value, own } from './values.js'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

/** Rows as objects of values. */
export function rowsOf(batch: Batch): Record<string, Value>[] {
  return Array.from({ length: batch.rows }, (_, i) => rowOf(batch, i, valueAt))
}

/** Rows as objects that JSON can hold. */
export function jsonRowsOf(batch: Batch): Record<string, Json>[] {
  return Array.from({ length: batch.rows }, (_, i) => rowOf(batch, i, jsonAt))
}

/** One row as an object that JSON can hold. */
export const jsonRow = (batch: Batch, row: number): Record<string, Json> => rowOf(batch, row, jsonAt)

function rowOf<V>(batch: Batch, row: number, read: (column: Column, i: number) => V): Record<string, V> {
  return Object.fromEntries(
    batch.schema.fields.flatMap((field, c) => {
      const column = batch.columns[c]
      return column === undefined ? [] : [[field.name, read(column, row)] as const]
    }),
  )
}

const isNullAt = (column: Column, i: number): boolean => column.validity !== null && bitAt(column.validity, i) === 0
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)

/**
 * Value `i`: number for floats, integers up to 32 bits and dates (days); bigint for int64, uint64,
 * timestamps and durations; text for utf8 and decimals; Uint8Array (a view) for binary; array for lists,
 * object for structs, array of [key, value] for maps.
 */
export function valueAt(column: Column, i: number): Value {
  if (i < 0 || i >= column.length) throw new RangeError(`value ${i} of ${column.length}`)
  if (isNullAt(column, i)) return null
  const { type, values } = column
  switch (type.kind) {
    case 'bool':
      return bitAt(values, i) === 1
    case 'utf8':
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytesAt(column, i))
    case 'binary':
      return bytesAt(column, i)
    case 'list':
    case 'map':
      return itemsAt(column, i, valueAt).map(item => (type.kind === 'map' ? pairOf(item) : item))
    case 'struct':
      return Object.fromEntries(type.fields.map((f, c) => [f.name, memberAt(column, c, i)]))
    default:
      return scalarAt(type, viewOf(values), i)
  }
}

function scalarAt(type: DataType, view: DataView, i: number): Value {
  switch (type.kind) {
    case 'int8':
      return view.getInt8(i)
    case 'uint8':
      return view.getUint8(i)
    case 'int16':
      return view.getInt16(i * 2, true)
    case 'uint16':
      return view.getUint16(i * 2, true)
    case 'int32':
    case 'date32':
      return view.getInt32(i * 4, true)
    case 'uint32':
      return view.getUint32(i * 4, true)
    case 'float32':
      return view.getFloat32(i * 4, true)
    case 'float64':
      return view.getFloat64(i * 8, true)
    case 'uint64':
      return view.getBigUint64(i * 8, true)
    case 'decimal128':
      return textOfDecimal((view.getBigInt64(i * 16 + 8, true) << 64n) | view.getBigUint64(i * 16, true), type)
    default:
      return view.getBigInt64(i * 8, true)
  }
}

function bytesAt({ offsets, values }: Column, i: number): Uint8Array {
  return values.subarray(offsets?.[i] ?? 0, offsets?.[i + 1] ?? 0)
}

function itemsAt<V>({ offsets, children }: Column, i: number, read: (column: Column, i: number) => V): V[] {
  const [items] = children
  const from = offsets?.[i] ?? 0
  if (items === undefined) return []
  return Array.from({ length: (offsets?.[i + 1] ?? 0) - from }, (_, k) => read(items, from + k))
}

function memberAt(column: Column, member: number, i: number): Value {
  const child = column.children[member]
  return child === undefined ? null : valueAt(child, i)
}

function pairOf(entry: Value): Value {
  const isEntry = typeof entry === 'object' && entry !== null && 'key' in entry && 'value' in entry
  return isEntry ? [entry.key ?? null, entry.value ?? null] : null
}

/**
 * Value `i` for JSON: integers beyond 2^53 as text, binary as base64, timestamps and dates as ISO text,
 * NaN and infinities as text, maps with text keys as objects, other maps as arrays of pairs.
 */
export function jsonAt(column: Column, i: number): Json {
  return jsonOf(column.type, valueAt(column, i))
}

const safe = BigInt(Number.MAX_SAFE_INTEGER)

function jsonOf(type: DataType, value: Value): Json {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  if (typeof value === 'number') return jsonNumber(type, value)
  if (typeof value === 'bigint') {
    if (type.kind === 'timestamp') return textOfTicks(value, type)
    return value > safe || value < -safe ? String(value) : Number(value)
  }
  if (value instanceof Uint8Array) return toBase64(value)
  if (Array.isArray(value)) return jsonItems(type, value)
  return type.kind === 'struct'
    ? Object.fromEntries(type.fields.map(f => [f.name, jsonMember(value, f.name, f.type)]))
    : null
}

function jsonNumber(type: DataType, value: number): Json {
  if (type.kind === 'date32') return textOfDays(BigInt(value))
  return Number.isFinite(value) ? value : String(value)
}

function jsonMember(value: Value, name: string, type: DataType): Json {
  return jsonOf(type, own(value, name))
}

function jsonItems(type: DataType, items: readonly Value[]): Json {
  if (type.kind === 'list') return items.map(item => jsonOf(type.item, item))
  if (type.kind !== 'map') return null
  const pairs = items.map((pair): readonly [Json, Json] => {
    const [key = null, value = null]: readonly Value[] = Array.isArray(pair) ? pair : []
    return [jsonOf(type.key, key), jsonOf(type.value, value)]
  })
  return type.key.kind === 'utf8' ? Object.fromEntries(pairs) : pairs
}

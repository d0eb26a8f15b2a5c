/**
 * Columns from JavaScript values, one object a value: for tests, the command line and dead letters, never
 * for the hot path. `null` and `undefined` are null.
 */
import { invariant } from '../base/index.js'
import { type DataType, type Schema, byteWidth, childrenOf, formatType } from '../schema/index.js'
import { bitmapBytes, setBit } from './bits.js'
import { type Batch, type Column } from './column.js'
import { decimalFromText, daysFromText, fromBase64, ticksFromText } from './scalar-text.js'
import { hasOffsets, makeColumn, noBytes, noNulls } from './views.js'

/** What `valueAt` answers and `columnOf` takes. int64, uint64, timestamps and durations are bigints. */
export type Value =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Value[]
  | { readonly [name: string]: Value }

type Row = Readonly<Record<string, Value | undefined>>

/** A batch of rows as `rowsOf` answers them: a name that is missing is null. */
export function batchFromRows(schema: Schema, rows: readonly Row[]): Batch {
  const columns = schema.fields.map(f =>
    columnOf(
      f.type,
      rows.map(row => own(row, f.name)),
    ),
  )
  return { schema, rows: rows.length, columns }
}

/**
 * A column of any type. Numbers may be bigint, number or text; timestamps also ISO text, dates `YYYY-MM-DD`,
 * decimals `-12.30`, binary base64 text or bytes, maps objects or arrays of pairs.
 *
 * @throws TypeError where a value does not fit the type.
 */
export function columnOf(type: DataType, values: readonly Value[]): Column {
  const length = values.length
  const shared = { type, length, ...validityOf(values) }
  switch (type.kind) {
    case 'utf8':
    case 'binary':
      return { ...shared, ...bytesColumn(type, values), children: [] }
    case 'list':
    case 'map':
      return { ...shared, ...listColumn(type, values), values: noBytes }
    case 'struct':
      return {
        ...shared,
        offsets: null,
        values: noBytes,
        children: type.fields.map(f =>
          columnOf(
            f.type,
            values.map(v => member(type, v, f.name)),
          ),
        ),
      }
    default:
      return { ...shared, offsets: null, values: fixedValues(type, values), children: [] }
  }
}

const isNull = (value: Value | undefined): value is null | undefined => value === null || value === undefined
const misfit = (type: DataType, value: Value): never => {
  throw new TypeError(`expected a value of ${formatType(type)}, got ${String(value)}`)
}

function validityOf(values: readonly Value[]): Pick<Column, 'nullCount' | 'validity'> {
  const nullCount = values.reduce<number>((sum, v) => sum + (isNull(v) ? 1 : 0), 0)
  if (nullCount === 0) return { nullCount, validity: null }
  const validity = new Uint8Array(bitmapBytes(values.length))
  values.forEach((v, i) => {
    if (!isNull(v)) setBit(validity, i)
  })
  return { nullCount, validity }
}

function bytesColumn(type: DataType, values: readonly Value[]): Pick<Column, 'offsets' | 'values'> {
  const encoder = new TextEncoder()
  const parts = values.map(value => {
    if (isNull(value)) return noBytes
    if (value instanceof Uint8Array) return value
    if (typeof value !== 'string') return misfit(type, value)
    return type.kind === 'utf8' ? encoder.encode(value) : fromBase64(value)
  })
  const offsets = new Int32Array(values.length + 1)
  parts.forEach((part, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + part.length
  })
  const bytes = new Uint8Array(offsets[values.length] ?? 0)
  parts.forEach((part, i) => bytes.set(part, offsets[i]))
  return { offsets, values: bytes }
}

function listColumn(type: DataType, values: readonly Value[]): Pick<Column, 'offsets' | 'children'> {
  const lists = values.map(value => (isNull(value) ? [] : itemsOf(type, value)))
  const offsets = new Int32Array(values.length + 1)
  lists.forEach((list, i) => {
    offsets[i + 1] = (offsets[i] ?? 0) + list.length
  })
  const [item] = childrenOf(type)
  invariant(item !== undefined && hasOffsets(type), 'lists and maps have items')
  return { offsets, children: [columnOf(item, lists.flat())] }
}

function itemsOf(type: DataType, value: Value): readonly Value[] {
  if (type.kind === 'list') return Array.isArray(value) ? value : misfit(type, value)
  const pairs: readonly Value[] = Array.isArray(value)
    ? value
    : isObject(value)
      ? Object.entries(value)
      : misfit(type, value)
  return pairs.map(pair => {
    if (!Array.isArray(pair)) return misfit(type, pair)
    const [key, of]: readonly Value[] = pair
    return { key: key ?? misfit(type, value), value: of ?? null }
  })
}

const isObject = (value: Value): value is { readonly [name: string]: Value } =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)

function member(type: DataType, value: Value, name: string): Value {
  if (isNull(value)) return null
  return isObject(value) ? own(value, name) : misfit(type, value)
}

/** The value that an object has under this name itself: a column may be called "constructor". */
export function own(row: Value | Row, name: string): Value {
  if (typeof row !== 'object' || row === null || !Object.hasOwn(row, name)) return null
  const value: Value | undefined = Reflect.get(row, name)
  return value ?? null
}

function fixedValues(type: DataType, values: readonly Value[]): Uint8Array {
  if (type.kind === 'bool') {
    const bits = new Uint8Array(bitmapBytes(values.length))
    values.forEach((v, i) => {
      if (v === true) setBit(bits, i)
      else if (v !== false && !isNull(v)) misfit(type, v)
    })
    return bits
  }
  const width = byteWidth(type)
  const bytes = new Uint8Array(width * values.length)
  const view = new DataView(bytes.buffer)
  values.forEach((value, i) => {
    if (!isNull(value)) putScalar(view, i * width, type, value)
  })
  return bytes
}

function putScalar(view: DataView, at: number, type: DataType, value: Value): void {
  switch (type.kind) {
    case 'float32':
      return view.setFloat32(at, float(type, value), true)
    case 'float64':
      return view.setFloat64(at, float(type, value), true)
    case 'decimal128': {
      const whole =
        typeof value === 'string' || typeof value === 'number'
          ? decimalFromText(String(value), type)
          : misfit(type, value)
      view.setBigUint64(at, BigInt.asUintN(64, whole), true)
      return view.setBigInt64(at + 8, whole >> 64n, true)
    }
    default:
      return putInteger(view, at, type, integer(type, value))
  }
}

function float(type: DataType, value: Value): number {
  if (typeof value === 'number') return value
  if (value === 'NaN' || value === 'Infinity' || value === '-Infinity') return Number(value)
  return typeof value === 'bigint' ? Number(value) : misfit(type, value)
}

function integer(type: DataType, value: Value): bigint {
  if (typeof value === 'bigint') return value
  if (typeof value === 'number') return Number.isInteger(value) ? BigInt(value) : misfit(type, value)
  if (typeof value !== 'string') return misfit(type, value)
  if (/^-?\d+$/.test(value)) return BigInt(value)
  const parsed =
    type.kind === 'timestamp'
      ? ticksFromText(value, type.unit)
      : type.kind === 'date32'
        ? daysFromText(value)
        : undefined
  return parsed ?? misfit(type, value)
}

function putInteger(view: DataView, at: number, type: DataType, value: bigint): void {
  const bits = byteWidth(type) * 8
  const unsigned = type.kind.startsWith('uint')
  const fits = unsigned ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value)
  if (fits !== value) misfit(type, value)
  for (let b = 0; b < bits / 8; b++) view.setUint8(at + b, Number((value >> BigInt(8 * b)) & 255n))
}

export const utf8Column = (values: readonly Value[]): Column => columnOf({ kind: 'utf8' }, values)

/** A column without nulls over a typed array, which is not copied: 8-byte aligned, of the type's width. */
export function fixedColumn(type: DataType, values: ArrayBufferView): Column {
  const width = byteWidth(type)
  invariant(width > 0 && values.byteLength % width === 0 && (values.byteOffset & 7) === 0, 'values fit the type')
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
  return makeColumn(type, bytes.length / width, noNulls, { offsets: null, values: bytes, children: [] })
}

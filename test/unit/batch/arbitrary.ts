/** Any schema, any values: what the property tests of batches, keys and state draw from. */
import fc from 'fast-check'
import { type Batch, type Value, batchFromRows } from '../../../src/batch/index.js'
import { type DataType, type Field, type Schema } from '../../../src/schema/index.js'

const plain = [
  'bool',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'float32',
  'float64',
  'utf8',
  'binary',
  'date32',
] as const
const units = ['s', 'ms', 'us', 'ns'] as const

/** Types without children. */
export const flatType: fc.Arbitrary<DataType> = fc.oneof(
  { arbitrary: fc.constantFrom(...plain).map((kind): DataType => ({ kind })), weight: 5 },
  fc.constantFrom(...units).map((unit): DataType => ({ kind: 'duration', unit })),
  fc
    .record({ unit: fc.constantFrom(...units), tz: fc.constantFrom(null, 'UTC', 'Europe/Berlin') })
    .map((more): DataType => ({ kind: 'timestamp', ...more })),
  fc
    .record({ precision: fc.integer({ min: 1, max: 38 }), scale: fc.integer({ min: 0, max: 4 }) })
    .map(({ precision, scale }): DataType => ({ kind: 'decimal128', precision, scale: Math.min(scale, precision) })),
)

/** Types of up to `depth` levels. */
export const anyType = (depth: number): fc.Arbitrary<DataType> => {
  if (depth <= 1) return flatType
  const inner = anyType(depth - 1)
  return fc.oneof(
    { arbitrary: flatType, weight: 3 },
    inner.map((item): DataType => ({ kind: 'list', item })),
    fc
      .array(inner, { minLength: 1, maxLength: 3 })
      .map((types): DataType => ({ kind: 'struct', fields: named(types) })),
    fc.record({ key: flatType, value: inner }).map(({ key, value }): DataType => ({ kind: 'map', key, value })),
  )
}

const named = (types: readonly DataType[]): readonly Field[] => types.map((type, i) => ({ name: `c${i}`, type }))

export const schemaOf = (type: fc.Arbitrary<DataType>, columnsMax = 4): fc.Arbitrary<Schema> =>
  fc.array(type, { minLength: 1, maxLength: columnsMax }).map(types => ({ fields: named(types) }))

const integers: Readonly<Record<string, readonly [number, number]>> = {
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-2147483648, 2147483647],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 4294967295],
  date32: [-2147483648, 2147483647],
}

/** A value as `valueAt` answers it, null now and then. */
export const anyValue = (type: DataType): fc.Arbitrary<Value> => fc.option(someValue(type), { freq: 5, nil: null })

/** A value that is not null. */
export function someValue(type: DataType): fc.Arbitrary<Value> {
  switch (type.kind) {
    case 'bool':
      return fc.boolean()
    case 'float64':
      return fc.double()
    case 'float32':
      return fc.float()
    case 'utf8':
      return fc.string({ unit: 'binary', maxLength: 12 })
    case 'binary':
      return fc.uint8Array({ maxLength: 12 })
    case 'decimal128':
      return decimal(type.precision, type.scale)
    case 'uint64':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
    case 'list':
      return fc.array(anyValue(type.item), { maxLength: 4 })
    case 'struct':
      return fc.record(Object.fromEntries(type.fields.map(f => [f.name, anyValue(f.type)])))
    case 'map':
      return fc.array(fc.tuple(someValue(type.key), anyValue(type.value)), { maxLength: 3 })
    default: {
      const range = integers[type.kind]
      if (range === undefined) return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
      return fc.integer({ min: range[0], max: range[1] })
    }
  }
}

function decimal(precision: number, scale: number): fc.Arbitrary<string> {
  const top = 10n ** BigInt(precision) - 1n
  return fc.bigInt({ min: -top, max: top }).map(unscaled => {
    const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
    const text = scale === 0 ? digits : `${digits.slice(0, -scale)}.${digits.slice(-scale)}`
    return `${unscaled < 0n ? '-' : ''}${text}`
  })
}

export type Rows = Record<string, Value>[]

/** Rows of a schema, none of them missing a column. */
export const rowsFor = (schema: Schema, rowsMax = 20): fc.Arbitrary<Rows> =>
  fc.array(fc.record(Object.fromEntries(schema.fields.map(f => [f.name, anyValue(f.type)]))), { maxLength: rowsMax })

/** A schema, rows of it, and their batch. */
export const anyBatch = (rowsMax = 20): fc.Arbitrary<{ schema: Schema; rows: Rows; batch: Batch }> =>
  schemaOf(anyType(3))
    .chain(schema => fc.record({ schema: fc.constant(schema), rows: rowsFor(schema, rowsMax) }))
    .map(({ schema, rows }) => ({ schema, rows, batch: batchFromRows(schema, rows) }))

/**
 * Types: what a column may be. A type is data (frozen, comparable, printable); its text form is the same
 * in TypeScript, in Python (`ab.types.format`), in the plan's JSON and in the generated types file:
 *
 *     bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float32 float64 utf8 binary date32
 *     decimal128(precision, scale)      timestamp[unit] timestamp[unit, tz]      duration[unit]
 *     list<item>     struct<name: type, name: type>     map<key, value>        unit: s ms us ns
 *
 * Every column may be null unless its field is `required`. Names in a struct are JSON strings where they
 * are not plain identifiers.
 */
export type TimeUnit = 's' | 'ms' | 'us' | 'ns'

export type PlainKind =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'float32'
  | 'float64'
  | 'utf8'
  | 'binary'
  | 'date32'

export type DataType =
  | { readonly kind: PlainKind }
  | { readonly kind: 'decimal128'; readonly precision: number; readonly scale: number }
  | { readonly kind: 'timestamp'; readonly unit: TimeUnit; readonly tz: string | null }
  | { readonly kind: 'duration'; readonly unit: TimeUnit }
  | { readonly kind: 'list'; readonly item: DataType }
  | { readonly kind: 'struct'; readonly fields: readonly Field[] }
  | { readonly kind: 'map'; readonly key: DataType; readonly value: DataType }

/** A scalar as JSON carries it: int64 and decimals beyond 2^53 as text, binary as base64. */
export type JsonScalar = string | number | boolean | null

export interface Field {
  readonly name: string
  readonly type: DataType
  /** No nulls allowed. */
  readonly required?: boolean
  /** What stands for null in state of a new key, or for a missing JSON key. */
  readonly default?: JsonScalar
}

export interface Schema {
  readonly fields: readonly Field[]
}

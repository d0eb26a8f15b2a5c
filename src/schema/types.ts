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

/** How long state lives after it was last written, or read too, in processing time; names and meanings are Flink's. */
export interface Ttl {
  readonly ms: number
  readonly update: 'on_create_and_write' | 'on_read_and_write'
  /** Whether what has expired is sent until it is taken away. */
  readonly visibility: 'never_return_expired' | 'return_expired_if_not_cleaned_up'
}

/** How a column of state is kept where it is not one value that stays. The column of a list or map has that type. */
export type Keep = { readonly ttl?: Ttl } & (
  | { readonly as: 'value' }
  /** Appended to; its content is sent where the transform `reads` it. */
  | { readonly as: 'list'; readonly reads: boolean }
  /** The column of the batch whose values name the entries that are sent, or `all`. */
  | { readonly as: 'map'; readonly entries: string }
)

export interface Field {
  readonly name: string
  readonly type: DataType
  /** No nulls allowed. */
  readonly required?: boolean
  /** What stands for null in state of a new key, or for a missing JSON key. */
  readonly default?: JsonScalar
  /** Of state only. */
  readonly keep?: Keep
  /** Of state only: the name that it was stored under before. */
  readonly alias?: string
}

export interface Schema {
  readonly fields: readonly Field[]
}

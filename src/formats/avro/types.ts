/**
 * Types of Avro as a file was written by them. The schema's text is parsed by avsc, which knows its names, aliases and
 * rules; what the columnar decoder needs of it is kept as plain data.
 */
import avro from 'avsc'
import { ConnectorError } from '../../base/index.js'

/** What a logical type says about the type under it. */
export interface Logical {
  readonly name: string
  readonly scale: number
}
export type Primitive = 'null' | 'boolean' | 'int' | 'long' | 'float' | 'double' | 'bytes' | 'string'
export interface RecordField {
  readonly name: string
  readonly type: AvroType
}
export type AvroType =
  | { readonly kind: Primitive; readonly logical: Logical | null }
  | { readonly kind: 'fixed'; readonly size: number; readonly logical: Logical | null }
  | { readonly kind: 'enum'; readonly symbols: readonly string[] }
  | { readonly kind: 'array'; readonly items: AvroType }
  | { readonly kind: 'map'; readonly values: AvroType }
  | { readonly kind: 'union'; readonly branches: readonly AvroType[] }
  | { readonly kind: 'record'; readonly name: string; readonly fields: readonly RecordField[] }
export type RecordType = AvroType & { readonly kind: 'record' }

export interface WrittenSchema {
  readonly record: RecordType
  /** A record as JSON, for people; null where avsc cannot say it. */
  readonly textOf: (bytes: Uint8Array) => string | null
}

/** Types nested deeper than this are refused, whoever wrote them. */
export const depthMax = 64

const primitives: ReadonlySet<string> = new Set<Primitive>([
  'null',
  'boolean',
  'int',
  'long',
  'float',
  'double',
  'bytes',
  'string',
])
const isPrimitive = (name: string): name is Primitive => primitives.has(name)

/** Throws a ConnectorError (ANB4002) where the text is no schema of records. */
export function parseSchema(text: string): WrittenSchema {
  const type = forSchema(text)
  const record = new Translation().type(type, null, 0)
  if (record.kind !== 'record') throw new ConnectorError('ANB4002', `holds values of type ${record.kind}, not records`)
  const textOf = (bytes: Uint8Array): string | null => {
    try {
      return type.toString(type.fromBuffer(Buffer.from(bytes)))
    } catch {
      return null
    }
  }
  return { record, textOf }
}

/** A logical type of any name, so that none is forgotten; its values are those of the type under it. */
class AnyLogical extends avro.types.LogicalType {
  readonly said: Logical

  constructor(schema: avro.Schema, options?: unknown) {
    super(schema, options)
    const scale: unknown = typeof schema === 'object' ? Reflect.get(schema, 'scale') : 0
    const name: unknown = typeof schema === 'object' ? Reflect.get(schema, 'logicalType') : ''
    this.said = { name: String(name), scale: typeof scale === 'number' ? scale : 0 }
  }

  override _fromValue(value: unknown): unknown {
    return value
  }

  override _toValue(value: unknown): unknown {
    return value
  }
}

const logicalTypes = Object.fromEntries(
  [
    'decimal',
    'date',
    'timestamp-millis',
    'timestamp-micros',
    'timestamp-nanos',
    'local-timestamp-millis',
    'local-timestamp-micros',
    'local-timestamp-nanos',
  ].map(name => [name, AnyLogical]),
)

export function forSchema(text: string): avro.Type {
  try {
    const json: avro.Schema = JSON.parse(text)
    return avro.Type.forSchema(json, { logicalTypes, wrapUnions: 'always', omitRecordMethods: true })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new ConnectorError('ANB4002', `has a schema that cannot be read: ${why.slice(0, 300)}`, { cause })
  }
}

/** Named types may hold themselves, so each is translated once. */
class Translation {
  private readonly known = new Map<avro.Type, AvroType>()

  type(type: avro.Type, logical: Logical | null, depth: number): AvroType {
    if (depth > depthMax) throw new ConnectorError('ANB4002', `has a schema of more than ${depthMax} nested types`)
    const known = this.known.get(type)
    if (known !== undefined) return known
    const name = type.typeName
    if (isPrimitive(name)) return { kind: name, logical }
    if (type instanceof AnyLogical) return this.type(type.underlyingType, type.said, depth)
    if (type instanceof avro.types.FixedType) return { kind: 'fixed', size: type.size, logical }
    if (type instanceof avro.types.EnumType) return { kind: 'enum', symbols: type.symbols }
    if (type instanceof avro.types.ArrayType)
      return { kind: 'array', items: this.type(type.itemsType, null, depth + 1) }
    if (type instanceof avro.types.MapType) return { kind: 'map', values: this.type(type.valuesType, null, depth + 1) }
    if (type instanceof avro.types.WrappedUnionType) {
      return { kind: 'union', branches: type.types.map(branch => this.type(branch, null, depth + 1)) }
    }
    if (type instanceof avro.types.RecordType) return this.record(type, depth)
    throw new ConnectorError('ANB4002', `has a schema with ${name}, which Anabranch cannot read`)
  }

  private record(type: avro.types.RecordType, depth: number): AvroType {
    const fields: RecordField[] = []
    const record: AvroType = { kind: 'record', name: type.name ?? '', fields }
    this.known.set(type, record)
    for (const field of type.fields) fields.push({ name: field.name, type: this.type(field.type, null, depth + 1) })
    return record
  }
}

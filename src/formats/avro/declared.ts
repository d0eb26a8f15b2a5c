/** The schema of Avro that rows of a declared schema are written with. */
import { type DataType, type Field, type Schema } from '../../schema/index.js'

type Json = string | { readonly [name: string]: unknown } | readonly Json[]

export function schemaText(schema: Schema): string {
  return JSON.stringify(recordOf('Row', schema.fields))
}

function recordOf(name: string, fields: readonly Field[]): Json {
  return { type: 'record', name, fields: fields.map(field => fieldOf(name, field)) }
}

function fieldOf(record: string, field: Field): Json {
  const type = typeOf(field.type, `${record}_${field.name}`)
  return field.required === true
    ? { name: field.name, type }
    : { name: field.name, type: ['null', type], default: null }
}

/** `name` is for records inside: names are unique in a schema. */
function typeOf(type: DataType, name: string): Json {
  switch (type.kind) {
    case 'bool':
      return 'boolean'
    case 'int64':
    case 'uint32':
    case 'duration':
      return 'long'
    case 'uint64':
      return { type: 'bytes', logicalType: 'decimal', precision: 20, scale: 0 }
    case 'float32':
      return 'float'
    case 'float64':
      return 'double'
    case 'utf8':
      return 'string'
    case 'binary':
      return 'bytes'
    case 'date32':
      return { type: 'int', logicalType: 'date' }
    case 'decimal128':
      return { type: 'bytes', logicalType: 'decimal', precision: type.precision, scale: type.scale }
    case 'timestamp':
      return timestampOf(type)
    case 'list':
      return { type: 'array', items: ['null', typeOf(type.item, `${name}_item`)] }
    case 'map':
      return { type: 'map', values: ['null', typeOf(type.value, `${name}_value`)] }
    case 'struct':
      return recordOf(name, type.fields)
    default:
      return 'int'
  }
}

const units = { s: null, ms: 'millis', us: 'micros', ns: 'nanos' } as const

function timestampOf(type: DataType & { readonly kind: 'timestamp' }): Json {
  const unit = units[type.unit]
  if (unit === null) return 'long'
  return { type: 'long', logicalType: `${type.tz === null ? 'local-' : ''}timestamp-${unit}` }
}

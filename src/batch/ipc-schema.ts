/**
 * Arrow's schema message and the frame of a stream, so that a stream file is `streamHeader`, any number of
 * `writeIpc`, `endOfStream` (https://arrow.apache.org/docs/format/Columnar.html).
 */
import { type DataType, type Field, type Schema, type TimeUnit, mapEntries } from '../schema/index.js'
import { type FlatField, type FlatPart, flatBytes, i16, i32, i64, ref, table, text, u8, vector } from './flat.js'

const units: Readonly<Record<TimeUnit, number>> = { s: 0, ms: 1, us: 2, ns: 3 }
/** MetadataVersion V5 and the header types of Message.fbs. */
export const metadataVersion = 4
const schemaHeader = 1

/** The schema as one encapsulated message; its length is a multiple of 64. */
export function schemaMessage(schema: Schema, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const pairs = Object.entries(metadata).map(([k, v]) => table([ref(text(k)), ref(text(v))]))
  const fields = ref(vector(schema.fields.map(fieldTable)))
  const header = table([i16(0), fields, pairs.length === 0 ? null : ref(vector(pairs))])
  return encapsulate(flatBytes(table([i16(metadataVersion), u8(schemaHeader), ref(header), i64(0)])))
}

/** What an Arrow stream file begins with. */
export const streamHeader = (schema: Schema, metadata: Readonly<Record<string, string>> = {}): Uint8Array =>
  schemaMessage(schema, metadata)

/** What an Arrow stream ends with. */
export const endOfStream: Uint8Array = Uint8Array.of(255, 255, 255, 255, 0, 0, 0, 0)

/** Continuation, length, metadata, and zeros up to a multiple of 64. */
function encapsulate(metadata: Uint8Array): Uint8Array {
  const message = new Uint8Array(Math.ceil((8 + metadata.length) / 64) * 64)
  const view = new DataView(message.buffer)
  view.setInt32(0, -1, true)
  view.setInt32(4, message.length - 8, true)
  message.set(metadata, 8)
  return message
}

function fieldTable(field: Field): FlatPart {
  const { type } = field
  const { id, parts } = typeTable(type)
  const nullable = u8(field.required === true ? 0 : 1)
  const children = ref(vector(childFields(type).map(fieldTable)))
  return table([ref(text(field.name)), nullable, u8(id), ref(table(parts)), null, children])
}

/** Names and nullability of children as Arrow has them: `item`, and `entries` of a map, which may not be null. */
function childFields(type: DataType): readonly Field[] {
  if (type.kind === 'list') return [{ name: 'item', type: type.item }]
  if (type.kind === 'map') return [{ name: 'entries', type: mapEntries(type), required: true }]
  return type.kind === 'struct' ? type.fields : []
}

interface TypeTable {
  /** Number in the union Type of Schema.fbs. */
  readonly id: number
  readonly parts: readonly (FlatField | null)[]
}

const int = (bits: number, signed: boolean): TypeTable => ({ id: 2, parts: [i32(bits), u8(signed ? 1 : 0)] })

function typeTable(type: DataType): TypeTable {
  switch (type.kind) {
    case 'bool':
      return { id: 6, parts: [] }
    case 'int8':
      return int(8, true)
    case 'int16':
      return int(16, true)
    case 'int32':
      return int(32, true)
    case 'int64':
      return int(64, true)
    case 'uint8':
      return int(8, false)
    case 'uint16':
      return int(16, false)
    case 'uint32':
      return int(32, false)
    case 'uint64':
      return int(64, false)
    case 'float32':
      return { id: 3, parts: [i16(1)] }
    case 'float64':
      return { id: 3, parts: [i16(2)] }
    case 'utf8':
      return { id: 5, parts: [] }
    case 'binary':
      return { id: 4, parts: [] }
    case 'date32':
      return { id: 8, parts: [i16(0)] }
    case 'decimal128':
      return { id: 7, parts: [i32(type.precision), i32(type.scale), i32(128)] }
    case 'timestamp':
      return { id: 10, parts: [i16(units[type.unit]), type.tz === null ? null : ref(text(type.tz))] }
    case 'duration':
      return { id: 18, parts: [i16(units[type.unit])] }
    case 'list':
      return { id: 12, parts: [] }
    case 'struct':
      return { id: 13, parts: [] }
    case 'map':
      return { id: 17, parts: [u8(0)] }
  }
}

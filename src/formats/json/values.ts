/** Values of JSON into columns: rows and structs by name, lists, maps; the flat types are in scalars.ts. */
import { type DataType, type Field, formatType, mapEntries } from '../../schema/index.js'
import { type ColumnBuilder } from '../columns/builder.js'
import { ListBuilder, StructBuilder } from '../columns/nested-builder.js'
import { LineFault } from '../line-decoder.js'
import { JsonReader, quote } from './reader.js'
import { type ColumnReader, scalarReader } from './scalars.js'

const [openBracket, openBrace] = [91, 123]

function columnReader(type: DataType): ColumnReader {
  switch (type.kind) {
    case 'list':
      return listReader(type)
    case 'map':
      return mapReader(type)
    case 'struct':
      return structReader(type)
    default:
      return scalarReader(type)
  }
}

/** The fields of an object, found by name in any order; unknown names are passed over, the last of equal ones wins. */
export class ObjectReader {
  readonly builders: readonly ColumnBuilder[]
  private readonly columns: readonly ColumnReader[]
  private readonly names: readonly Uint8Array[]
  private readonly numbers: ReadonlyMap<string, number>
  private readonly defaults: readonly (JsonReader | null)[]
  /** Where each field's value begins; -1 where it has none. */
  private readonly starts: Float64Array

  constructor(private readonly fields: readonly Field[]) {
    this.columns = fields.map(field => columnReader(field.type))
    this.builders = this.columns.map(column => column.builder)
    this.names = fields.map(field => new TextEncoder().encode(field.name))
    this.numbers = new Map(fields.map((field, i) => [field.name, i]))
    this.defaults = fields.map(defaultReader)
    this.starts = new Float64Array(fields.length)
  }

  /** Appends one value to every column. `reader` is at the opening brace and ends behind the closing one. */
  read(reader: JsonReader): void {
    this.locate(reader)
    const end = reader.at
    for (const [i, field] of this.fields.entries()) {
      reader.path.push(field.name)
      this.readField(reader, i, field)
      reader.path.pop()
    }
    reader.at = end
  }

  private locate(reader: JsonReader): void {
    this.starts.fill(-1)
    let expected = 0
    reader.eachMember(0, key => {
      const found = this.find(reader, key, expected)
      if (found >= 0) {
        reader.next()
        this.starts[found] = reader.at
        expected = found + 1
      }
      reader.skipValue(1)
    })
  }

  private readField(reader: JsonReader, i: number, field: Field): void {
    const column = this.columns[i]
    const start = this.starts[i] ?? -1
    if (column === undefined) return
    if (start < 0) {
      const standIn = this.defaults[i] ?? null
      if (standIn !== null) {
        standIn.at = 0
        column.read(standIn)
      } else if (field.required === true) {
        throw new LineFault(`column "${reader.path.join('.')}": expected ${formatType(field.type)}, got no such key`)
      } else column.builder.appendNull()
      return
    }
    reader.at = start
    if (field.required === true && reader.peek() === 110) reader.failType(formatType(field.type))
    readNullable(reader, column)
  }

  /** Number of the field whose name is the string at `key`; nearly always the one after the last. */
  private find(reader: JsonReader, key: number, expected: number): number {
    const name = this.names[expected]
    if (name !== undefined && isName(reader, key, name)) return expected
    const text: unknown = JSON.parse(new TextDecoder().decode(reader.bytes.subarray(key, this.keyEnd(reader, key))))
    return this.numbers.get(String(text)) ?? -1
  }

  /** Behind the closing quote of the key at `key`; the reader stands behind the colon. */
  private keyEnd(reader: JsonReader, key: number): number {
    let at = reader.at - 1
    while (at > key && reader.bytes[at] !== quote) at -= 1
    return at + 1
  }
}

function isName(reader: JsonReader, key: number, name: Uint8Array): boolean {
  for (let i = 0; i < name.length; i++) if (reader.bytes[key + 1 + i] !== name[i]) return false
  return reader.bytes[key + 1 + name.length] === quote
}

/** The default of a field as JSON that its column reads; 64-bit integers are declared as text where they are long. */
function defaultReader(field: Field): JsonReader | null {
  if (field.default === undefined || field.default === null) return null
  const whole = /^u?int/.test(field.type.kind) || field.type.kind === 'duration' || field.type.kind === 'timestamp'
  const bare = whole && typeof field.default === 'string' && /^-?\d+$/.test(field.default)
  const bytes = new TextEncoder().encode(`${bare ? field.default : JSON.stringify(field.default)}\n`)
  const reader = new JsonReader()
  reader.open(bytes, 0, bytes.length - 1)
  reader.path.push(field.name)
  return reader
}

function readNullable(reader: JsonReader, column: ColumnReader): void {
  if (reader.next() !== 110) return column.read(reader)
  reader.at += 4
  column.builder.appendNull()
}

function structReader(type: DataType & { readonly kind: 'struct' }): ColumnReader {
  const fields = new ObjectReader(type.fields)
  const builder = new StructBuilder(type, fields.builders)
  const read = (reader: JsonReader): void => {
    if (reader.next() !== openBrace) reader.failType(formatType(type))
    fields.read(reader)
    builder.close()
  }
  return { builder, read }
}

function listReader(type: DataType & { readonly kind: 'list' }): ColumnReader {
  const item = columnReader(type.item)
  const builder = new ListBuilder(type, item.builder)
  const read = (reader: JsonReader): void => {
    if (reader.next() !== openBracket) reader.failType(formatType(type))
    reader.eachItem(0, () => readNullable(reader, item))
    builder.close()
  }
  return { builder, read }
}

/** A map is an object where its keys are utf8, or an array of [key, value]; entries stay in order, equal keys too. */
function mapReader(type: DataType & { readonly kind: 'map' }): ColumnReader {
  const key = columnReader(type.key)
  const value = columnReader(type.value)
  const entries = new StructBuilder(mapEntries(type), [key.builder, value.builder])
  const builder = new ListBuilder(type, entries)
  const readMember = (reader: JsonReader, at: number): void => {
    const behind = reader.at
    reader.at = at
    key.read(reader)
    reader.at = behind
    readNullable(reader, value)
    entries.close()
  }
  const readPair = (reader: JsonReader): void => {
    const start = reader.at
    if (reader.next() !== openBracket) reader.failType('[key, value] of a map')
    let items = 0
    reader.eachItem(0, () => {
      if (items === 0) {
        if (reader.next() === 110) reader.failType(`a key of ${formatType(type)}`)
        key.read(reader)
      } else if (items === 1) readNullable(reader, value)
      else reader.skipValue(0)
      items += 1
    })
    if (items === 2) return entries.close()
    reader.at = start
    reader.failType('[key, value] of a map')
  }
  const read = (reader: JsonReader): void => {
    const first = reader.next()
    if (first === openBrace && type.key.kind === 'utf8') reader.eachMember(0, at => readMember(reader, at))
    else if (first === openBracket) reader.eachItem(0, () => readPair(reader))
    else reader.failType(formatType(type))
    builder.close()
  }
  return { builder, read }
}

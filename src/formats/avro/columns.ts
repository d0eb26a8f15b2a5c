/** Columns of a schema from records of Avro: fields by name, unions with null, lists, maps and records inside. */
import { columnOf } from '../../batch/index.js'
import { type DataType, type Field, type Schema, formatType, mapEntries } from '../../schema/index.js'
import { type ColumnBuilder } from '../columns/builder.js'
import { ListBuilder, StructBuilder, flatBuilder } from '../columns/nested-builder.js'
import { type Cursor } from './cursor.js'
import { branchOf, bytesMin, eachItem, skip } from './skip.js'
import { type AvroType, type RecordType } from './types.js'
import { type ValueReader, scalarReader } from './values.js'

/** Reads one record; `builders` are in the order of the schema. */
export interface RecordReader {
  readonly builders: readonly ColumnBuilder[]
  readonly read: (cursor: Cursor) => void
}

/** The reader of records that were written as `record`, or what does not fit, a message each. */
export function recordReader(record: RecordType, schema: Schema): RecordReader | readonly string[] {
  const misfits: string[] = []
  const reader = fieldsReader(record, schema.fields, misfits, '')
  return misfits.length === 0 && reader !== null ? reader : misfits
}

function fieldsReader(
  record: RecordType,
  fields: readonly Field[],
  misfits: string[],
  path: string,
): RecordReader | null {
  const readers = fields.map(field => fieldReader(record, field, misfits, path))
  const builders = readers.flatMap(reader => (reader === null ? [] : [reader.builder]))
  if (builders.length < fields.length) return null
  const steps = record.fields.map((written): Pick<ValueReader, 'read'> => {
    const at = fields.findIndex(field => field.name === written.name)
    return readers[at] ?? { read: cursor => skip(cursor, written.type) }
  })
  const missing = fields.flatMap((field, i) => {
    const reader = readers[i]
    return reader === null || reader === undefined || record.fields.some(written => written.name === field.name)
      ? []
      : [reader]
  })
  const all = [...steps, ...missing]
  const read = (cursor: Cursor): void => {
    for (let i = 0; i < all.length; i++) all[i]?.read(cursor)
  }
  return { builders, read }
}

function fieldReader(record: RecordType, field: Field, misfits: string[], path: string): ValueReader | null {
  const name = `${path}${field.name}`
  const written = record.fields.find(each => each.name === field.name)
  if (written === undefined) return missingReader(field, name, misfits)
  const reader = nullableReader(written.type, field.type, field.required === true, { misfits, name })
  if (reader === null && !misfits.some(misfit => misfit.startsWith(`column "${name}`))) {
    misfits.push(`column "${name}" is declared as ${formatType(field.type)}, but the file has ${textOf(written.type)}`)
  }
  if (reader === null || path !== '') return reader
  const read = (cursor: Cursor): void => {
    const before = cursor.fault
    reader.read(cursor)
    if (before === null && cursor.fault !== null) cursor.fault = `column "${name}": ${cursor.fault}`
  }
  return { builder: reader.builder, read }
}

/** A column that the file does not have is its default; without one the file does not fit. */
function missingReader(field: Field, name: string, misfits: string[]): ValueReader | null {
  if (field.default === undefined || field.default === null) {
    misfits.push(`column "${name}" is declared as ${formatType(field.type)}, but the file does not have it`)
    return null
  }
  const standIn = columnOf(field.type, [field.default])
  const builder = flatBuilder(field.type)
  return { builder, read: () => builder.appendRun(standIn) }
}

interface Naming {
  readonly misfits: string[]
  readonly name: string
}

function nullableReader(written: AvroType, type: DataType, isRequired: boolean, naming: Naming): ValueReader | null {
  if (written.kind !== 'union') return valueReader(written, type, naming)
  const values = written.branches.filter(branch => branch.kind !== 'null')
  const [only, ...others] = values
  if (only === undefined || others.length > 0) return null
  const reader = valueReader(only, type, naming)
  if (reader === null) return null
  const isNull = written.branches.map(branch => branch.kind === 'null')
  const read = (cursor: Cursor): void => {
    if (!branchOf(isNull, cursor.size())) return reader.read(cursor)
    if (isRequired) cursor.fault ??= `expected ${formatType(type)}, got null`
    reader.builder.appendNull()
  }
  return { builder: reader.builder, read }
}

function valueReader(written: AvroType, type: DataType, naming: Naming): ValueReader | null {
  if (type.kind === 'list' && written.kind === 'array') return listReader(written.items, type, naming)
  if (type.kind === 'map') return mapReader(written, type, naming)
  if (type.kind === 'struct' && written.kind === 'record') {
    const members = fieldsReader(written, type.fields, naming.misfits, `${naming.name}.`)
    if (members === null) return null
    const builder = new StructBuilder(type, members.builders)
    const read = (cursor: Cursor): void => {
      members.read(cursor)
      builder.close()
    }
    return { builder, read }
  }
  return scalarReader(written, type)
}

function listReader(items: AvroType, type: DataType & { readonly kind: 'list' }, naming: Naming): ValueReader | null {
  const item = nullableReader(items, type.item, false, naming)
  if (item === null) return null
  const builder = new ListBuilder(type, item.builder)
  const itemBytes = bytesMin(items)
  const read = (cursor: Cursor): void => {
    eachItem(cursor, itemBytes, () => item.read(cursor))
    builder.close()
  }
  return { builder, read }
}

/** Maps of Avro have text as keys. */
function mapReader(written: AvroType, type: DataType & { readonly kind: 'map' }, naming: Naming): ValueReader | null {
  if (written.kind !== 'map' || type.key.kind !== 'utf8') return null
  const key = scalarReader({ kind: 'string', logical: null }, type.key)
  const value = nullableReader(written.values, type.value, false, naming)
  if (key === null || value === null) return null
  const entries = new StructBuilder(mapEntries(type), [key.builder, value.builder])
  const builder = new ListBuilder(type, entries)
  const itemBytes = 1 + bytesMin(written.values)
  const read = (cursor: Cursor): void => {
    eachItem(cursor, itemBytes, () => {
      key.read(cursor)
      value.read(cursor)
      entries.close()
    })
    builder.close()
  }
  return { builder, read }
}

function textOf(written: AvroType): string {
  switch (written.kind) {
    case 'union':
      return written.branches.map(textOf).join(' or ')
    case 'array':
      return `array of ${textOf(written.items)}`
    case 'map':
      return `map of ${textOf(written.values)}`
    case 'record':
      return `record ${written.name}`
    case 'enum':
      return 'enum'
    default:
      return written.logical === null ? written.kind : `${written.kind} (${written.logical.name})`
  }
}

/** Rules about the format of a source or a sink, and whether it can hold the columns. */
import { type SchemaJson } from '../schema/index.js'
import { type Faults, type Place } from './faults.js'
import { type CsvDialect, type CustomConnector, type FormatNode, type SinkFormatNode } from './nodes.js'
import { isPlainJson } from './plain-json.js'

/** `schema`: what is read or written, empty where that is not known. */
export function lintFormat(faults: Faults, at: Place, format: FormatNode | SinkFormatNode, schema: SchemaJson): void {
  if (format.kind === 'custom') return lintOwn(faults, at, format)
  if (format.kind === 'avro') return lintAvro(faults, at, schema)
  if (format.kind !== 'csv') return
  lintDialect(faults, at, format)
  for (const [name, type] of schema) {
    if (!/^(list|struct|map)</.test(type)) continue
    const message = `column "${name}" is ${type}, which csv cannot hold`
    faults.add('ANB1002', at, message, 'write json() or parquet(), or make text of it in a transform')
  }
}

/** Of code of the user's own: its name, what it is told, and how its files end. */
export function lintOwn(faults: Faults, at: Place, own: CustomConnector & { readonly extension?: string }): void {
  const { name, options, extension = 'own' } = own
  if (typeof name !== 'string' || name === '') {
    faults.add('ANB1017', at, `an own connector needs the name of an export, but it is ${JSON.stringify(name)}`)
  }
  if (!isPlainJson(options)) faults.add('ANB1014', at, `options of own connector "${name}" must be plain JSON`)
  if (typeof extension === 'string' && /^[a-z0-9]{1,16}$/.test(extension)) return
  const message = `extension of own format "${name}" must be 1 to 16 small letters and digits, but it is ${JSON.stringify(extension)}`
  faults.add('ANB1010', at, message)
}

function lintAvro(faults: Faults, at: Place, schema: SchemaJson): void {
  for (const [name, type] of schema) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
      faults.add(
        'ANB1010',
        at,
        `column "${name}" cannot be a name in avro`,
        `rename it with .select({ "${name}": "..." })`,
      )
    }
    if (/map<(?!utf8)/.test(type.replaceAll(' ', ''))) {
      faults.add('ANB1002', at, `column "${name}" is ${type}, but maps of avro have utf8 keys`)
    }
  }
}

/** Characters of values and line ends tell nothing apart. */
function lintDialect(faults: Faults, at: Place, { delimiter, quote, nullValue }: CsvDialect): void {
  for (const [name, value] of Object.entries({ delimiter, quote })) {
    if (typeof value === 'string' && /^[\t -~]$/.test(value) && !/[A-Za-z0-9.+-]/.test(value)) continue
    const allowed = 'one ASCII character that is no letter, digit, dot or sign'
    faults.add('ANB1017', at, `csv option ${name} must be ${allowed}, but it is ${JSON.stringify(value)}`)
  }
  if (delimiter === quote)
    faults.add('ANB1017', at, `csv options delimiter and quote are both ${JSON.stringify(quote)}`)
  if (typeof nullValue === 'string' && ![delimiter, quote, '\n', '\r'].some(part => nullValue.includes(part))) return
  const message = `csv option nullValue must be text without delimiter, quote or line end, but it is ${JSON.stringify(nullValue)}`
  faults.add('ANB1017', at, message)
}

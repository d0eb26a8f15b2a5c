/** The header of CSV: which place each declared column has in a record. */
import { type CsvDialect } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { noMisfits } from '../contract.js'
import { type Records, written } from './records.js'

export interface Header {
  /** By the order of the schema. */
  readonly places: readonly number[]
  /** Fields of a record. */
  readonly width: number
  readonly misfits: readonly string[]
}

/** Without a header the columns stand in their declared order. */
export const placesOf = (schema: Schema): readonly number[] => schema.fields.map((_, i) => i)

/** The header that the last record is. */
export function headerOf(schema: Schema, bytes: Uint8Array, records: Records, { quote }: CsvDialect): Header {
  const names = Array.from({ length: records.count }, (_, i) => nameAt(bytes, records, i, quote))
  const misfits = schema.fields.flatMap(({ name }) => misfitOf(name, names))
  return {
    places: schema.fields.map(({ name }) => names.indexOf(name)),
    width: names.length,
    misfits: misfits.length === 0 ? noMisfits : misfits,
  }
}

function nameAt(bytes: Uint8Array, records: Records, i: number, quote: string): string {
  const text = new TextDecoder().decode(bytes.subarray(records.starts[i], records.ends[i]))
  return records.forms[i] === written.doubled ? text.replaceAll(quote + quote, quote) : text
}

function misfitOf(name: string, names: readonly string[]): readonly string[] {
  const found = names.filter(each => each === name).length
  if (found === 1) return []
  const shown = names.slice(0, 20).map(each => JSON.stringify(each.slice(0, 60)))
  return [
    found === 0
      ? `column "${name}" is declared, but the header names only ${shown.join(', ')}${names.length > 20 ? ', ...' : ''}`
      : `column "${name}" is declared, and the header names it ${found} times`,
  ]
}

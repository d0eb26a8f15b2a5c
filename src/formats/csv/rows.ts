/** Rows of CSV: the fields of one record into the columns of a schema, by the place that each column has in it. */
import { type Column, columnOf } from '../../batch/index.js'
import { type CsvDialect } from '../../plan/index.js'
import { type Field, type Schema } from '../../schema/index.js'
import { type ColumnBuilder } from '../columns/builder.js'
import { LineFault } from '../line-decoder.js'
import { type FieldReader, fieldReader } from './fields.js'
import { type Records, written } from './records.js'

interface RowColumn {
  readonly field: Field
  readonly reader: FieldReader
  /** Its place in a record. */
  readonly place: number
  /** What stands in for a null: a column of one row. */
  readonly standIn: Column | null
}

export class CsvRows {
  readonly builders: readonly ColumnBuilder[]
  private readonly columns: readonly RowColumn[]
  private readonly nullValue: Uint8Array
  private readonly quote: number
  /** A field whose doubled quotes were undone. */
  private single = new Uint8Array(256)

  constructor(
    schema: Schema,
    dialect: CsvDialect,
    /** The place of each column in a record; `width` is how many fields one has. */
    places: readonly number[],
    private readonly width: number,
  ) {
    this.columns = schema.fields.map((field, i) => ({
      field,
      reader: fieldReader(field.type),
      place: places[i] ?? i,
      standIn: field.default === undefined || field.default === null ? null : columnOf(field.type, [field.default]),
    }))
    this.builders = this.columns.map(column => column.reader.builder)
    this.nullValue = new TextEncoder().encode(dialect.nullValue)
    this.quote = dialect.quote.charCodeAt(0)
  }

  /** Appends one value to every column; throws a LineFault, with some of them one longer. */
  append(bytes: Uint8Array, records: Records): void {
    if (records.count !== this.width) throw new LineFault(`expected ${this.width} fields, got ${records.count}`)
    for (const column of this.columns) this.appendField(column, bytes, records)
  }

  private appendField(column: RowColumn, bytes: Uint8Array, records: Records): void {
    const { place, reader } = column
    const from = records.starts[place] ?? 0
    const to = records.ends[place] ?? 0
    const form = records.forms[place] ?? 0
    if (form === written.plain && this.isNull(bytes, from, to)) return this.appendNull(column)
    const isRead =
      form === written.doubled
        ? reader.read(this.single, 0, this.undouble(bytes, from, to))
        : reader.read(bytes, from, to)
    if (!isRead)
      throw new LineFault(`column "${column.field.name}": expected ${reader.expected}, got ${shown(bytes, from, to)}`)
  }

  private isNull(bytes: Uint8Array, from: number, to: number): boolean {
    const { nullValue } = this
    if (to - from !== nullValue.length) return false
    for (let i = 0; i < nullValue.length; i++) if (bytes[from + i] !== nullValue[i]) return false
    return true
  }

  private appendNull({ field, reader, standIn }: RowColumn): void {
    if (standIn !== null) reader.builder.appendRun(standIn)
    else if (field.required === true)
      throw new LineFault(`column "${field.name}": expected ${reader.expected}, got a null`)
    else reader.builder.appendNull()
  }

  private undouble(bytes: Uint8Array, from: number, to: number): number {
    if (this.single.length < to - from) this.single = new Uint8Array((to - from) * 2)
    let filled = 0
    for (let at = from; at < to; at++) {
      this.single[filled++] = bytes[at] ?? 0
      if (bytes[at] === this.quote) at += 1
    }
    return filled
  }
}

function shown(bytes: Uint8Array, from: number, to: number): string {
  const text = new TextDecoder().decode(bytes.subarray(from, Math.min(to, from + 160)))
  return JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}...` : text)
}

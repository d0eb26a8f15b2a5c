/** Batches to CSV: values as JSON lines have them without quotes around dates, times and base64; lines end in LF. */
import { type Batch, type Column } from '../../batch/index.js'
import { invariant } from '../../base/index.js'
import { formatDate, formatTime } from '../../kernels/index.js'
import { type CsvDialect } from '../../plan/index.js'
import { type DataType, type Schema } from '../../schema/index.js'
import { type Encoder } from '../contract.js'
import { Output, float32Text, floatText } from '../json/output.js'
import { unitDigits } from '../json/scalars.js'
import { type Write, scalarText } from '../json/writers.js'

const [newline, carriageReturn] = [10, 13]
/** First byte of a byte order mark, which a reader would pass over. */
const markByte = 0xef

/** Encodes batches of a schema of flat columns as CSV. */
export const csvEncoder = (schema: Schema, dialect: CsvDialect): Encoder => new CsvEncoder(schema, dialect)

class CsvEncoder implements Encoder {
  readonly head: Uint8Array
  private readonly out = new Output()
  private readonly fields: FieldWriter

  constructor(
    private readonly schema: Schema,
    private readonly dialect: CsvDialect,
  ) {
    this.fields = new FieldWriter(this.out, dialect)
    this.head = dialect.header ? this.header() : new Uint8Array(0)
  }

  encode(batch: Batch): Uint8Array {
    const { out } = this
    const delimiter = this.dialect.delimiter.charCodeAt(0)
    const writers = batch.columns.map(column => this.fields.column(column))
    out.length = 0
    for (let row = 0; row < batch.rows; row++) {
      for (let i = 0; i < writers.length; i++) {
        if (i > 0) out.byte(delimiter)
        writers[i]?.(row)
      }
      out.byte(newline)
    }
    return out.bytes.subarray(0, out.length)
  }

  private header(): Uint8Array {
    const { out, schema } = this
    for (const [i, { name }] of schema.fields.entries()) {
      if (i > 0) out.ascii(this.dialect.delimiter)
      const bytes = new TextEncoder().encode(name)
      this.fields.text(bytes, 0, bytes.length)
    }
    out.byte(newline)
    return out.bytes.slice(0, out.length)
  }
}

/** Writes fields, in quotes where they would be read as something else without. */
class FieldWriter {
  private readonly delimiter: number
  private readonly quote: number
  private readonly nullValue: Uint8Array

  constructor(
    private readonly out: Output,
    private readonly dialect: CsvDialect,
  ) {
    this.delimiter = dialect.delimiter.charCodeAt(0)
    this.quote = dialect.quote.charCodeAt(0)
    this.nullValue = new TextEncoder().encode(dialect.nullValue)
  }

  column(column: Column): Write {
    const write = this.values(column)
    const { validity } = column
    if (validity === null || column.nullCount === 0) return write
    return row => {
      if (((validity[row >> 3] ?? 0) >> (row & 7)) & 1) write(row)
      else this.out.copy(this.nullValue, 0, this.nullValue.length)
    }
  }

  text(from: Uint8Array, start: number, end: number): void {
    const { out, quote } = this
    if (!this.needsQuotes(from, start, end)) return out.copy(from, start, end)
    out.byte(quote)
    for (let i = start; i < end; i++) {
      const byte = from[i] ?? 0
      if (byte === quote) out.byte(quote)
      out.byte(byte)
    }
    out.byte(quote)
  }

  private values(column: Column): Write {
    const { type, values, offsets } = column
    if (offsets !== null) {
      if (type.kind === 'utf8') return row => this.text(values, offsets[row] ?? 0, offsets[row + 1] ?? 0)
      return row => this.base64(values.subarray(offsets[row], offsets[row + 1]))
    }
    const text = textOf(column)
    const { nullValue, quote } = this.dialect
    return row => {
      const value = text(row)
      this.out.ascii(value === nullValue ? `${quote}${value}${quote}` : value)
    }
  }

  private base64(bytes: Uint8Array): void {
    const text = Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64'), 'latin1')
    this.text(text, 0, text.length)
  }

  private needsQuotes(from: Uint8Array, start: number, end: number): boolean {
    const { delimiter, nullValue, quote } = this
    if (from[start] === markByte && end > start) return true
    for (let i = start; i < end; i++) {
      const byte = from[i]
      if (byte === delimiter || byte === quote || byte === newline || byte === carriageReturn) return true
    }
    return end - start === nullValue.length && nullValue.every((byte, i) => from[start + i] === byte)
  }
}

function textOf({ type, values }: Column): (row: number) => string {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength)
  switch (type.kind) {
    case 'bool':
      return row => (((values[row >> 3] ?? 0) >> (row & 7)) & 1 ? 'true' : 'false')
    case 'float32':
      return row => finite(view.getFloat32(row * 4, true), float32Text)
    case 'float64':
      return row => finite(view.getFloat64(row * 8, true), floatText)
    case 'int64':
    case 'duration':
      return row => longText(view, row * 8)
    case 'date32':
      return row => dateText(view.getInt32(row * 4, true))
    case 'timestamp':
      return row => timeText(type, view.getBigInt64(row * 8, true))
    default:
      invariant(!['list', 'map', 'struct'].includes(type.kind), 'the plan refuses CSV with nested columns')
      return scalarText(type, view)
  }
}

const finite = (value: number, text: (value: number) => string): string => {
  if (Number.isFinite(value)) return text(value)
  return Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'
}

/** Most numbers are exact without a BigInt, which costs five times as much. */
function longText(view: DataView, at: number): string {
  const high = view.getInt32(at + 4, true)
  return high >= -(2 ** 20) && high < 2 ** 20
    ? String(high * 2 ** 32 + view.getUint32(at, true))
    : view.getBigInt64(at, true).toString()
}

const dateText = (days: number): string => formatDate(days) ?? String(days)

type Timestamp = DataType & { readonly kind: 'timestamp' }

const timeText = (type: Timestamp, value: bigint): string =>
  formatTime(value, unitDigits[type.unit], type.tz !== null) ?? value.toString()

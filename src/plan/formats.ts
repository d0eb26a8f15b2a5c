/**
 * Formats as data: what `json(...)`, `csv(...)` and the others answer. With a schema a format reads, without it
 * writes; what it writes in is said by `.write({ ... })` where there is something to say.
 */
import { type SchemaLike, schemaJsonOf } from './functions.js'
import { type AvroCodec, type CsvDialect, type FormatNode, type SinkFormatNode } from './nodes.js'
import { type Columns, type ColumnsOf } from './types.js'

/** A way to read rows of columns `C`. */
export interface Format<C extends Columns> {
  readonly format: FormatNode
  /** For types only; always undefined. */
  readonly columns?: C
}
/** A way to write rows. */
export interface SinkFormat {
  readonly write: SinkFormatNode
}

/** JSON lines: one object a line, UTF-8. With a schema for reading, without for writing. */
export function json(): SinkFormat
export function json<const S extends SchemaLike>(schema: S): Format<ColumnsOf<S>>
export function json(schema?: SchemaLike): SinkFormat | Format<Columns> {
  return schema === undefined ? { write: { kind: 'json' } } : { format: { kind: 'json', schema: schemaJsonOf(schema) } }
}

/** Parquet files. With a schema for reading (only the columns that the job needs are read), without for writing. */
export function parquet(): SinkFormat
export function parquet<const S extends SchemaLike>(schema: S): Format<ColumnsOf<S>>
export function parquet(schema?: SchemaLike): SinkFormat | Format<Columns> {
  return schema === undefined
    ? { write: { kind: 'parquet' } }
    : { format: { kind: 'parquet', schema: schemaJsonOf(schema) } }
}

/**
 * Arrow IPC, files or streams: which of them is told by the first bytes. With a schema for reading (dictionaries are
 * decoded, only the columns that the job needs are read), without for writing files.
 */
export function arrow(): SinkFormat
export function arrow<const S extends SchemaLike>(schema: S): Format<ColumnsOf<S>>
export function arrow(schema?: SchemaLike): SinkFormat | Format<Columns> {
  return schema === undefined
    ? { write: { kind: 'arrow' } }
    : { format: { kind: 'arrow', schema: schemaJsonOf(schema) } }
}

/** Plain lines of UTF-8: one column, `line`. */
export const text = (): Format<{ readonly line: 'utf8' }> => ({ format: { kind: 'text' } })

export interface CsvOptions {
  /**
   * The first record names the columns. Default true. When reading they may stand in any order and more of them may
   * be there; without, the fields are the declared columns in their order.
   */
  readonly header?: boolean
  /** Between fields: one ASCII character. Default `,`. */
  readonly delimiter?: string
  /** Around fields that hold a delimiter, a quote or a new line; doubled inside: one ASCII character. Default `"`. */
  readonly quote?: string
  /** What stands for a null, without quotes around it. Default nothing: `a,,b`, while `a,"",b` is an empty text. */
  readonly nullValue?: string
}

/**
 * CSV as RFC 4180 has it, UTF-8: quoted fields may hold new lines, lines may end in LF or CRLF, a byte order mark is
 * passed over. Flat columns only. A record that does not parse is a dead letter with the line it begins at; so is one
 * with more or fewer fields than the first. Empty lines are passed over, but in a file of one column each is a null.
 *
 * Values are written as JSON lines have them, without quotes: `2024-01-02T03:04:05Z`, `true`, base64 for binary; bool
 * also reads `True`, `FALSE`, `1` and `0`; floats also `nan`, `inf` and `-inf`.
 *
 * With a schema for reading, without for writing (`csv.write({ delimiter: ';' })`).
 */
function csvFormat(): SinkFormat
function csvFormat<const S extends SchemaLike>(schema: S, options?: CsvOptions): Format<ColumnsOf<S>>
function csvFormat(schema?: SchemaLike, options: CsvOptions = {}): SinkFormat | Format<Columns> {
  if (schema === undefined) return writeCsv()
  return { format: { kind: 'csv', schema: schemaJsonOf(schema), ...dialectOf(options) } }
}

const writeCsv = (options: CsvOptions = {}): SinkFormat => ({ write: { kind: 'csv', ...dialectOf(options) } })

const dialectOf = ({ header, delimiter, quote, nullValue }: CsvOptions): CsvDialect => ({
  header: header ?? true,
  delimiter: delimiter ?? ',',
  quote: quote ?? '"',
  nullValue: nullValue ?? '',
})

export const csv: typeof csvFormat & { readonly write: typeof writeCsv } = Object.assign(csvFormat, {
  write: writeCsv,
})

/**
 * Avro object container files, packed or not (null, deflate, snappy). Fields are found by name under the schema that the
 * file carries: others are passed over, one that the file does not have must have a default, and a file whose types
 * cannot become the declared ones is refused before the first row. A value that does not fit its column is a dead letter
 * with the number of its row.
 *
 * With a schema for reading, without for writing (`avro.write({ codec: 'null' })`; the default is deflate). Column names
 * are names of Avro then: letters, digits and underscores.
 */
function avroFormat(): SinkFormat
function avroFormat<const S extends SchemaLike>(schema: S): Format<ColumnsOf<S>>
function avroFormat(schema?: SchemaLike): SinkFormat | Format<Columns> {
  return schema === undefined ? writeAvro() : { format: { kind: 'avro', schema: schemaJsonOf(schema) } }
}

const writeAvro = (options: { readonly codec?: AvroCodec } = {}): SinkFormat => ({
  write: { kind: 'avro', codec: options.codec ?? 'deflate' },
})

export const avro: typeof avroFormat & { readonly write: typeof writeAvro } = Object.assign(avroFormat, {
  write: writeAvro,
})

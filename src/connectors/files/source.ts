/**
 * The files source: tables (Parquet) or bytes in order (JSON lines, CSV, text), as the format that the job declares.
 */
import { select } from '../../batch/index.js'
import { type Files, invariant } from '../../base/index.js'
import { type Decoded, type Decoder } from '../../formats/index.js'
import { type FormatNode } from '../../plan/index.js'
import { type Schema, schemaFromJson } from '../../schema/index.js'
import { type ParquetWork, type Source } from '../contract.js'
import { LineSource } from './line-source.js'
import { ParquetSource } from './parquet-source.js'

export interface FilesSourceOptions {
  /** As the user wrote it, relative to `folder`. */
  readonly glob: string
  /** Absolute folder of the job file. */
  readonly folder: string
  readonly format: FormatNode
  readonly files: Files
  /** Needed for the format `parquet`. */
  readonly parquet: ParquetWork | null
  /** Makes the decoder of one file; null for tables. */
  readonly decoder: (() => Decoder) | null
  /** Columns that the job uses, in any order; null: all that are declared. Batches have them in declared order. */
  readonly needed: readonly string[] | null
}

/**
 * A bounded source that can be read again. Progress counts bytes for lines, rows for Parquet.
 *
 * `open` throws a PlanError where no file matches (ANB1019) or Parquet files do not fit the declared schema
 * (ANB1018), a ConnectorError where a file cannot be read (ANB4001) or is damaged (ANB4002). `poll` throws a
 * ConnectorError where a packed file is damaged (ANB4002, after the rows before that place) or a file changed
 * (ANB4004).
 */
export function filesSource(options: FilesSourceOptions): Source {
  const { format, decoder, needed } = options
  if (format.kind === 'parquet') {
    const { parquet } = options
    invariant(parquet !== null, 'a job that reads Parquet has a process that reads it')
    const schema = schemaFromJson(format.schema)
    const columns = schema.fields.map(field => field.name).filter(name => needed === null || needed.includes(name))
    return new ParquetSource({ ...options, parquet, schema, columns })
  }
  invariant(decoder !== null, 'a format of bytes has a decoder')
  const project = format.kind === 'text' ? whole : projection(schemaFromJson(format.schema), needed)
  return new LineSource({ ...options, decoder, project })
}

const whole = (decoded: Decoded): Decoded => decoded

function projection(schema: Schema, needed: readonly string[] | null): (decoded: Decoded) => Decoded {
  const columns = schema.fields.map(field => field.name).filter(name => needed === null || needed.includes(name))
  if (columns.length === schema.fields.length) return whole
  return decoded => ({ ...decoded, batch: select(decoded.batch, columns) })
}

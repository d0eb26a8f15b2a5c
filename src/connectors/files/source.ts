/**
 * The files source: tables (Parquet, Arrow) or bytes in order (the others), as the format that the job declares.
 */
import { select } from '../../batch/index.js'
import { type Clock, type Files, type Observer, invariant } from '../../base/index.js'
import { type Decoded, type MarkedDecoder } from '../../formats/index.js'
import { type FormatNode, formatSchema, type OnLost } from '../../plan/index.js'
import { type Schema, schemaFromJson } from '../../schema/index.js'
import { type TableWork, type Source } from '../contract.js'
import { ByteSource } from './byte-source.js'
import { TableSource } from './table-source.js'
import { TailSource } from './tail-source.js'

export interface FilesSourceOptions {
  /** As the user wrote it, relative to `folder`. */
  readonly glob: string
  /** Absolute folder of the job file. */
  readonly folder: string
  readonly format: FormatNode
  readonly files: Files
  readonly clock: Clock
  readonly observer: Observer
  /** Needed for tables. */
  readonly tables: TableWork | null
  /** Makes the decoder of one file; null for tables. */
  readonly decoder: (() => MarkedDecoder) | null
  /** Files are followed while they grow; otherwise they are read once. */
  readonly tail: boolean
  /** Of files that are followed. Default: fail. */
  readonly onLost?: OnLost | undefined
  /** Columns that the job uses, in any order; null: all that are declared. Batches have them in declared order. */
  readonly needed: readonly string[] | null
}

/**
 * A source that can be read again, bounded unless files are followed. Progress counts bytes for lines, rows for tables.
 *
 * `open` throws a PlanError where no file matches (ANB1019) or files do not fit the declared schema
 * (ANB1018), a ConnectorError where a file cannot be read (ANB4001), is damaged (ANB4002) or, of a run that goes on, is not
 * what it was (ANB4012; `run-files.ts` and `tail-position.ts` have the rules). `poll` throws a ConnectorError where a packed file is damaged (ANB4002, after the rows before that place) or a file changed
 * (ANB4004).
 */
export function filesSource(options: FilesSourceOptions): Source {
  const { format, decoder, needed, tail, onLost = 'fail' } = options
  const schema = schemaFromJson(formatSchema(format))
  if (format.kind === 'parquet' || format.kind === 'arrow') {
    const { tables } = options
    invariant(tables !== null, 'a job that reads tables has a process that reads them')
    const columns = schema.fields.map(field => field.name).filter(name => needed === null || needed.includes(name))
    return new TableSource({ ...options, format: format.kind, tables, schema, columns })
  }
  invariant(decoder !== null, 'a format of bytes has a decoder')
  const project = format.kind === 'text' ? whole : projection(schema, needed)
  return tail
    ? new TailSource({ ...options, onLost, decoder, schema, project })
    : new ByteSource({ ...options, decoder, project })
}

const whole = (decoded: Decoded): Decoded => decoded

function projection(schema: Schema, needed: readonly string[] | null): (decoded: Decoded) => Decoded {
  const columns = schema.fields.map(field => field.name).filter(name => needed === null || needed.includes(name))
  if (columns.length === schema.fields.length) return whole
  return decoded => ({ ...decoded, batch: select(decoded.batch, columns) })
}

import { type Files } from '../../base/index.js'
import { type LineDecoder } from '../../formats/index.js'
import { type FormatNode } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { type ParquetWork, type Source } from '../contract.js'

/** Makes the decoder of one file or one connection. */
export interface LineDecoders {
  json(schema: Schema): LineDecoder
  text(): LineDecoder
}
export interface FilesSourceOptions {
  /** As the user wrote it, relative to `folder`. */
  readonly glob: string
  /** Absolute folder of the job file. */
  readonly folder: string
  readonly format: FormatNode
  readonly files: Files
  /** Needed for the format `parquet`. */
  readonly parquet: ParquetWork | null
  readonly decoders: LineDecoders
  /** Columns that the job uses, in any order; null: all that are declared. Batches have them in declared order. */
  readonly needed: readonly string[] | null
}
export declare function filesSource(options: FilesSourceOptions): Source

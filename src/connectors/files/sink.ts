import { type Clock, type Files } from '../../base/index.js'
import { type LineEncoder } from '../../formats/index.js'
import { type RollPolicy } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { type ParquetWork, type Sink } from '../contract.js'

export interface FilesSinkOptions {
  /** Id of the sink's node: names its staging folder and its manifest. */
  readonly id: string
  /** Absolute output folder of the run (DIR). */
  readonly out: string
  /** As the user wrote it, relative to DIR: `flights/`. */
  readonly path: string
  readonly format: 'json' | 'parquet'
  readonly roll: RollPolicy
  readonly schema: Schema
  readonly files: Files
  readonly clock: Clock
  /** Makes the encoder of JSON lines. */
  readonly encoder: (schema: Schema) => LineEncoder
  /** Needed for the format `parquet`. */
  readonly parquet: ParquetWork | null
}
export declare function filesSink(options: FilesSinkOptions): Sink

import { type Sink } from '../contract.js'

export interface NullSinkOptions {
  /** Name of a float64 column to add up, or null. */
  readonly checksum: string | null
}
export interface NullSink extends Sink {
  readonly rows: number
  /** Sum of the column in row order, nulls left out. */
  readonly checksum: number
}
export declare function nullSink(options: NullSinkOptions): NullSink

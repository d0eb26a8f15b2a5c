/**
 * Batches to JSON lines: one object a row, its keys in the order of the schema, nothing between tokens.
 *
 * Floats are the shortest text that reads back the same; 64-bit integers and decimals have all their digits;
 * timestamps are ISO-8601 with a `Z` where the column has a time zone, dates `YYYY-MM-DD` (those beyond year
 * 9999 are numbers); durations are numbers; binary is base64; a map with utf8 keys is an object, others are
 * arrays of [key, value]. What the decoder reads back is the same batch, NaN and infinities excepted: JSON has
 * none, they become null.
 */
import { type Batch } from '../../batch/index.js'
import { type Schema } from '../../schema/index.js'
import { type Encoder, noHead } from '../contract.js'
import { FastWriter } from './fast-writer.js'
import { Output } from './output.js'
import { objectWriter } from './writers.js'

export interface JsonEncoderOptions {
  /** Tests compare the kernel with the plain writers. Default 'wasm', which falls back to 'plain'. */
  readonly kernel?: 'wasm' | 'plain'
}

/** Encodes batches of a schema as JSON lines. */
export function jsonEncoder(schema: Schema, options: JsonEncoderOptions = {}): Encoder {
  const fast = options.kernel === 'plain' ? null : FastWriter.of(schema)
  return fast ?? new PlainEncoder(schema)
}

class PlainEncoder implements Encoder {
  readonly head = noHead
  private readonly out = new Output()

  constructor(private readonly schema: Schema) {}

  encode(batch: Batch): Uint8Array {
    const { out } = this
    out.length = 0
    const write = objectWriter(
      this.schema.fields.map(field => field.name),
      batch.columns,
      out,
    )
    for (let row = 0; row < batch.rows; row++) {
      write(row)
      out.byte(10)
    }
    return out.bytes.subarray(0, out.length)
  }
}

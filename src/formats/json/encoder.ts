/**
 * Batches to JSON lines: one object a row, its keys in the order of the schema, nothing between tokens.
 *
 * What the decoder reads back is the same batch, NaN and infinities excepted: JSON has none, they become null.
 */
import { type Batch } from '../../batch/index.js'
import { type Schema } from '../../schema/index.js'
import { type LineEncoder } from '../contract.js'
import { Output } from './output.js'
import { objectWriter } from './writers.js'

export function jsonEncoder(schema: Schema): LineEncoder {
  const out = new Output()
  const names = schema.fields.map(field => field.name)
  const encode = (batch: Batch): Uint8Array => {
    out.length = 0
    const write = objectWriter(names, batch.columns, out)
    for (let row = 0; row < batch.rows; row++) {
      write(row)
      out.byte(10)
    }
    return out.bytes.subarray(0, out.length)
  }
  return { encode }
}

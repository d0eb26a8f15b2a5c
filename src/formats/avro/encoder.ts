/**
 * Batches to Avro container files: a batch is a block. Columns that may be null are unions with null.
 *
 * Types that Avro has no form of its own for: uint64 is a decimal of 20 digits, timestamps in seconds and durations are
 * plain longs. Equal rows give equal bytes: the marker between blocks follows from the schema.
 */
import { createHash } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { type Batch } from '../../batch/index.js'
import { type AvroCodec } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { type Encoder } from '../contract.js'
import { Output } from '../json/output.js'
import { markerBytes } from './container.js'
import { schemaText } from './declared.js'
import { putLong } from './numbers.js'
import { forSchema } from './types.js'
import { fieldWriter } from './writers.js'

/** Encodes batches of a schema as an Avro container. */
export const avroEncoder = (schema: Schema, codec: AvroCodec): Encoder => new AvroEncoder(schema, codec)

class AvroEncoder implements Encoder {
  readonly head: Uint8Array
  private readonly marker: Uint8Array
  private readonly records = new Output()
  private readonly block = new Output()

  constructor(
    private readonly schema: Schema,
    private readonly codec: AvroCodec,
  ) {
    const text = schemaText(schema)
    forSchema(text)
    this.marker = createHash('sha256').update(text).digest().subarray(0, markerBytes)
    this.head = headOf(text, codec, this.marker)
  }

  encode(batch: Batch): Uint8Array {
    const { records, block, marker, schema } = this
    block.length = 0
    if (batch.rows === 0) return new Uint8Array(0)
    records.length = 0
    const writers = batch.columns.map((column, i) => fieldWriter(column, schema.fields[i]?.required === true, records))
    for (let row = 0; row < batch.rows; row++) for (let i = 0; i < writers.length; i++) writers[i]?.(row)
    const plain = records.bytes.subarray(0, records.length)
    const packed = this.codec === 'null' ? plain : deflateRawSync(plain)
    putLong(block, batch.rows)
    putLong(block, packed.length)
    block.copy(packed, 0, packed.length)
    block.copy(marker, 0, marker.length)
    return block.bytes.subarray(0, block.length)
  }
}

function headOf(schema: string, codec: AvroCodec, marker: Uint8Array): Uint8Array {
  const out = new Output()
  const put = (text: string): void => {
    const bytes = new TextEncoder().encode(text)
    putLong(out, bytes.length)
    out.copy(bytes, 0, bytes.length)
  }
  out.ascii('Obj\u0001')
  putLong(out, 2)
  for (const part of ['avro.schema', schema, 'avro.codec', codec]) put(part)
  putLong(out, 0)
  out.copy(marker, 0, marker.length)
  return out.bytes.slice(0, out.length)
}

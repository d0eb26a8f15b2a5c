/** The code of each format that is bytes in order; tables are read and written by a process of ours. */
import { type Memory } from '../batch/index.js'
import { type FormatNode, type SinkFormatNode } from '../plan/index.js'
import { type Schema, schemaFromJson } from '../schema/index.js'
import { avroDecoder } from './avro/decoder.js'
import { avroEncoder } from './avro/encoder.js'
import { type Encoder, type MarkedDecoder } from './contract.js'
import { csvDecoder } from './csv/decoder.js'
import { csvEncoder } from './csv/encoder.js'
import { jsonDecoder } from './json/decoder.js'
import { jsonEncoder } from './json/encoder.js'
import { textDecoder } from './text/decoder.js'

/** Makes decoders, one a file or connection; null for tables, for rows that were never bytes, and for the user's own. */
export function decoderOf(format: FormatNode, memory?: Memory): (() => MarkedDecoder) | null {
  const options = memory === undefined ? {} : { memory }
  switch (format.kind) {
    case 'json':
      return () => jsonDecoder(schemaFromJson(format.schema), options)
    case 'csv':
      return () => csvDecoder(schemaFromJson(format.schema), format)
    case 'avro':
      return () => avroDecoder(schemaFromJson(format.schema))
    case 'text':
      return () => textDecoder(options)
    case 'parquet':
    case 'arrow':
    case 'rows':
    case 'custom':
      return null
  }
}

/** Null for tables and for the user's own. */
export function encoderOf(format: SinkFormatNode, schema: Schema): Encoder | null {
  switch (format.kind) {
    case 'json':
      return jsonEncoder(schema)
    case 'csv':
      return csvEncoder(schema, format)
    case 'avro':
      return avroEncoder(schema, format.codec)
    case 'parquet':
    case 'arrow':
    case 'custom':
      return null
  }
}

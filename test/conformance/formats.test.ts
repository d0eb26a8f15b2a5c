/** JSON lines, with the kernels and without them, CSV and Avro keep the contract of a format. */
import { avroDecoder, avroEncoder, csvDecoder, csvEncoder, jsonDecoder, jsonEncoder } from '../../src/formats/index.js'
import { formatCases } from '../../src/testing/index.js'
import { plainCsv } from '../support/connectors.js'
import { contract } from './contract.js'

contract('JSON lines keep the contract of a format', formatCases({ decoder: jsonDecoder, encoder: jsonEncoder }))
contract(
  'JSON lines without kernels keep the contract of a format',
  formatCases({
    decoder: schema => jsonDecoder(schema, { kernel: 'none' }),
    encoder: schema => jsonEncoder(schema, { kernel: 'plain' }),
  }),
)
contract(
  'CSV keeps the contract of a format',
  formatCases({
    decoder: schema => csvDecoder(schema, plainCsv),
    encoder: schema => csvEncoder(schema, plainCsv),
    without: ['list<int64>', 'struct<a: int32, b: utf8>', 'map<utf8, int32>'],
  }),
)
contract(
  'Avro keeps the contract of a format',
  formatCases({ decoder: avroDecoder, encoder: schema => avroEncoder(schema, 'deflate') }),
)

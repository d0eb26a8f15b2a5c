/** JSON lines keep the contract of a format, with the kernels and without them. */
import { jsonDecoder, jsonEncoder } from '../../src/formats/index.js'
import { formatCases } from '../../src/testing/index.js'
import { contract } from './contract.js'

contract('JSON lines keep the contract of a format', formatCases({ decoder: jsonDecoder, encoder: jsonEncoder }))
contract(
  'JSON lines without kernels keep the contract of a format',
  formatCases({
    decoder: schema => jsonDecoder(schema, { kernel: 'none' }),
    encoder: schema => jsonEncoder(schema, { kernel: 'plain' }),
  }),
)

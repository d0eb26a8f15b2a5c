/** The null sink keeps the contract of a sink. */
import { nullSink } from '../../src/connectors/index.js'
import { sinkCases } from '../../src/testing/index.js'
import { contract } from './contract.js'

contract(
  'the null sink keeps the contract of a sink',
  sinkCases(async () => ({ sink: nullSink({ checksum: null }), visible: async () => [] }), 'counts'),
)

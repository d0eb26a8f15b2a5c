/** The null sink keeps the contract of a sink. */
import { nullSink } from '../../src/connectors/index.js'
import { sinkKeepsItsContract } from './sink.js'

sinkKeepsItsContract(
  'the null sink',
  async () => ({ sink: nullSink({ checksum: null }), visible: async () => [] }),
  'counts',
)

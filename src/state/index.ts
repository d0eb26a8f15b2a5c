/**
 * state: keyed state in memory. Which slot a key has and which key group it is in, and the state of each
 * slot, in and out as columns. It must never know a worker, a clock, a file or an operator.
 */
export { type Distinct, distinct, partition } from '../kernels/index.js'
export { keyBytes, keyGroup } from './key-bytes.js'
export { KeyIndex, type KeyIndexOptions } from './key-index.js'
export { StateTable, type Gathered } from './state-table.js'

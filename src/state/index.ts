/**
 * state: keyed state. Which slot a key has and which key group it is in, the state of each slot, in and out as columns, and
 * what of it changed as blocks for `stores/`, which keeps them. It must never know a worker, a clock, a file or an operator.
 */
export { type Distinct, distinct, partition } from '../kernels/index.js'
export type { StateBlock } from './block.js'
export { type StateForm, type StateFormJson, formFromJson, formToJson } from './block-schema.js'
export type { ColdAsk, ColdLack, ColdPart, ColdReport, Leaving } from './cold-part.js'
export type { ColdRoom } from './cold-room.js'
export { ColdSide } from './cold-side.js'
export type { ColdAnswer, ColdChanges, ColdKeys, ColdPage, ColdPlace, ColdQuestion, ColdRows } from './cold.js'
export { aliasesOf, planEvolution } from './evolve.js'
export { Expiry, type StateClock, type Written, storedValues } from './expiry.js'
export { keyBytes, keyGroup } from './key-bytes.js'
export { type CountedState, KeyDigest, type KeyDigestChange, expectKeys, hex } from './key-digest.js'
export { KeyIndex, type KeyIndexOptions, type KeySlots } from './key-index.js'
export { KeyWalk } from './key-walk.js'
export { OperatorState, type OperatorStateOptions } from './operator-state.js'
export { OperatorStates, type PassingForm } from './operator-states.js'
export { type SavedRows, type StoredBlock, type StoredRows, readBlock } from './restore.js'
export { encodeRows } from './row-codec.js'
export { type PlacedRows, StoredOperator } from './stored-operator.js'
export { type GroupSpan, slotsWithin } from './slots-by-group.js'
export { StateTable, type Gathered } from './state-table.js'
export {
  type CollectionChanges,
  Collections,
  type CollectionSchemas,
  type NamingRows,
  collectionSchemas,
  storedIds,
  storedNames,
} from './collections.js'
export type { EntryState } from './entry-state.js'
export { type DeclaredState, declaredState, goesOnInPlace } from './declared.js'

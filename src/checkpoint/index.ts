/**
 * checkpoint: what one epoch makes durable, as bytes: its record, and as a savepoint the whole of it in files that stand alone. It
 * must never know how rows flow.
 */
export { type Base, type StoredState, baseOf } from './base.js'
export { openSavepoint, readSavepoint } from './read-savepoint.js'
export { type EpochRecord, decodeRecord, encodeRecord, recordVersion } from './record.js'
export { type Savepoint, isUnfinished, savepointFile } from './savepoint.js'
export { refuseTaken, writeSavepoint } from './write-savepoint.js'

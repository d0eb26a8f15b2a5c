/**
 * stores: what outlives a run, on a real disk. The one door of classic-level. It must never know an operator's meaning, a
 * sink or a worker.
 */
export { besideStore } from './cold-memory.js'
export { decodeKeyGroups, encodeKeyGroups } from './key-digests.js'
export * from './key-value.js'
export { freeBytesMin } from './disk-space.js'
export { StateStore } from './state-store.js'
export type { EpochBytes, StateStoreOptions, StoreCounts } from './store-options.js'
export type { Snapshot } from './snapshot.js'
export { type StateFolderOptions, openStateFolder, refuseOtherJob } from './state-folder.js'
export { closedWhileRead } from './open-place.js'
export { openForReading } from './read-folder.js'

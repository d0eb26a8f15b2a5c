/**
 * runtime: runs one job by its life: open, flow, pace, fault, close. It must never know a command line, a page or an
 * HTTP request; those come to it.
 */
export * from './flow/index.js'
export * from './shadow/report.js'
export type { EpochTerms } from './epoch/index.js'
export { BeyondKeeper, type BeyondStore } from './open/beyond-keeper.js'
export { type Code, Codes } from './open/codes.js'
export { EpochKeeper, type KeeperParts } from './open/epoch-keeper.js'
export { expectRestoredKeys, restoreOperator } from './open/restore-state.js'
export { restoreSaved } from './open/restore-saved.js'
export { failureOf, lossOf } from './open/failures.js'
export { runJob } from './open/run-job.js'
export * from './options.js'
export * from './running-job.js'
export { Swaps } from './open/swaps.js'
export { type RealWorld, openWorld } from './open/world.js'
export { realFiles } from './open/files.js'
export { type Saved, deleteSavepoint, saveStopped, savepointsIn } from './open/savepoints.js'
export { packageFolder } from './open/package.js'
export { greetWorker } from './open/greet.js'
export { pythonCandidates, pythonFor } from './open/python.js'

/**
 * flow: rows through the topology as a deterministic state machine: edges, lanes, tickets, grants, settlements.
 * Pure: no clock, no I/O, no promise. `runtime/open` wires it to the world, the simulation to a seed.
 */
export type { BeyondEffects, BeyondReport, BeyondTerms } from './beyond.js'
export type { EpochCut, EpochStatus, Restored } from './cutting.js'
export { type CaptureTerms, noCaptures } from './capture.js'
export type { CheckReport } from './check-tally.js'
export { type Answered, type GivenRows, type Question, StageCodec, type StateSource } from './codec.js'
export { edgeLimit } from './edge.js'
export * from './effects.js'
export * from './engine.js'
export { readDead } from './dead-rows.js'
export { type Work, tablesOf } from './grant.js'
export type { NewState } from './keyed.js'
export { type Rows, rowCount } from './rows.js'
export type { Answer } from './settle.js'
export type { Tap } from './tap.js'
export * from './terms.js'
export type { StateTaken } from './stage-states.js'
export type { Swap, SwapEvents, Trial } from './swapping.js'
export type { EngineReport, Rate, SinkReport, StageReport } from './gauges.js'

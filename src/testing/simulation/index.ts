/**
 * simulation: whole runs of the real engine in virtual time, from a seed: scripted sources, recording sinks, fake
 * workers that speak the real frames, faults, and an oracle that says what must come out. One seed, one log.
 */
export { type FaultKind, type Faults, faultKinds, faultsOf, noFaults } from './faults.js'
export { type Fate, fates } from './functions.js'
export { type Poison, type Row, noPoison } from './rows.js'
export type { Simulated, SimulationOptions } from './options.js'
export { simulate } from './simulate.js'
export type { SwapAsked } from './swapper.js'
export type { Bug } from './versions.js'
export { rowText, textOf } from './verdict.js'

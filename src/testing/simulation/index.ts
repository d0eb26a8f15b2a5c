/**
 * simulation: whole runs of the real engine in virtual time, from a seed: scripted sources, recording sinks, fake
 * workers that speak the real frames, faults, and an oracle that says what must come out. One seed, one log.
 */
export * from './chance.js'
export * from './faults.js'
export * from './simulate.js'
export { rowText, textOf } from './verdict.js'
export { noPoison } from './rows.js'

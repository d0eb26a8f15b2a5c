/**
 * testing: the second public door, `anabranch/testing`: a driver for tests of jobs, the contracts of sources, sinks and
 * formats as lists of cases, and whole runs of the real engine in virtual time, from a seed. It must never be imported
 * by a room that runs jobs.
 */
export * from './conformance/index.js'
export * from './drive/index.js'
export * from './simulation/index.js'

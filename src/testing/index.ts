/**
 * testing: the second public door, `anabranch/testing`. Whole runs of the real engine in virtual time, from a seed.
 * It must never be imported by a room that runs jobs.
 */
export * from './simulation/index.js'

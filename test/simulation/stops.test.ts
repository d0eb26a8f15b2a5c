/** Jobs that must stop: with the right error, in bounded virtual time, and with nothing wrong written before. */
import { describe, expect, test } from 'vitest'
import { type ErrorCode } from '../../src/base/index.js'
import { type SimulationOptions, fates, noFaults, noPoison } from '../../src/testing/index.js'
import { simulated } from '../support/simulated.js'

const all = { ...noPoison, share: 1 }
const pool = {
  workersMin: null,
  workersMax: 2,
  creditPerWorker: 2,
  failedStartsMax: 5,
  alikeStartsMax: 5,
  spareDelayMs: 100,
  recycleBytes: 5e8,
  spares: 1,
}

const table: readonly (readonly [string, ErrorCode, Omit<SimulationOptions, 'seed'>])[] = [
  ['every start of a worker fails', 'ANB3004', { faults: new Map([['start fails', 1]]), terms: { pool } }],
  ['every reply is cut off', 'ANB5003', { faults: new Map([['reply cut', 1]]) }],
  ['the service stays away', 'ANB2010', { faults: noFaults, serviceAwayMs: 1e9, terms: { transientMaxMs: 60_000 } }],
  ['one dead row more than maxDead', 'ANB2004', { poison: { ...all, kinds: [fates.reject] }, terms: { maxDead: 0 } }],
]

describe('a job stops', () => {
  test.each(table)('where %s: %s', async (_, stops, options) => {
    const asked = { rows: 120, stops, faults: noFaults, poison: noPoison, ...options }
    const runs = await simulated(Array.from({ length: 20 }, (_, i) => ({ seed: 9_000 + i, ...asked })))
    expect(runs.flatMap(run => run.wrong.map(sentence => `seed ${run.seed}: ${sentence}`))).toEqual([])
  })
})

/**
 * Savepoints over whole runs: one that is asked for at any moment, while workers and hosts die, is a run's beginning: what was
 * put out until then, and what a run puts out that begins there with other workers, lanes and batches, are what must come out.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { readSavepoint } from '../../src/checkpoint/index.js'
import { type SimulationOptions, faultsOf, noFaults, simulate } from '../../src/testing/index.js'
import { Disk } from '../support/disk.js'

/** One way to run a job. */
const schedule = fc.record({
  seed: fc.nat(1_000_000),
  faults: fc.boolean(),
  rowsMax: fc.constantFrom(1, 2, 7, 64, 1_000),
  lanes: fc.constantFrom(1, 2, 5, 16),
  workersMax: fc.constantFrom(1, 2, 4),
  intervalMs: fc.constantFrom(1, 20, 100, 1_000),
  budget: fc.constantFrom(null, 1, 243_000),
})
type Schedule = typeof schedule extends fc.Arbitrary<infer S> ? S : never

function optionsOf(input: number, way: Schedule): SimulationOptions {
  const { seed, rowsMax, lanes, workersMax, intervalMs, budget } = way
  const rows = 20 + (input % 5) * 20
  // A drain ends the input earlier: then it is not the same input.
  const faults = new Map([...(way.faults ? faultsOf(seed) : noFaults)].filter(([kind]) => kind !== 'drain'))
  const pool = {
    workersMin: null,
    workersMax,
    creditPerWorker: 2,
    spares: 1,
    failedStartsMax: 40,
    alikeStartsMax: 40,
    spareDelayMs: 0,
    recycleBytes: 5e8,
  }
  const epochs = { intervalMs, openMax: 4, bytesMax: 1e9 }
  return { seed, input, rows, faults, epochs, budget, terms: { rowsMax, lanes, pool } }
}

test('a run that begins at a savepoint of any moment, with other workers, lanes and batches, gives the rows that are due', {
  timeout: 240_000,
}, async () => {
  const met = new Map<string, number>()
  const count = (what: string): void => void met.set(what, (met.get(what) ?? 0) + 1)
  await fc.assert(
    fc.asyncProperty(
      fc.nat(100_000),
      schedule,
      schedule,
      fc.double({ min: 0.02, max: 0.95, noNaN: true }),
      async (input, one, other, share) => {
        const place = { files: new Disk(), path: '/savepoints/it' }
        place.files.makeDirectory('/savepoints')
        const { virtualMs } = await simulate(optionsOf(input, one))
        const first = await simulate({ ...optionsOf(input, one), save: { ...place, atMs: share * virtualMs } })
        expect(first.wrong).toEqual([])
        if (place.files.stat(place.path) === undefined) return count('none was made')
        const saved = readSavepoint(place.files, place.path)
        const rest = await simulate({ ...optionsOf(input, other), from: { ...place, run: first } })
        expect(rest.wrong).toEqual([])
        expect(rest.counts.get('begins at a savepoint')).toBeGreaterThan(0)
        expect(rest.rows).toBe(first.rows)
        count('begun')
        if (saved.operators.length > 0) count('with state')
        if (saved.epoch.ledger.rowsIn > 0 && saved.epoch.ledger.rowsIn < first.rows) count('in the middle')
        if (rest.counts.has('host crashes')) count('hosts died behind it')
        if (other.budget !== null && saved.operators.length > 0) count('with state beyond memory')
      },
    ),
    { numRuns: 70, seed: 20_261_126 },
  )
  // What the property must have met to say what it says.
  const floor = {
    begun: 40,
    'with state': 20,
    'in the middle': 10,
    'hosts died behind it': 3,
    'with state beyond memory': 10,
  }
  for (const [what, least] of Object.entries(floor)) expect(met.get(what), what).toBeGreaterThanOrEqual(least)
})

/** A service that is away costs a few calls and no row: whoever asked waits longer each time. */
import { expect, test } from 'vitest'
import { simulated } from '../support/simulated.js'
import { complaint } from './seeds.js'

/** 100 ms, 200 ms, ... to 10 s make nine tries in 30 s, for each of a few stages. */
const triesMax = 60

test('a service that is away for 30 s is asked a few times, and no row is lost or dead for it', async () => {
  const faults = new Map([['service away', 1]] as const)
  const runs = await simulated(
    Array.from({ length: 16 }, (_, i) => ({ seed: i + 1, faults, serviceAwayMs: 30_000, terms: { lanes: 1 } })),
  )
  expect(runs.flatMap(complaint)).toEqual([])
  const tries = runs.map(run => run.counts.get('call.failed TransientError') ?? 0)
  expect(Math.max(...tries)).toBeLessThanOrEqual(triesMax)
  expect(Math.max(...tries)).toBeGreaterThanOrEqual(9)
})

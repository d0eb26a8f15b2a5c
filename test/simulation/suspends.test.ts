/** Runs that are stopped and go on: each ends with an epoch that has all that it put out, whatever else breaks. */
import { expect, test } from 'vitest'
import { Chance } from '../../src/testing/simulation/chance.js'
import { simulated } from '../support/simulated.js'

/** Within a few polls, and behind the end of the input, where last calls are made. */
function momentsOf(seed: number): readonly number[] {
  const chance = new Chance(seed, 7)
  return Array.from({ length: 6 }, () => chance.between(1, chance.pick([300, 1_500, 6_000, 20_000])))
}

test('a run that is stopped at any moment goes on with each row once', { timeout: 120_000 }, async () => {
  const drawn = Array.from({ length: 40 }, (_, i) => ({ seed: i + 1, suspends: momentsOf(i + 1) }))
  // Of this one some last calls are made, and nobody works on the others.
  const atEnd = { seed: 43, suspends: [58, 290, 1_161] }
  const runs = await simulated([atEnd, ...drawn])
  expect(runs.flatMap(({ seed, wrong }) => wrong.map(what => `seed ${seed}: ${what}`))).toEqual([])
  const stopped = runs.reduce((sum, { counts }) => sum + (counts.get('run is stopped') ?? 0), 0)
  expect(stopped).toBeGreaterThan(30)
})

/** Which calls a shadow takes that has no time for all: those of all lanes, whatever order they come in. */
import { expect, test } from 'vitest'
import { LaneTurns } from '../../../src/runtime/shadow/lane-turns.js'

/** How many calls of each lane are taken, of rounds over all lanes; `isFree` by the number of the call. */
function taken(
  lanes: number,
  rounds: number,
  isFree: (call: number, sinceTaken: number) => boolean,
): readonly number[] {
  const turns = new LaneTurns()
  const counts = Array.from({ length: lanes }, () => 0)
  let since = Number.POSITIVE_INFINITY
  for (let call = 0; call < lanes * rounds; call++) {
    const lane = call % lanes
    since += 1
    if (!turns.takes(lane, isFree(call, since))) continue
    counts[lane] = (counts[lane] ?? 0) + 1
    since = 0
  }
  return counts
}

test('a shadow that is always free takes every call', () => {
  expect(taken(4, 10, () => true)).toEqual([10, 10, 10, 10])
})

test('a shadow that is busy for as long as a round of all lanes takes of each as much as of the others', () => {
  const counts = taken(4, 100, (_, since) => since >= 4)
  expect(Math.min(...counts)).toBeGreaterThan(0)
  expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1)
})

test('a lane whose turn it is and that gets no more rows holds up the others for a few calls only', () => {
  const turns = new LaneTurns()
  for (let call = 0; call < 5; call++) expect(turns.takes(9, false)).toBe(false)
  const calls = Array.from({ length: 20 }, () => turns.takes(1, true))
  expect(calls.indexOf(true)).toBe(5)
  expect(calls.slice(6).filter(Boolean).length).toBeGreaterThan(0)
})

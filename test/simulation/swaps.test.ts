/**
 * Laws of a swap: at whatever moment other code comes, and whoever dies then, each row comes out once and is worked on by the code
 * that the record of its epoch names; code that is thrown away leaves nothing. The verdict of each run says so; here is what
 * becomes of each kind of code.
 */
import { describe, expect, test } from 'vitest'
import {
  type Bug,
  type FaultKind,
  type Faults,
  type Simulated,
  type SwapAsked,
  noFaults,
  noPoison,
} from '../../src/testing/index.js'
import { simulated } from '../support/simulated.js'
import { complaint } from './seeds.js'

const numbers = Array.from({ length: 24 }, (_, i) => 9_000 + i)
const epochs = { intervalMs: 20, openMax: 2, bytesMax: 1e9 }
const faultsOf = (...kinds: FaultKind[]): Faults => new Map(kinds.map(kind => [kind, kind === 'host dies' ? 1 : 0.05]))

/** One after the other, each at another moment in each seed. */
const asking = (seed: number, bugs: readonly Bug[], maxErrors: number): readonly SwapAsked[] =>
  bugs.map((bug, i) => ({
    atMs: 200 + i * 2_000 + ((seed * 37) % 900),
    code: { number: i + 1, bug, keepsMore: seed % 2 === i % 2 },
    operator: null,
    inPlace: seed % 3 === 0,
    maxErrors,
  }))

const run = (
  bugs: readonly Bug[],
  faults: Faults,
  {
    maxErrors = 0,
    budget = null,
    seeds = numbers,
  }: { readonly maxErrors?: number; readonly budget?: number | null; readonly seeds?: readonly number[] } = {},
): Promise<readonly Simulated[]> =>
  simulated(
    seeds.map(seed => {
      const swaps = asking(seed, bugs, maxErrors)
      return { seed, rows: 150, budget, epochs, faults, poison: noPoison, terms: { rowsMax: 4 }, swaps }
    }),
  )

const wrongOf = (runs: readonly Simulated[]): readonly string[] => runs.flatMap(complaint)
const sum = (runs: readonly Simulated[], count: string): number =>
  runs.reduce((n, r) => n + (r.counts.get(count) ?? 0), 0)

describe('other code', { timeout: 120_000 }, () => {
  test('that is good is kept, again and again, and each row is of one of the codes', async () => {
    const runs = await run(['none', 'none'], noFaults)
    expect(wrongOf(runs)).toEqual([])
    expect(sum(runs, 'swap.kept')).toBeGreaterThan(numbers.length)
    expect(sum(runs, 'swap.thrown away')).toBe(0)
  })

  test.each(['raises', 'crashes'] as const)(
    'that %s on each row is thrown away whole, and the old code goes on with the same rows',
    async bug => {
      const runs = await run([bug, 'none'], noFaults)
      expect(wrongOf(runs)).toEqual([])
      expect(sum(runs, 'swap.thrown away')).toBeGreaterThan(numbers.length / 2)
      expect(sum(runs, 'swap.kept')).toBeGreaterThan(numbers.length / 4)
    },
  )

  test('that rejects fewer rows than may be is kept, with its dead rows', async () => {
    const runs = await run(['rejects some'], noFaults, { maxErrors: 1 })
    expect(wrongOf(runs)).toEqual([])
    expect(sum(runs, 'swap.kept')).toBeGreaterThan(numbers.length / 2)
    expect(sum(runs, 'rows.dead ANB2002')).toBeGreaterThan(0)
  })

  test('whose workers do not start is refused, and no row stands still for it', async () => {
    const runs = await run(['does not start'], noFaults)
    expect(wrongOf(runs)).toEqual([])
    expect(sum(runs, 'swap.refused')).toBeGreaterThan(numbers.length / 2)
    expect(sum(runs, 'attempt failed') + sum(runs, 'swap.kept')).toBe(0)
  })

  test.each([['none'], ['rejects some'], ['raises']] as const)(
    'that %s, while hosts and workers die at any moment, loses nothing, doubles nothing and mixes nothing',
    async bug => {
      const faults = faultsOf(
        'host dies',
        'host dies in a write',
        'dies at a failpoint',
        'crash in the call',
        'killed from outside',
        'fsync fails',
      )
      const runs = await run([bug, 'none', bug], faults, { maxErrors: bug === 'rejects some' ? 0.3 : 0 })
      expect(wrongOf(runs)).toEqual([])
      expect(sum(runs, 'host crashes')).toBeGreaterThan(numbers.length)
      expect(sum(runs, 'swap.kept') + sum(runs, 'swap.thrown away')).toBeGreaterThan(numbers.length / 4)
    },
  )

  test.each([['none'], ['raises']] as const)(
    'that %s, for state that has no room in memory, begins again behind the last epoch where columns are others, whoever dies',
    async bug => {
      const faults = faultsOf('host dies', 'host dies in a write', 'crash in the call', 'fsync fails')
      const seeds = numbers.slice(0, 6)
      const runs = await run([bug, 'none', bug], faults, { budget: 1, seeds })
      expect(wrongOf(runs)).toEqual([])
      expect(sum(runs, 'state beyond memory')).toBeGreaterThan(seeds.length)
      expect(sum(runs, 'swap.refused ANB1027')).toBe(0)
      expect(sum(runs, 'swap.kept') + sum(runs, 'swap.thrown away')).toBeGreaterThan(seeds.length / 4)
    },
  )
})

/** Laws of the engine that one kind of run shows best: determinism, patience with a host that stood still, bounded queues, cheap bisection. */
import { describe, expect, test } from 'vitest'
import {
  type FaultKind,
  type Faults,
  type Simulated,
  fates,
  noFaults,
  noPoison,
  simulate,
} from '../../src/testing/index.js'
import { simulated } from '../support/simulated.js'

const numbers = (n: number, from: number): readonly number[] => Array.from({ length: n }, (_, i) => from + i)
const only = (...kinds: FaultKind[]): Faults => new Map(kinds.map(kind => [kind, 1]))
const wrongOf = (runs: readonly Simulated[]): readonly string[] =>
  runs.flatMap(r => r.wrong.map(w => `seed ${r.seed}: ${w}`))

describe('the engine', () => {
  test('does the same for the same seed, to the last line of the log', async () => {
    for (const seed of numbers(12, 500)) {
      const first = await simulate({ seed, rows: 40, log: true })
      const second = await simulate({ seed, rows: 40, log: true })
      expect(first.log).toEqual(second.log)
      expect(first.digest).toBe(second.digest)
    }
    const runs = await simulated(numbers(12, 500).map(seed => ({ seed, rows: 40 })))
    expect(new Set(runs.map(({ digest }) => digest)).size).toBe(12)
  })

  test('T9: kills no worker and sends nothing again because the host stood still for 5 to 60 s', async () => {
    const runs = await simulated(
      numbers(60, 2_000).map(seed => ({
        seed,
        faults: only('host stands still', 'source slow'),
        poison: noPoison,
        rows: 80,
      })),
    )
    expect(wrongOf(runs)).toEqual([])
    expect(runs.filter(r => r.counts.has('lease.resent') || r.counts.has('kill deadline')).map(r => r.seed)).toEqual([])
    expect(runs.filter(r => r.log.includes('stands') || r.counts.has('host stands still')).length).toBe(60)
  })

  test('holds a slow sink back up to the source: no queue grows beyond its limit and what was under way', async () => {
    const runs = await simulated(
      numbers(12, 3_000).map(seed => ({
        seed,
        faults: only('sink slow'),
        poison: noPoison,
        rows: 250,
        terms: { rowsMax: 1 },
      })),
    )
    expect(wrongOf(runs)).toEqual([])
    expect(runs.filter(r => r.queue.most > r.queue.limit).map(r => `seed ${r.seed}: ${r.queue.most}`)).toEqual([])
    // Some of them really came to the limit.
    expect(Math.max(...runs.map(r => r.queue.most))).toBeGreaterThanOrEqual(64)
  })

  test('lets branches flow together again though one row became more rows than a queue holds', async () => {
    // In seeds 125 and 205 the branches fork behind a stage that gives the 200 children of one row in many batches.
    const runs = await simulated(
      [...numbers(25, 101), 205].map(seed => ({
        seed,
        rows: 6,
        faults: noFaults,
        poison: { ...noPoison, bursts: 0.4 },
        terms: { rowsMax: 1 },
      })),
    )
    expect(wrongOf(runs)).toEqual([])
  })

  test('lets no row overtake another where branches flow together while an epoch is cut', async () => {
    // In seed 11840 the rows of a source that goes last were worked on before the cut, and some of the first one only read.
    expect(wrongOf(await simulated([{ seed: 11_840, rows: 5, faults: noFaults }]))).toEqual([])
  })

  test('blames no good row, though workers die by chance in a third of all calls, one row a call or many', async () => {
    const rates: Faults = new Map([
      ['crash in the call', 0.15],
      ['crash after the call', 0.05],
      ['killed from outside', 0.15],
    ])
    const runs = await simulated(
      numbers(60, 5_000).map(seed => ({
        seed,
        faults: rates,
        poison: noPoison,
        rows: 80,
        terms: { rowsMax: seed % 2 === 0 ? 1 : 16 },
      })),
    )
    expect(wrongOf(runs)).toEqual([])
    expect(runs.filter(r => r.counts.has('rows.dead ANB2008')).map(r => r.seed)).toEqual([])
    // Lone rows were struck much more often than would bury them in a run in peace.
    const chances = runs.map(r => r.counts.get('worker.lost.chance') ?? 0)
    expect(chances.filter(n => n > 20).length).toBeGreaterThan(20)
  })

  test('finds b bad rows of n with at most 2 b (1 + log2 n) calls more', async () => {
    const pool = {
      workersMin: null,
      workersMax: 1,
      creditPerWorker: 1,
      failedStartsMax: 40,
      alikeStartsMax: 40,
      spareDelayMs: 100,
      recycleBytes: 5e8,
      spares: 1,
    }
    const kinds = [fates.raise, fates.crash, fates.exit, fates.hang]
    // The verdict of a run without faults by chance counts the calls that came again.
    const runs = await simulated(
      numbers(80, 4_000).map(seed => ({
        seed,
        faults: noFaults,
        poison: { ...noPoison, kinds, share: 0.03 },
        rows: 100,
        terms: { pool },
      })),
    )
    expect(wrongOf(runs)).toEqual([])
    expect(runs.filter(r => r.counts.has('lease.halved')).length).toBeGreaterThan(50)
  })
})

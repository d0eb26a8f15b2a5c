/** The terms of a simulated run, drawn from its seed: rows must not depend on any of them. */
import { type EngineTerms, type EpochTerms, noCaptures } from '../../runtime/index.js'
import { type Chance } from './chance.js'
import { spoilingMemory } from './spoil.js'

/** Resident bytes above which the engine replaces a worker. */
export const largeBytes = 500_000_000

export function drawTerms(chance: Chance): EngineTerms {
  return {
    lanes: chance.pick([1, 2, 3, 8]),
    keyGroups: 128,
    rowsMax: chance.pick([1, 3, 16, 16, 64, 64, 1_000, 1_000]),
    pool: {
      workersMin: null,
      workersMax: chance.pick([1, 2, 4]),
      creditPerWorker: chance.pick([1, 2, 3]),
      failedStartsMax: 40,
      alikeStartsMax: 40,
      spareDelayMs: 100,
      recycleBytes: largeBytes,
      spares: chance.happens(0.7) ? 1 : 0,
    },
    transientMaxMs: 600_000,
    stateBytesMax: 2 ** 20,
    wallMinusNowMs: 0,
    maxDead: null,
    captures: noCaptures,
    bounded: new Set(),
    memory: spoilingMemory,
    epochs: null,
  }
}

export function drawEpochs(chance: Chance): EpochTerms | null {
  if (chance.happens(0.2)) return null
  return {
    intervalMs: chance.pick([1, 20, 100, 1_000]),
    openMax: chance.pick([1, 2, 4]),
    bytesMax: chance.pick([300, 1e9, 1e9]),
  }
}

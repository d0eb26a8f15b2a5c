/** The engine of one attempt, by the options of the run and of the plan. */
import { type Source } from '../../connectors/index.js'
import { Engine, type Effects, type EngineTerms } from '../flow/index.js'
import { captureTerms } from './capture-terms.js'
import { type Opened } from './opened.js'

const workersDefaultMax = 8
const lanesPerWorker = 4
const rowsMaxDefault = 32_768
const recycleBytesDefault = 2 * 2 ** 30

export function makeEngine(
  opened: Opened,
  of: Pick<EngineTerms, 'epochs' | 'trial'> & { readonly sources: readonly Source[]; readonly effects: Effects },
): Engine {
  const { plan, options, world, topology } = opened
  const workersMax = options.workers?.max ?? Math.min(world.threads.cores, workersDefaultMax)
  const memory = plan.options.workerMemoryBytes
  return new Engine(
    topology,
    {
      lanes: options.lanes ?? lanesPerWorker * workersMax,
      keyGroups: plan.options.keyGroups,
      rowsMax: options.batchRows ?? rowsMaxDefault,
      transientMaxMs: plan.options.transientMaxMs,
      stateBytesMax: plan.options.stateBytesMax,
      wallMinusNowMs: world.clock.wallMs() - world.clock.nowMs(),
      maxDead: plan.options.maxDead,
      captures: captureTerms(plan, options),
      memory: opened.memory,
      epochs: of.epochs,
      trial: of.trial ?? null,
      bounded: new Set(of.sources.flatMap((s, i) => (s.bounded ? [i] : []))),
      pool: {
        workersMin: options.workers?.min ?? null,
        workersMax,
        creditPerWorker: 2,
        failedStartsMax: 5,
        alikeStartsMax: 2,
        recycleBytes: plan.options.recycleBytes ?? (memory === null ? recycleBytesDefault : memory * 0.75),
        spares: options.spares ?? 1,
        spareDelayMs: 100,
      },
    },
    of.effects,
    options.observer,
  )
}

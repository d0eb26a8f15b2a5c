/**
 * Run a job: from a plan to its result. The order is the promise: the folder is locked before anything is started, a
 * worker has opened the modules before a source is opened, every check is done before the first row.
 */
import { type Observer } from '../../base/index.js'
import { BufferPool } from '../../batch/index.js'
import { outputFolder } from '../../connectors/index.js'
import { type Plan, stagesOf } from '../../plan/index.js'
import { type RunOptions, type RunResult } from '../options.js'
import { attempts } from './attempts.js'
import { armFailpoints } from './failpoints.js'
import { openWorld } from './world.js'

/**
 * Memory of batches and blocks that waits to be used again. Blocks of epochs come and go many MB at a time; where memory has a
 * budget they are smaller.
 */
const pooledBytesMax = { ofBudget: 32 << 20, free: 64 << 20 } as const

export async function runJob(plan: Plan, asked: RunOptions): Promise<RunResult> {
  const counters: Record<string, number> = {}
  const options = { ...asked, observer: counting(asked.observer, counters), failpoints: armFailpoints(process.env) }
  const world = openWorld()
  try {
    const folder = outputFolder({
      path: options.out,
      job: plan.job,
      pid: process.pid,
      files: world.files,
      clock: world.clock,
      random: world.random,
    })
    let incarnations = 0
    try {
      const result = await attempts(
        {
          world,
          topology: stagesOf(plan),
          plan,
          options,
          run: { job: world.random.hex(8), token: world.random.hex(16) },
          memory: new BufferPool(
            plan.options.stateBudgetBytes === null ? pooledBytesMax.free : pooledBytesMax.ofBudget,
          ),
          incarnation: () => (incarnations += 1),
        },
        folder,
      )
      return { ...result, counters }
    } finally {
      folder.close()
    }
  } finally {
    await world.close()
  }
}

const counting = (observer: Observer, counters: Record<string, number>): Observer => ({
  log: observer.log.bind(observer),
  count: (name, by = 1, labels) => {
    counters[name] = (counters[name] ?? 0) + by
    observer.count(name, by, labels)
  },
})

/** One worker without a job: started, greeted and ended, to see whether this machine can run one. */
import { WorkerError } from '../../base/index.js'
import { BufferPool } from '../../batch/index.js'
import { type WorkerReady, startWorker } from '../../workers/index.js'
import { packageFolder, packageVersion } from './package.js'
import { type RealWorld } from './world.js'

const startTimeoutMs = 30_000
const graceMs = 2_000

export async function greetWorker(
  world: RealWorld,
  of: { readonly python: string; readonly cwd: string },
): Promise<Pick<WorkerReady, 'versions'> & { readonly ms: number }> {
  const began = world.clock.nowMs()
  let greet: (ready: WorkerReady) => void = () => undefined
  let refused: (error: unknown) => void = () => undefined
  const ready = new Promise<WorkerReady>((resolve, reject) => {
    greet = resolve
    refused = reject
  })
  const ignore = (): void => undefined
  const worker = startWorker(
    {
      world,
      python: of.python,
      packageFolder,
      packageVersion,
      folder: world.runFolder,
      cwd: of.cwd,
      job: world.random.hex(8),
      token: world.random.hex(16),
      incarnation: 1,
      role: 'user',
      open: { job: 'doctor', role: 'user', params: {}, memoryBytes: 0, stages: [] },
      mappingBytes: 1 << 20,
      memory: new BufferPool(0),
      memoryBytes: 0,
      startTimeoutMs,
      hostEnv: process.env,
      passEnv: [],
    },
    {
      started: ignore,
      ready: info => greet(info),
      reply: ignore,
      log: ignore,
      output: ignore,
      dropped: ignore,
      lost: reason =>
        refused(
          reason.error ?? new WorkerError('ANB3003', 'worker ended before it said hello', { detail: reason.stderr }),
        ),
    },
  )
  try {
    const { versions } = await ready
    return { versions, ms: Math.round(world.clock.nowMs() - began) }
  } finally {
    await worker.stop(graceMs)
  }
}

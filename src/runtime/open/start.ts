/** Starts a worker process of a run: one for the transforms of the user, or ours for tables. */
import { type OpenStage, openStages } from '../../plan/index.js'
import { type WorkerEvents, type WorkerProcess, startWorker } from '../../workers/index.js'
import { type Opened } from './opened.js'
import { packageFolder, packageVersion } from './package.js'

const startTimeoutMs = 120_000
const mappingBytes = { user: 64 << 20, io: 128 << 20 } as const

export function startWorkerOf(
  opened: Opened,
  role: 'user' | 'io',
  incarnation: number,
  events: WorkerEvents,
  stages: readonly OpenStage[] = role === 'user' ? openStages(opened.topology) : [],
): WorkerProcess {
  const { world, plan, options, run } = opened
  const memoryBytes = role === 'user' ? (plan.options.workerMemoryBytes ?? 0) : 0
  return startWorker(
    {
      world,
      python: options.python,
      packageFolder,
      packageVersion,
      folder: world.runFolder,
      cwd: plan.folder,
      job: run.job,
      token: run.token,
      incarnation,
      role,
      open: { job: plan.job, role, params: plan.params, memoryBytes, stages },
      mappingBytes: mappingBytes[role],
      memory: opened.memory,
      memoryBytes,
      startTimeoutMs,
      hostEnv: process.env,
      passEnv: options.failpoints,
    },
    events,
  )
}

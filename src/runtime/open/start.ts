/** Starts a worker process of a run: one for the transforms of the user, or ours for tables. */
import { type OpenStage } from '../../plan/index.js'
import { type WorkerEvents, type WorkerProcess, startWorker } from '../../workers/index.js'
import { type Opened } from './opened.js'
import { packageFolder, packageVersion } from './package.js'

const startTimeoutMs = 120_000
const mappingBytes = { user: 64 << 20, io: 128 << 20 } as const

/** What a worker runs: stages of the user with the copies of their modules, or tables of ours. */
export interface Role {
  readonly role: 'user' | 'io'
  readonly stages: readonly OpenStage[]
  /** Copies of sources, by the path of their modules. */
  readonly kept: Readonly<Record<string, string>>
}

export function startWorkerOf(
  opened: Opened,
  { role, stages, kept }: Role,
  incarnation: number,
  events: WorkerEvents,
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
      open: { job: plan.job, role, params: plan.params, memoryBytes, stages, kept },
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

/** Strikes workers of a running job from outside, again and again, as its `run.json` names them. */
import { readFileSync } from 'node:fs'
import { type Ended, type Started } from './cli.js'
import { pidsOf, until } from './fault-job.js'
import { type JobFolder } from './job-folder.js'

export interface Strikes {
  /** At most. */
  readonly times: number
  /** All workers, and not the first one alone. */
  readonly all: boolean
  /** Before them the process that they are forked of. */
  readonly server?: boolean
  /** Told behind each strike how many there were. */
  readonly struck?: (times: number) => void
}

/**
 * Kills workers with -9; answers how often it did. A spare is only started once there is a worker that works, so it waits
 * for two.
 */
export async function killWorkers(
  folder: JobFolder,
  started: Started,
  { times, all, server = false, struck: tell = () => undefined }: Strikes,
): Promise<{ readonly run: Ended; readonly struck: number }> {
  let over = false
  const ended = started.ended.finally(() => {
    over = true
  })
  let struck = 0
  const workers = (): readonly number[] => pidsOf(folder).workers
  while (!over && struck < times) {
    await until(() => over || workers().length >= 2)
    const victims = all ? workers() : workers().slice(0, 1)
    const servers = server ? [...new Set(victims.flatMap(serverOf))] : []
    for (const pid of [...servers, ...victims]) kill(pid)
    if (victims.length > 0) {
      struck += 1
      tell(struck)
    }
    await until(() => over || !victims.some(pid => workers().includes(pid)))
  }
  return { run: await ended, struck }
}

/** The fork server of this worker; none where its own is gone. */
export function serverOf(worker: number): readonly number[] {
  try {
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${worker}/status`, 'utf8'))?.[1])
    return readFileSync(`/proc/${parent}/cmdline`, 'utf8').endsWith('fork-server\0') ? [parent] : []
  } catch {
    return []
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It was gone before us.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** Strikes workers of a running job from outside, again and again, as its `run.json` names them. */
import { type Ended, type Started } from './cli.js'
import { pidsOf, until } from './fault-job.js'
import { type JobFolder } from './job-folder.js'

/**
 * Kills with -9 the first worker, or all of them, at most `times` times; answers how often it did. A spare is only started
 * once there is a worker that works, so it waits for two.
 */
export async function killWorkers(
  folder: JobFolder,
  started: Started,
  { times, all }: { readonly times: number; readonly all: boolean },
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
    for (const pid of victims) kill(pid)
    if (victims.length > 0) struck += 1
    await until(() => over || !victims.some(pid => workers().includes(pid)))
  }
  return { run: await ended, struck }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    // It was gone before us.
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/**
 * The real world: the one place below the command line where time, chance, files, sockets, processes and threads are
 * made. The simulation makes another one from a seed, and the engine does not notice.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { type Random, type World } from '../../base/index.js'
import { realClock } from './clock.js'
import { realFiles } from './files.js'
import { type Guard, startGuard } from './guard.js'
import { realProcesses } from './processes.js'
import { makeRunFolder } from './run-folder.js'
import { realSockets } from './sockets.js'

export interface RealWorld extends World {
  /** Private to this run, 0700, for sockets; gone when the run is, whatever way it ends. */
  readonly runFolder: string
  /** Ends what is left of the run's processes and removes the folder. Callable twice. */
  close(): Promise<void>
}

/** @throws ConnectorError where the private folder cannot be made, WorkerError where the guard cannot be started. */
export function openWorld(env: Readonly<Record<string, string | undefined>> = process.env): RealWorld {
  const guard = startGuard()
  const runFolder = folderOf(env, guard)
  const processes = realProcesses(guard)
  let closing: Promise<void> | null = null
  return {
    clock: realClock(),
    random: realRandom,
    files: realFiles,
    sockets: realSockets,
    processes,
    threads: { cores: availableParallelism() },
    runFolder,
    close: () => {
      processes.close()
      closing ??= guard.close().then(() => rmSync(runFolder, { recursive: true, force: true }))
      return closing
    },
  }
}

/** The guard knows it before it is there. */
function folderOf(env: Readonly<Record<string, string | undefined>>, guard: Guard): string {
  try {
    return makeRunFolder(env, path => guard.folder(path))
  } catch (error) {
    void guard.close()
    throw error
  }
}

const realRandom: Random = {
  below: below => randomInt(below),
  hex: bytes => randomBytes(bytes).toString('hex'),
}

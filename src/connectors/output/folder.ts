/** The output folder of a run (DIR): made, locked, and with the process ids of the run in `run.json` while it lives. */
import { join } from 'node:path'
import { type Clock, ConnectorError, type Files, type Random } from '../../base/index.js'
import { writeAtomically } from '../atomic.js'
import { errnoOf, writing } from '../io-error.js'
import { takeLock } from './lock.js'

/** `DIR/run.json` while a job runs. */
export interface RunRecord {
  readonly job: string
  /** Process id of the host. */
  readonly host: number
  /** Process ids of the workers that live now. */
  readonly workers: readonly number[]
  /** Path of the socket at which it listens; null where it does not, or not yet. */
  readonly control: string | null
  /** ISO 8601, UTC. */
  readonly started: string
}
export interface OutputFolder {
  readonly path: string
  /** Writes `run.json` anew, atomically. Where that fails it says who worked before: a full disk must end no job for a note. */
  workers(pids: readonly number[]): void
  /** Writes it too: the run listens at this socket. Throws a ConnectorError, ANB4003, where it cannot be said. */
  listens(control: string): void
  /** Removes `run.json` and the lock. Can be called twice. */
  close(): void
}
/**
 * Makes the folder, takes its lock and writes `run.json`. Throws a ConnectorError: ANB4007 where another run that
 * lives has the lock, ANB4003 where the folder cannot be made.
 */
export function outputFolder(options: {
  /** Absolute. */
  readonly path: string
  readonly job: string
  /** Process id of the host. */
  readonly pid: number
  readonly files: Files
  readonly clock: Clock
  readonly random: Random
}): OutputFolder {
  const { path, job, pid, files } = options
  writing(path, () => files.makeDirectory(path))
  const release = takeLock({ folder: path, pid, files, random: options.random })
  const started = new Date(options.clock.wallMs()).toISOString()
  const record = join(path, 'run.json')
  let open = true
  let run: RunRecord = { job, host: pid, workers: [], control: null, started }
  const write = (changed: Partial<RunRecord>): void => {
    if (!open) return
    run = { ...run, ...changed }
    writeAtomically(files, record, `${JSON.stringify(run)}\n`)
  }
  const writeIfItCan = (changed: Partial<RunRecord>): void => {
    try {
      write(changed)
    } catch (cause) {
      if (!(cause instanceof ConnectorError)) throw cause
    }
  }
  const close = (): void => {
    if (!open) return
    open = false
    removeIfThere(files, record)
    removeIfThere(files, `${record}.new`)
    release()
  }
  try {
    write({})
  } catch (cause) {
    close()
    throw cause
  }
  return { path, workers: workers => writeIfItCan({ workers }), listens: control => write({ control }), close }
}

function removeIfThere(files: Files, path: string): void {
  try {
    files.remove(path)
  } catch (cause) {
    if (errnoOf(cause) === 'ENOENT') return
    writing(path, () => {
      throw cause
    })
  }
}

import { type Clock, type Files, type Random } from '../../base/index.js'

/** `DIR/run.json` while a job runs. */
export interface RunRecord {
  readonly job: string
  /** Process id of the host. */
  readonly host: number
  /** Process ids of the workers that live now. */
  readonly workers: readonly number[]
  /** ISO 8601, UTC. */
  readonly started: string
}
export interface OutputFolder {
  readonly path: string
  /** Writes `run.json` anew, atomically. */
  workers(pids: readonly number[]): void
  /** Removes `run.json` and the lock. Can be called twice. */
  close(): void
}
/**
 * Makes the folder, takes its lock and writes `run.json`. Throws a ConnectorError: ANB4007 where another run that
 * lives has the lock, ANB4003 where the folder cannot be made.
 */
export declare function outputFolder(options: {
  readonly path: string
  readonly job: string
  readonly pid: number
  readonly files: Files
  readonly clock: Clock
  readonly random: Random
}): OutputFolder

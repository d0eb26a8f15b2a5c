/**
 * A job that runs, for whoever asks about it or tells it something: the control socket, metrics, later HTTP. `open` implements it.
 *
 * A status is plain JSON. Numbers have their unit in the name; a rate or a share that nobody can know yet is 0, anything else that
 * nobody can know is null.
 */
import { type AnabranchError, type World } from '../base/index.js'
import { type RunEnd } from '../connectors/index.js'
import { type PoolReport, type WorkerReport } from '../workers/index.js'
import { type ShadowReport, type ShadowRequest } from './shadow/index.js'
import { type EngineReport, type EpochStatus, type Rate, type SinkReport, type StageReport } from './flow/index.js'

/**
 * Stopping: it reads no more and finishes what was read. Restarting: it failed, and begins again behind its last epoch after a
 * pause.
 */
export type JobState = 'starting' | 'running' | 'restarting' | 'stopping' | 'cancelling'

export interface SourceStatus {
  readonly id: string
  readonly rows: number
  /** Bytes or rows that are there and were not read yet; null where nobody knows. */
  readonly lag: { readonly count: number; readonly unit: 'bytes' | 'rows' | null } | null
}

/** Its number is that in this run: a replacement has another one. */
export interface WorkerStatus extends WorkerReport {
  /** Null where it is gone. */
  readonly pid: number | null
}

export interface WorkersStatus extends Omit<PoolReport, 'workers'> {
  readonly list: readonly WorkerStatus[]
}

export interface JobStatus {
  readonly job: string
  readonly pid: number
  readonly state: JobState
  /** ISO 8601, UTC. */
  readonly started: string
  readonly seconds: number
  /** How often it failed and began again behind its last epoch. */
  readonly restarts: number
  /** Null where the job runs without epochs. */
  readonly epochs: EpochStatus | null
  readonly stateBytes: number
  readonly rowsIn: number
  readonly rowsOut: number
  readonly rowsDead: number
  readonly rowsInPerSecond: Rate
  readonly rowsOutPerSecond: Rate
  readonly deadByOperator: EngineReport['deadByOperator']
  readonly sources: readonly SourceStatus[]
  readonly stages: readonly StageReport[]
  readonly sinks: readonly SinkReport[]
  readonly workers: WorkersStatus
}

/** How many workers: at most `max` as work asks for them, or by load between `min` and `max`. */
export interface WorkerRange {
  /** Null: not by load. */
  readonly min: number | null
  readonly max: number
}

/** How a job came to its end. */
export interface JobEnd {
  readonly end: RunEnd | 'failed'
  readonly rowsIn: number
  readonly rowsOut: number
  readonly rowsDead: number
  /** Made at the end, where one was asked for and there is something to go on with. */
  readonly savepoint?: { readonly path: string; readonly epoch: number }
}

/** What is saved at the end of a stop; `name` as for `savepoint`. */
export interface StopOptions {
  readonly savepoint: boolean
  readonly name: string | null
}

export interface SwapRequest {
  /** The module with the new code, from the job's folder or absolute; null: what the file of the running one holds now. */
  readonly module: string | null
  /** Only this operator; null: all that have a function of the module. */
  readonly operator: string | null
  /** Share of the first epoch's rows that may be dead, 0 to 1; null: 0.01. */
  readonly maxErrors: number | null
}

/** What became of new code. The counts are of its first epoch. */
export interface SwapReport {
  /** Else it was thrown away whole, and the old code went on with the same rows. */
  readonly kept: boolean
  /** Why not. */
  readonly why: AnabranchError['json'] | null
  readonly rows: number
  readonly dead: number
  readonly deadByReason: Readonly<Record<string, number>>
  /** Milliseconds for which rows stood still. */
  readonly pausedMs: number
}

export interface RunningJob {
  status(): JobStatus
  /**
   * As the first Ctrl-C: reads no more, finishes what was read; then a savepoint, unless it is not wanted. Settles when the
   * run is over.
   */
  stop(options?: StopOptions): Promise<JobEnd>
  /** As the second Ctrl-C: now. */
  cancel(): Promise<JobEnd>
  setWorkers(range: WorkerRange): WorkersStatus
  /**
   * All that was done until now: an epoch, cut for it where it is not due, which every sink has when it settles. Not there where the job keeps nothing that one could be made of.
   *
   * @param name in `DIR/savepoints`, or an absolute path; null: by lineage and epoch
   */
  savepoint?(name: string | null): Promise<{ readonly path: string; readonly epoch: number }>
  /**
   * New code beside the running one, called with the same rows and state; settles with what differs when that is over. It commits
   * nothing. Not there where the job has no transforms of its own.
   */
  shadow?(request: ShadowRequest): Promise<ShadowReport>
  /** Not there where the job runs without epochs. Settles when the first epoch of the new code was judged. */
  readonly swap?: (request: SwapRequest) => Promise<SwapReport>
}

/** Where a run lives. */
export interface RunPlace {
  /** Absolute. */
  readonly out: string
  /** Private to the run, and gone when the run is. */
  readonly runFolder: string
  readonly world: World
  /** Says in `run.json` at which socket the run listens. */
  announce(control: string): void
}

/** Listens to a run while it lives: called before the first worker starts; what it answers is closed when the run is over. */
export type Attendant = (job: RunningJob, place: RunPlace) => Promise<{ close(): Promise<void> }>

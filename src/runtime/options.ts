/** What a run is asked and what it answers. */
import { AnabranchError, type Observer } from '../base/index.js'
import { type RunEnd } from '../connectors/index.js'
import { type CheckReport } from './flow/index.js'
import { type Attendant, type WorkerRange } from './running-job.js'

export interface Progress {
  readonly rowsIn: number
  readonly rowsOut: number
  readonly rowsDead: number
  /** 0 to 1; null where nobody knows the end. */
  readonly done: number | null
  readonly seconds: number
  /** Rows that came in: over the whole run where it has an end, over the last minute where nobody knows one. */
  readonly rowsPerSecond: number
  readonly workers: number
}

export interface RunOptions {
  /** Folder of the outputs, absolute. */
  readonly out: string
  /** null: at most min(cores, cgroup quota, 8). */
  readonly workers: WorkerRange | null
  /** Workers that wait for the loss of another one; null: 1. */
  readonly spares: number | null
  /** null: 4 times the workers, the most of them. */
  readonly lanes: number | null
  /** Upper limit of the rows of a call; null: 32,768. */
  readonly batchRows: number | null
  /** Which calls that go well are kept as captures. */
  readonly captures: {
    /** One of so many; null: none. */
    readonly every: number | null
    /** Those whose functions took so many milliseconds or more; null: none. */
    readonly slowMs: number | null
  }
  /** From one epoch to the next; null: no epochs, nothing is kept on disk. */
  readonly epochMs: number | null
  /** Bytes of memory for keys and state; what has no room there lies on disk. null: no limit. */
  readonly stateBudgetBytes: number | null
  /** Begin anew, whatever an unfinished run left. */
  readonly fresh: boolean
  /** Absolute folder of a savepoint that a run without state of its own begins at; null: none. */
  readonly from: string | null
  /** Begin there also where a sink has more than the savepoint, which is then written twice. */
  readonly rewind: boolean
  /** Operators, sources and sinks that the job has no more, of which what is kept is left behind. */
  readonly dropState: readonly string[]
  /** The interpreter. */
  readonly python: string
  readonly observer: Observer
  readonly onProgress: (progress: Progress) => void
  /** Who listens to the run while it lives. */
  readonly attendants: readonly Attendant[]
  readonly signal: {
    /** Drain: read no more, finish what was read. */
    readonly first: AbortSignal
    /** Stop now. */
    readonly second: AbortSignal
  }
}

export interface RunOutput {
  /** Id of the sink. */
  readonly sink: string
  /** Absolute path or address. */
  readonly path: string
  readonly rows: number
}

/** What a run did with epochs; of its last attempt, where it failed and began again. */
export interface EpochsReport {
  /** Written. */
  readonly count: number
  /** Milliseconds from the beginning of a cut until rows flowed again, of the newest 4,096 cuts, sorted. */
  readonly cutsMs: readonly number[]
  /** Of state and records, as they were given to the database. */
  readonly bytesWritten: number
  /** Of those the bytes of rows of state that changed. */
  readonly bytesChanged: number
  /** Of state that memory had no room for. */
  readonly bytesBeyond: number
  /** The epoch behind which it went on; null: it began anew. */
  readonly resumedFrom: number | null
  /** Milliseconds until the state on disk was opened and looked at, to its last byte. */
  readonly openMs: number
  /** Milliseconds until it was in memory again, beside the start of the workers. */
  readonly restoreMs: number
}

export interface RunResult {
  readonly rowsIn: number
  /** Of them, those that runs before it had read. */
  readonly rowsBefore: number
  readonly rowsOut: number
  readonly rowsDead: number
  readonly deadByReason: Readonly<Record<string, number>>
  readonly seconds: number
  /** Seconds from the first poll to the last sink: without starting workers and checking inputs. */
  readonly flowSeconds: number
  readonly outputs: readonly RunOutput[]
  /** Sums of null sinks that were asked for one, by sink id. */
  readonly checksums: Readonly<Record<string, number>>
  /** What the run counted: resent leases, halved batches, replies dropped, ... and the transforms' own counters. */
  readonly counters: Readonly<Record<string, number>>
  /** What each check of the job saw, in the order of the job. */
  readonly checks: readonly CheckReport[]
  /** Null: the run had none. */
  readonly epochs: EpochsReport | null
  /** The next run goes on where this one was. */
  readonly resumable: boolean
  /** How often the job failed and began again behind its last epoch. */
  readonly restarts: number
  /** A signal asked it to read no more. */
  readonly drained: boolean
  /** Unfinished: it was drained before the end of an input that has one, and replaced no output of a finished run. */
  readonly end: RunEnd
}

/** `cancel`, or the second signal. */
export class StoppedError extends AnabranchError {
  readonly class = 'WorkerError' as const

  constructor() {
    super('ANB3008', 'the run was cancelled before it was done', {
      detail: 'Files that were whole are in the output folder; what was being written is gone.',
    })
  }
}

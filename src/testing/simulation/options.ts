/** What is asked of a simulated run, and what is known of it afterwards. */
import { type AnabranchError, type ErrorCode } from '../../base/index.js'
import { type DeadLetter, type EngineTerms, type EpochTerms } from '../../runtime/index.js'
import { type Faults } from './faults.js'
import { type Job } from './job.js'
import { type Poison, type Row } from './rows.js'
import { type Beginning, type SavepointPlace } from './saving.js'
import { type SwapAsked } from './swapper.js'
import { type Timetable } from './timetable.js'

export interface SimulationOptions {
  readonly seed: number
  /** null: nothing is durable, and the host may not die. Left out: drawn. */
  readonly epochs?: EpochTerms | null
  /** Bytes of memory for state; null: no limit. Left out: drawn. */
  readonly budget?: number | null
  /** State may expire, and rows then depend on when they came. Left out: some does. */
  readonly expires?: boolean
  /** Seed of the job and its rows, where it is not `seed`. */
  readonly input?: number
  readonly terms?: Partial<EngineTerms>
  readonly faults?: Faults
  readonly poison?: Poison
  /** Rows of each source. */
  readonly rows?: number
  /** How long the service stays away that the transforms call. */
  readonly serviceAwayMs?: number
  /** Other numbers of workers while it runs. */
  readonly setWorkers?: readonly { readonly atMs: number; readonly workers: number }[]
  /** Other code while it runs. Left out: drawn, where the faults are. */
  readonly swaps?: readonly SwapAsked[]
  /** It is stopped so many milliseconds behind its beginning, goes on, and is stopped so many behind that. */
  readonly suspends?: readonly number[]
  /** A savepoint is asked for at this moment. */
  readonly save?: SavepointPlace & { readonly atMs: number }
  /** It begins at a savepoint of a run of the same job and input, whose outputs it goes on with. */
  readonly from?: Beginning
  /** The job must stop with this code; what came out before must be right. */
  readonly stops?: ErrorCode
  /** Keep the lines of the log. */
  readonly log?: boolean
}

export interface Simulated {
  readonly seed: number
  /** What is wrong, in sentences; empty where nothing is. */
  readonly wrong: readonly string[]
  readonly error: AnabranchError | null
  readonly sinks: ReadonlyMap<string, readonly Row[]>
  readonly order: Job['order']
  readonly letters: readonly DeadLetter[]
  /** Faults that struck and reactions of the engine, by name. */
  readonly counts: ReadonlyMap<string, number>
  readonly log: string
  readonly digest: string
  readonly virtualMs: number
  readonly calls: number
  /** Most batches that ever waited before one vertex, and the limit with what may have been under way. */
  readonly queue: { readonly most: number; readonly limit: number }
  readonly rows: number
  /** When state was read and written, for a run that goes on with this one. */
  readonly timetable: Timetable
  /** When it ended, as state is judged. */
  readonly wallMs: number
}

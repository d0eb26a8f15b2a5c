/**
 * What the runtime says to and hears from one worker process. The simulation has a process of its own behind the same
 * interface.
 */
import { type AnabranchError, type World } from '../../base/index.js'
import { type CallEnvelope, type Envelope, type Frame, type Heartbeat, type TablePart } from '../../transport/index.js'
import { type Memory } from '../../batch/index.js'

export interface WorkerOptions {
  readonly world: Pick<World, 'clock' | 'files' | 'processes'>
  /** The interpreter, as `findPython` answered it. */
  readonly python: string
  /** The folder that holds the package `anabranch`; put first on PYTHONPATH. */
  readonly packageFolder: string
  /** Version of that package; another one in HELLO is refused (ANB5002). */
  readonly packageVersion: string
  /** The run's private folder, for the socket. */
  readonly folder: string
  /** Folder of the job: where user code opens its files. */
  readonly cwd: string
  /** The run: 16 lower-case hex digits. */
  readonly job: string
  /** Number of this process in the run, from 1, never used twice. */
  readonly incarnation: number
  /** Secret that HELLO must repeat. */
  readonly token: string
  readonly role: 'user' | 'io'
  /** JSON of OPEN. */
  readonly open: Readonly<Record<string, unknown>>
  /** Size of the shared mapping; 0: bodies travel in the frames. */
  readonly mappingBytes: number
  /** Where replies are copied to from the mapping. */
  readonly memory: Memory
  /** Address space that the worker may use, 0: no limit. */
  readonly memoryBytes: number
  /** From the spawn to OPENED. */
  readonly startTimeoutMs: number
  /** How soon a process that stands still is noticed: `heartbeat` of the transport unless given. */
  readonly heartbeat?: Heartbeat
  /** The host's environment; a few names of it reach the worker (see `environment`). */
  readonly hostEnv: Readonly<Record<string, string | undefined>>
  /** Names of the host's environment that the job wants its transforms to see. */
  readonly passEnv: readonly string[]
}

/** HELLO and OPENED, checked. */
export interface WorkerReady {
  readonly pid: number
  readonly versions: Readonly<Record<'python' | 'package' | 'pyarrow' | 'numpy' | 'pyzmq', string>>
  /** OPENED as it came: `{ modules: [{ path, digest }], declared: { "module.py:function": digest }, ms }`. */
  readonly opened: Readonly<Record<string, unknown>>
}

export interface LogRecord {
  readonly level: string
  readonly logger: string
  readonly message: string
  readonly file: string
  readonly line: number
  readonly transform: string
}

export type LostBecause =
  /** The process ended by itself, or something outside ended it. */
  | 'exit'
  /** The connection broke while the process lived: it closed its descriptors, or sent more than it may. */
  | 'disconnect'
  /** The process was stopped (SIGSTOP, a frozen machine) and did not answer heartbeats for 20 s. */
  | 'heartbeat'
  /** It sent bytes that are not of the protocol. */
  | 'protocol'
  /** It answered OPEN with FAILED: `failed` says why. */
  | 'refused'
  /** It was not ready after `startTimeoutMs`. */
  | 'start-timeout'
  /** `kill()` was called. */
  | 'killed'
  /** `stop()` was called and it went. */
  | 'stopped'

/** The end of a process, told after it was reaped. */
export interface LostReason {
  readonly because: LostBecause
  readonly code: number | null
  /** `SIGSEGV`, `SIGKILL`, ... Our own kill shows as SIGKILL with another `because`. */
  readonly signal: string | null
  /** Whether it had been ready before. */
  readonly wasReady: boolean
  /** The last 16 KiB of stderr: the stack of faulthandler, the traceback of an import. */
  readonly stderr: string
  /** Most resident bytes seen, null where this system does not tell. */
  readonly peakRssBytes: number | null
  /** Typed, ready to be thrown; null only for `stopped` and `killed`. */
  readonly error: AnabranchError | null
  /** JSON of the ERROR table, for `refused`. */
  readonly failed: Readonly<Record<string, unknown>> | null
}

/**
 * Order: `started`, `ready`, then replies, logs and output as they come, `lost` last and exactly once. A reply that the
 * worker sent before it died is told before `lost`. None is called from inside `startWorker`, `call`, `kill` or `stop`.
 */
export interface WorkerEvents {
  /** The process is there: it has its pid. */
  started(): void
  ready(info: WorkerReady): void
  /** DONE or FAILED of a call that is out. Envelope, directory and sizes are checked, tables not; body and loan are the receiver's. */
  reply(frame: Frame): void
  log(record: LogRecord): void
  /** A line of stdout or stderr, without its end; at most 200 a second and stream, 8 KiB each. */
  output(stream: 'stdout' | 'stderr', line: string): void
  /** A frame that was not used: of another run or incarnation, or a reply to no call that is out. */
  dropped(why: 'foreign' | 'stale', envelope: Envelope): void
  lost(reason: LostReason): void
}

/** The parts of an envelope that a call chooses. */
export type Call = Omit<CallEnvelope, 'job' | 'incarnation'>

export interface WorkerProcess {
  /** Null before it is started. */
  readonly pid: number | null
  readonly incarnation: number
  /** Calls that are out. */
  readonly inFlight: number
  /**
   * Sends one call; only after `ready`. The tables are written before it returns, so their sources are free again.
   * `replyBytes` is how much the answer may need: space of that size is lent to it where the mapping has some.
   */
  call(call: Call, parts: readonly TablePart[], replyBytes?: number): void
  /** STOP, then the calls that are out, BYE, exit; SIGKILL after `graceMs`. Resolves when it is reaped. */
  stop(graceMs: number): Promise<void>
  /** SIGKILL to the process and everything that it started. `lost` follows. */
  kill(): void
  readonly stderrTail: string
}

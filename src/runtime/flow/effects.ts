/** What the engine asks of the world. None of these may call the engine back before it has returned. */
import { type AnabranchError, type ErrorClass, type ErrorCode } from '../../base/index.js'
import { type Batch } from '../../batch/index.js'
import { type PollLimit } from '../../connectors/index.js'
import { type TablePart } from '../../transport/index.js'

export interface CallMessage {
  readonly kind: 'call' | 'end'
  readonly stage: number
  readonly lane: number
  readonly sequence: number
  readonly attempt: number
  readonly rows: number
  readonly parts: readonly TablePart[]
}

/** One line of the dead letters, without the capture's path. */
export interface DeadLetter {
  readonly operator: string
  readonly transform: string
  readonly source: string
  /** Line or row in the source, from 1; null where no source row stands behind it. */
  readonly position: number | null
  readonly row: Readonly<Record<string, unknown>> | string
  readonly error: {
    readonly class: ErrorClass
    readonly code: ErrorCode
    readonly type: string
    readonly message: string
    readonly traceback: string
  }
  /** Arrow stream file of the failing call; null where no call failed. */
  readonly capture: (() => Uint8Array) | null
  readonly codeDigest: string
  readonly attempt: number
}

export interface Effects {
  poll(source: number, limit: PollLimit): void
  write(sink: number, batch: Batch): void
  /** No more rows for this sink. */
  finishSink(sink: number): void
  /** `code`: 1 for that of the beginning, one more after each swap. */
  spawn(worker: number, code: number): void
  call(worker: number, message: CallMessage): void
  /** Ends a worker that holds no lease. */
  stop(worker: number): void
  /** Ends a worker now; `lost` follows. */
  kill(worker: number, why: string): void
  bury(letter: DeadLetter): void
  /** Keeps the capture of a call that went well, under the stage's name. */
  keep(stage: string, capture: () => Uint8Array): void
  fail(error: AnabranchError): void
  /** Every sink has finished. */
  finish(): void
}

/**
 * A failure as data: what a worker reports about a call that raised, or what the host knows about a worker
 * that was lost with a call in hand. Its class decides (see `decide`); everything else is for people.
 */
import { type ErrorClass, type ErrorCode } from '../../base/index.js'

export interface Failure {
  readonly class: ErrorClass
  readonly code: ErrorCode
  /** Type of the Python exception, or the signal. */
  readonly type: string
  readonly message: string
  readonly traceback: string
  /** Index of the operator in its stage, where it is known. */
  readonly operator: number
  readonly retryAfterMs: number | null
  /** What the worker says to do; the catalogue says it where this is not there. */
  readonly hint?: string
}

/** How a worker was lost, seen from the batch that it had in hand. */
export type Loss =
  | {
      readonly kind: 'crash'
      readonly what: string
      readonly stderr: string
      readonly code: number | null
      readonly signal: string | null
    }
  | { readonly kind: 'deadline'; readonly what: string; readonly stderr: string }
  /** SIGKILL from outside (a person, or the kernel short of memory), a stopped process, a broken connection. */
  | { readonly kind: 'outside'; readonly what: string; readonly stderr: string }
  /** We ended it for what it sent or for its size: its batch is not to blame. */
  | { readonly kind: 'replaced'; readonly what: string; readonly stderr: string }

/** The signal or exit code of a process that ended by itself; null for every other end. */
export const endOfLoss = (loss: Loss): string | null =>
  loss.kind === 'crash' ? (loss.signal ?? `exit ${loss.code ?? '?'}`) : null

export function failureOfLoss(loss: Loss): Failure {
  const signal = endOfLoss(loss) ?? loss.kind
  return {
    class: 'WorkerError',
    code: 'ANB2008',
    type: signal,
    message: `expected an answer for this row, the worker ${loss.what}`,
    traceback: loss.stderr,
    operator: 0,
    retryAfterMs: null,
  }
}

/**
 * Restart: whether a job that failed begins again where its last epoch ended, and after what pause. Pure: it is told when the job
 * failed before, what it failed of, and a number by chance; it keeps nothing.
 *
 * What would be the same the next time is never tried again: a wrong plan, a broken contract, state that cannot be read, a
 * caller who may not. A disk that took no write may take one later.
 */
import { type AnabranchError, type ErrorClass, type ErrorCode } from '../../base/index.js'
import { type RestartPolicy } from '../../plan/index.js'

export type RestartDecision =
  | { readonly do: 'restart'; readonly delayMs: number }
  | { readonly do: 'give up'; readonly why: string }

const hopeless: ReadonlySet<ErrorClass> = new Set(['PlanError', 'ContractError', 'StateError', 'AccessError'])
const passing: ReadonlySet<ErrorCode> = new Set(['ANB6011'])

export interface Failures {
  readonly error: Pick<AnabranchError, 'class' | 'code'>
  /** When the job failed, ascending; the last one is the failure that is decided. */
  readonly atMs: readonly number[]
  /** In [0, 1). */
  readonly chance: number
}

export function decideRestart(policy: RestartPolicy | null, { error, atMs, chance }: Failures): RestartDecision {
  if (policy === null) return { do: 'give up', why: 'no restart policy is set' }
  if (hopeless.has(error.class) && !passing.has(error.code))
    return { do: 'give up', why: `a ${error.class} would come again` }
  switch (policy.policy) {
    case 'fixed-delay':
      return limited(policy.attempts, atMs.length, policy.delayMs)
    case 'failure-rate': {
      const { maxFailuresPerInterval: most, failureRateIntervalMs, delayMs } = policy
      const now = atMs.at(-1) ?? 0
      const recent = atMs.filter(at => now - at < failureRateIntervalMs).length
      if (recent <= most) return { do: 'restart', delayMs }
      return {
        do: 'give up',
        why: `it failed ${recent} times within ${failureRateIntervalMs / 1_000} s, at most ${most} are allowed`,
      }
    }
    case 'exponential-delay': {
      const { failures, backoffMs } = backoffOf(policy, atMs)
      const jitter = policy.jitterFactor * (2 * chance - 1)
      return limited(policy.attempts ?? Number.POSITIVE_INFINITY, failures, Math.round(backoffMs * (1 + jitter)))
    }
  }
}

function limited(attempts: number, failures: number, delayMs: number): RestartDecision {
  if (failures <= attempts) return { do: 'restart', delayMs }
  return { do: 'give up', why: `it was restarted ${attempts === 1 ? 'once' : `${attempts} times`}` }
}

/** Failures in a row, and the pause after the last one; a job that ran long enough between two of them begins anew. */
function backoffOf(
  policy: RestartPolicy & { readonly policy: 'exponential-delay' },
  atMs: readonly number[],
): { readonly failures: number; readonly backoffMs: number } {
  const { initialBackoffMs, maxBackoffMs, backoffMultiplier, resetBackoffThresholdMs } = policy
  let failures = 0
  let backoffMs = 0
  let before = Number.NEGATIVE_INFINITY
  for (const at of atMs) {
    const anew = at - before >= backoffMs + resetBackoffThresholdMs
    failures = anew ? 1 : failures + 1
    backoffMs = Math.min(maxBackoffMs, anew ? initialBackoffMs : backoffMs * backoffMultiplier)
    before = at
  }
  return { failures, backoffMs }
}

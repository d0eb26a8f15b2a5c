/**
 * Restart policies, read: how often and after what pause a job that failed begins again where its last epoch ended. Names and
 * defaults are Flink's (`restart-strategy`). The decision itself is made in `runtime/fault/restart.ts`.
 */
import { nearest } from '../base/index.js'
import { type RestartPolicy } from './nodes.js'
import { type Duration, msOf } from './units.js'

export type RestartOption =
  | 'none'
  | {
      readonly policy: 'fixed-delay'
      /** Restarts before the job fails for good. Default 1. */
      readonly attempts?: number
      /** Before each of them. Default 1 s. */
      readonly delay?: Duration
    }
  | {
      readonly policy: 'exponential-delay'
      /** Before the first restart. Default 1 s. */
      readonly initialBackoff?: Duration
      /** Default 1 minute. */
      readonly maxBackoff?: Duration
      /** How much longer each pause is than the one before, 1 or more. Default 1.5. */
      readonly backoffMultiplier?: number
      /** A job that ran so long without a failure begins with the first pause again. Default 1 h. */
      readonly resetBackoffThreshold?: Duration
      /** Part of the pause by which chance makes it longer or shorter, so that not all come at once; 0 to 1. Default 0.1. */
      readonly jitterFactor?: number
      /** Restarts before the job fails for good, unless it ran for `resetBackoffThreshold` in between. Default: no limit. */
      readonly attempts?: number
    }
  | {
      readonly policy: 'failure-rate'
      /** More failures than this within the interval, and the job fails for good. Default 1. */
      readonly maxFailuresPerInterval?: number
      /** Default 1 minute. */
      readonly failureRateInterval?: Duration
      /** Before each restart. Default 1 s. */
      readonly delay?: Duration
    }

const policies = ['none', 'fixed-delay', 'exponential-delay', 'failure-rate']

/** The policy, null for `none`; or what is wrong with what was given, in words. */
export function restartOf(given: unknown): { readonly policy: RestartPolicy | null } | { readonly wrong: string } {
  const fields = new Fields(given === 'none' ? { policy: 'none' } : given)
  const policy = policyOf(fields)
  const [wrong] = [...fields.wrong, ...fields.unknown]
  return wrong === undefined ? { policy } : { wrong }
}

function policyOf(fields: Fields): RestartPolicy | null {
  const name = fields.text('policy')
  switch (name) {
    case 'fixed-delay':
      return { policy: name, attempts: fields.count('attempts', 1), delayMs: fields.time('delay', 1_000) }
    case 'exponential-delay':
      return {
        policy: name,
        initialBackoffMs: fields.time('initialBackoff', 1_000),
        maxBackoffMs: fields.time('maxBackoff', 60_000),
        backoffMultiplier: fields.factor('backoffMultiplier', 1.5, { least: 1, most: 1_000 }),
        resetBackoffThresholdMs: fields.time('resetBackoffThreshold', 3_600_000),
        jitterFactor: fields.factor('jitterFactor', 0.1, { least: 0, most: 1 }),
        attempts: fields.count('attempts', null),
      }
    case 'failure-rate':
      return {
        policy: name,
        maxFailuresPerInterval: fields.count('maxFailuresPerInterval', 1),
        failureRateIntervalMs: fields.time('failureRateInterval', 60_000),
        delayMs: fields.time('delay', 1_000),
      }
    default:
      if (name !== 'none') fields.wrong.push(`policy must be one of ${policies.join(', ')}, but it is "${name}"`)
      return null
  }
}

/** Values of an option by name, as a job file gives them or the command line, which has only texts. */
class Fields {
  readonly wrong: string[] = []
  private readonly given: ReadonlyMap<string, unknown>
  private readonly known = new Set<string>()

  constructor(given: unknown) {
    this.given = new Map(typeof given === 'object' && given !== null ? Object.entries(given) : [])
  }

  /** Names that nobody asked for. */
  get unknown(): readonly string[] {
    return [...this.given.keys()]
      .filter(name => !this.known.has(name))
      .map(name => {
        const options = [...this.known].filter(known => known !== 'policy')
        const near = nearest(name, options)
        if (near !== null) return `there is no "${name}" in it; did you mean "${near}"?`
        return `there is no "${name}" in it, which takes ${options.length === 0 ? 'nothing more' : options.join(', ')}`
      })
  }

  text(name: string): string {
    const value = this.value(name)
    return typeof value === 'string' ? value : ''
  }

  time(name: string, otherwise: number): number {
    return this.read(name, otherwise, msOf, "a time such as '10s'")
  }

  count<T extends number | null>(name: string, otherwise: T): number | T {
    const read = (value: unknown): number | null => (/^[1-9]\d{0,8}$/.test(String(value)) ? Number(value) : null)
    return this.read<number | T>(name, otherwise, read, 'a whole number, 1 or more')
  }

  factor(name: string, otherwise: number, { least, most }: { readonly least: number; readonly most: number }): number {
    const read = (value: unknown): number | null => {
      const number = /^\d+([.]\d+)?$/.test(String(value)) ? Number(value) : Number.NaN
      return number >= least && number <= most ? number : null
    }
    return this.read(name, otherwise, read, `a number of ${least} to ${most}`)
  }

  private read<T>(name: string, otherwise: T, reader: (value: unknown) => T | null, allowed: string): T {
    const value = this.value(name)
    if (value === undefined) return otherwise
    const read = reader(value)
    if (read === null) this.wrong.push(`${name} must be ${allowed}, but it is ${JSON.stringify(value)}`)
    return read ?? otherwise
  }

  private value(name: string): unknown {
    this.known.add(name)
    return this.given.get(name)
  }
}

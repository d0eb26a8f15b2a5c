/**
 * Hold: a service that a transform calls is away. The lane waits and tries again, first soon, then seldom; its rows
 * stay where they are, and the queues behind it fill up to the source. It is given up after `transientMaxMs` without
 * one success of the operator. Pure: it is told the time.
 */
import { type Failure } from './failure.js'

const firstMs = 100
const lastMs = 10_000

export class Hold {
  private failures = 0
  private sinceMs: number | null = null

  constructor(private readonly maxMs: number) {}

  /** How long to wait before the next try; null: given up. */
  failed(nowMs: number, { retryAfterMs }: Pick<Failure, 'retryAfterMs'>): number | null {
    this.sinceMs ??= nowMs
    if (nowMs - this.sinceMs >= this.maxMs) return null
    this.failures += 1
    const backoff = Math.min(lastMs, firstMs * 2 ** (this.failures - 1))
    return Math.min(Math.max(backoff, retryAfterMs ?? 0), this.maxMs)
  }

  succeeded(): void {
    this.failures = 0
    this.sinceMs = null
  }
}

/**
 * Leases: a batch lent to a worker, which comes back once.
 *
 * `grant` writes down who has what; `settle` takes a reply's envelope and answers the lease it ends, or why it
 * ends none. A reply is used only if run, incarnation, sequence and attempt are those of a lease that is still
 * open, so a duplicate, a late or a forged reply changes nothing. A worker works through its leases in the order
 * of granting: only the first one has a clock that runs.
 */
import { invariant } from '../../base/index.js'

export interface Lease<Work> {
  readonly sequence: number
  readonly attempt: number
  readonly worker: number
  readonly work: Work
  /** Milliseconds the call may take once the worker begins it. */
  readonly allowedMs: number
  /** It was granted behind another one: where the worker dies, it may not have begun. */
  readonly behind: boolean
  /** When the worker could begin: granted, and everything before it settled. NaN while others stand before it. */
  startedMs: number
  /** Set by the first look that finds it over its time; the second look ends it (see `overdue`). */
  suspect: boolean
}

export interface ReplyKey {
  readonly incarnation: number
  readonly sequence: number
  readonly attempt: number
}

export class LeaseTable<Work> {
  private readonly byWorker = new Map<number, Lease<Work>[]>()
  private next = 1

  /** Leases out at one worker, oldest first. */
  of(worker: number): readonly Lease<Work>[] {
    return this.byWorker.get(worker) ?? []
  }

  get size(): number {
    let n = 0
    for (const leases of this.byWorker.values()) n += leases.length
    return n
  }

  grant(work: Work, terms: { worker: number; attempt: number; allowedMs: number; nowMs: number }): Lease<Work> {
    const mine = this.byWorker.get(terms.worker) ?? []
    const lease: Lease<Work> = {
      sequence: this.next,
      attempt: terms.attempt,
      worker: terms.worker,
      work,
      allowedMs: terms.allowedMs,
      behind: mine.length > 0,
      startedMs: mine.length === 0 ? terms.nowMs : Number.NaN,
      suspect: false,
    }
    this.next += 1
    mine.push(lease)
    this.byWorker.set(terms.worker, mine)
    return lease
  }

  /**
   * The lease that this reply ends, or null: the reply is a duplicate, or late, or belongs to nobody. The answer
   * is at most once a lease.
   */
  settle(worker: number, key: ReplyKey, nowMs: number): Lease<Work> | null {
    const mine = this.byWorker.get(worker)
    if (mine === undefined || key.incarnation !== worker) return null
    const at = mine.findIndex(l => l.sequence === key.sequence && l.attempt === key.attempt)
    if (at < 0) return null
    const lease = mine[at]
    invariant(lease !== undefined, 'findIndex answers an index of the array')
    mine.splice(at, 1)
    const head = mine[0]
    if (head !== undefined && Number.isNaN(head.startedMs)) head.startedMs = nowMs
    return lease
  }

  /** The worker is gone: its leases end, oldest first. The first one was being worked on. */
  lost(worker: number): readonly Lease<Work>[] {
    const mine = this.byWorker.get(worker) ?? []
    this.byWorker.delete(worker)
    return mine
  }

  /**
   * Workers whose first lease is over its time. A lease is judged on two looks with the event loop between them:
   * where the host itself stood still, the reply lies in the socket and is read before the second look.
   */
  overdue(nowMs: number): readonly number[] {
    const late: number[] = []
    for (const [worker, leases] of this.byWorker) {
      const head = leases[0]
      if (head === undefined || !(nowMs - head.startedMs > head.allowedMs)) continue
      if (head.suspect) late.push(worker)
      head.suspect = true
    }
    return late
  }
}

/**
 * The pool as a state machine: which workers there are, which may get work, when one more is started, when one
 * is replaced. It is told what happened and what time it is, and answers what to do; it starts nothing itself.
 *
 * `demand` workers are active, one more stands warm as a spare. Demand begins at 1 and grows while there is
 * work that no active worker can take. A spare becomes active in the moment in which an active one is lost, which is
 * why a dead worker costs one resend and no start; the next spare is started a little later.
 *
 * A worker proves itself by getting a batch, or by standing ready for a while. One that ends before that is a failed
 * start, whether it said that it was ready or not: the next one is started after a pause, and where nobody is left
 * after several in a row, the job stops. One that ends with a batch in hand is the batch's affair.
 */
import { WorkerError } from '../../base/index.js'

export interface PoolTerms {
  readonly workersMax: number
  /** Leases that one worker holds at a time: one that runs and one that waits, so that it never idles. */
  readonly creditPerWorker: number
  /** Starts in a row that may fail before the job stops. */
  readonly failedStartsMax: number
  /** The same where no worker was ever ready and all ended alike: a module that ends its process does so each time. */
  readonly alikeStartsMax: number
  /** Resident bytes above which a worker is replaced between batches. */
  readonly recycleBytes: number
  readonly spare: boolean
  /** A new spare starts so long after a loss: its imports would compete for the cores with the batch that runs again. */
  readonly spareDelayMs: number
}

/** `ending`: it was killed, its end is not known yet; whatever it were given now would be lost with it. */
export type WorkerState = 'starting' | 'ready' | 'draining' | 'ending'
interface Member {
  state: WorkerState
  /** Leases that are out. */
  load: number
  /** Nothing more until what it has is settled (see `granted`). */
  closed: boolean
  /** When it said that it was ready; NaN before. */
  readyMs: number
  /** It was given a batch. */
  worked: boolean
}

export type PoolAction =
  | { readonly do: 'spawn'; readonly worker: number }
  | { readonly do: 'stop'; readonly worker: number }
  | { readonly do: 'fail'; readonly error: WorkerError }

/** First pause after a failed start; doubles up to the last. */
const backoffFirstMs = 200
const backoffLastMs = 10_000
/** A worker that stood ready so long without a batch started well. */
const provenMs = 10_000

export class Pool {
  private readonly members = new Map<number, Member>()
  private next = 1
  private demand = 1
  private failedStarts = 0
  /** The last of them that ended in one way, and that way. */
  private alikeStarts = 0
  private lastEnd: string | null = null
  private notBeforeMs = 0
  /** The same where only the spare is missing. */
  private spareNotBeforeMs = 0
  private everReady = false
  private lastFailure = ''
  private closing = false

  constructor(private readonly terms: PoolTerms) {}

  get readyCount(): number {
    return [...this.members.values()].filter(m => m.state === 'ready').length
  }

  get activeCount(): number {
    return Math.min(this.demand, this.readyCount)
  }

  /** What has to be started, stopped or given up now. */
  actions(nowMs: number): readonly PoolAction[] {
    const out: PoolAction[] = []
    for (const [worker, member] of this.members)
      if (member.state === 'draining' && member.load === 0) {
        this.members.delete(worker)
        out.push({ do: 'stop', worker })
      }
    if (this.closing) return out
    if (this.hopeless && this.readyCount === 0) {
      const message = `expected a worker to start and stay, ${this.failedStarts} in a row ended before their first batch`
      return [...out, { do: 'fail', error: new WorkerError('ANB3004', message, { detail: this.lastFailure }) }]
    }
    const alive = [...this.members.values()].filter(m => m.state === 'starting' || m.state === 'ready').length
    // The spare waits until the first worker is ready: on a small machine two starts at once delay the first row.
    const wanted = this.everReady ? this.demand + (this.terms.spare ? 1 : 0) : 1
    const starting = [...this.members.values()].some(m => m.state === 'starting')
    const failing = this.failedStarts > 0
    if (alive < wanted && nowMs >= this.startMs && !(failing && starting))
      for (let n = alive; n < (failing ? alive + 1 : wanted); n += 1) {
        const worker = this.next
        this.next += 1
        this.members.set(worker, { state: 'starting', load: 0, closed: false, readyMs: Number.NaN, worked: false })
        out.push({ do: 'spawn', worker })
      }
    return out
  }

  /** When the next start may be. */
  private get startMs(): number {
    return this.readyCount >= this.demand ? Math.max(this.notBeforeMs, this.spareNotBeforeMs) : this.notBeforeMs
  }

  private get hopeless(): boolean {
    const { failedStarts, alikeStarts } = this
    const alike = !this.everReady && alikeStarts === failedStarts && alikeStarts > this.terms.alikeStartsMax
    return alike || this.failedStarts > this.terms.failedStartsMax
  }

  /** When `actions` wants to be asked again although nothing happened; null: only after the next event. */
  wakeMs(nowMs: number): number | null {
    return this.startMs > nowMs ? this.startMs : null
  }

  ready(worker: number, nowMs: number): void {
    const member = this.members.get(worker)
    if (member?.state !== 'starting') return
    member.state = 'ready'
    member.readyMs = nowMs
    this.everReady = true
  }

  /**
   * A worker is gone. Answers whether it had been ready. `end` is the signal or exit code where it ended by itself, `why`
   * is for people.
   */
  lost(worker: number, nowMs: number, { end, why }: { readonly end: string | null; readonly why: string }): boolean {
    const member = this.members.get(worker)
    this.members.delete(worker)
    if (member === undefined) return false
    const wasReady = !Number.isNaN(member.readyMs)
    if (member.worked) {
      this.spareNotBeforeMs = nowMs + this.terms.spareDelayMs
      return wasReady
    }
    if (nowMs - member.readyMs >= provenMs) {
      this.failedStarts = 0
      return wasReady
    }
    this.failedStarts += 1
    this.alikeStarts = end !== null && end === this.lastEnd ? this.alikeStarts + 1 : 1
    this.lastEnd = end
    this.lastFailure = why
    this.notBeforeMs = nowMs + Math.min(backoffLastMs, backoffFirstMs * 2 ** (this.failedStarts - 1))
    return wasReady
  }

  /** The active worker with the least to do that has credit; null where none has. */
  pick(): number | null {
    let best: number | null = null
    let bestLoad = this.terms.creditPerWorker
    let active = this.demand
    for (const [worker, member] of this.members) {
      if (member.state !== 'ready') continue
      if (active === 0) break
      active -= 1
      if (member.load < bestLoad && !member.closed) {
        best = worker
        bestLoad = member.load
      }
    }
    return best
  }

  /** Work waits and `pick` found nobody: one more worker from now on, up to the limit. */
  wantMore(): void {
    if (this.demand < this.terms.workersMax && this.readyCount >= this.demand) this.demand += 1
  }

  /**
   * `last`: nothing is granted behind it before it is settled. A worker that dies takes replies with it that it had
   * not yet handed to the socket, so the batch that seems to have killed it may be the one before the guilty one.
   */
  granted(worker: number, last: boolean): void {
    const member = this.members.get(worker)
    if (member === undefined) return
    member.load += 1
    member.closed = last
    if (!member.worked) this.failedStarts = 0
    member.worked = true
  }

  /** It was killed: no more work for it. */
  ending(worker: number): void {
    const member = this.members.get(worker)
    if (member !== undefined) member.state = 'ending'
  }

  settled(worker: number, rssBytes: number): void {
    const member = this.members.get(worker)
    if (member === undefined) return
    member.load -= 1
    member.closed = false
    if (rssBytes > this.terms.recycleBytes && member.state === 'ready') member.state = 'draining'
  }

  /** No more starts; whoever is idle is stopped. */
  close(): void {
    this.closing = true
    for (const member of this.members.values()) if (member.state === 'ready') member.state = 'draining'
  }

  get workers(): readonly number[] {
    return [...this.members.keys()]
  }
}

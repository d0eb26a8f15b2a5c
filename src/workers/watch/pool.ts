/**
 * The pool as a state machine: which workers there are, which may get work, when one more is started, when one
 * is replaced. It is told what happened and what time it is, and answers what to do; it starts nothing itself.
 *
 * `demand` workers are active, and spares stand warm beside them. Demand begins with the least and grows while there is
 * work that no active worker can take, or as `want` says. Where it falls, idle workers are stopped first, the others when
 * what they have is settled: nothing that a worker holds would be missed. A spare becomes active in the moment in which an active one is lost, which is
 * why a dead worker costs one resend and no start; the next spare is started a little later.
 *
 * A worker proves itself by getting a batch, or by standing ready for a while. One that ends before that is a failed
 * start, whether it said that it was ready or not: the next one is started after a pause, and where nobody is left
 * after several in a row, the job stops. One that ends with a batch in hand is the batch's affair.
 */
import { WorkerError } from '../../base/index.js'
import { limitIn } from '../limits.js'

export interface PoolTerms {
  /** Null: as many as there is work for, at once. Else: at least so many, and more or fewer by load (see `want`). */
  readonly workersMin: number | null
  readonly workersMax: number
  /** Leases that one worker holds at a time: one that runs and one that waits, so that it never idles. */
  readonly creditPerWorker: number
  /** Starts in a row that may fail before the job stops. */
  readonly failedStartsMax: number
  /** The same where no worker was ever ready and all ended alike: a module that ends its process does so each time. */
  readonly alikeStartsMax: number
  /** Resident bytes above which a worker is replaced between batches. */
  readonly recycleBytes: number
  /** Warm workers that wait for the loss of an active one. */
  readonly spares: number
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
  /** Batches that it was given. */
  calls: number
  /** Resident bytes, as its last reply said. */
  rssBytes: number
  /** Number of the code that it runs. */
  readonly code: number
}

export interface WorkerReport {
  readonly worker: number
  readonly state: WorkerState | 'spare'
  readonly leases: number
  readonly calls: number
  /** As its last reply said; 0 before. */
  readonly rssBytes: number
}

export interface PoolReport {
  readonly min: number
  readonly max: number
  /** It grows and shrinks by load. */
  readonly byLoad: boolean
  /** Workers that may get work, where so many are ready. */
  readonly wanted: number
  readonly spares: number
  /** Workers that were lost and replaced. */
  readonly restarts: number
  readonly workers: readonly WorkerReport[]
}

export type PoolAction =
  | { readonly do: 'spawn'; readonly worker: number; readonly code: number }
  | { readonly do: 'stop'; readonly worker: number; readonly why: 'recycled' | 'surplus' }
  | { readonly do: 'fail'; readonly error: WorkerError }

/** First pause after a failed start; doubles up to the last. */
const backoffFirstMs = 200
const backoffLastMs = 10_000
/** A worker that stood ready so long without a batch started well. */
const provenMs = 10_000

export class Pool {
  private readonly members = new Map<number, Member>()
  private next = 1
  private demand: number
  private restarts = 0
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
  private code: number
  /** Workers with the next code that shall stand ready beside the others. */
  private warming = 0

  /** @param code number of the code that its first workers run */
  constructor(
    private terms: PoolTerms,
    code = 1,
  ) {
    this.code = code
    this.demand = terms.workersMin ?? 1
  }

  /** More or fewer workers from now on, while leases are out. */
  resize(range: Pick<PoolTerms, 'workersMin' | 'workersMax'>): void {
    this.terms = { ...this.terms, ...range }
    this.want(this.demand)
  }

  /** So many active workers, as far as the terms allow. */
  want(workers: number): void {
    this.demand = Math.min(this.terms.workersMax, Math.max(this.terms.workersMin ?? 1, workers))
  }

  get wanted(): number {
    return this.demand
  }

  get byLoad(): boolean {
    return this.terms.workersMin !== null
  }

  get readyCount(): number {
    return this.own.filter(m => m.state === 'ready').length
  }

  get activeCount(): number {
    return Math.min(this.demand, this.readyCount)
  }

  /** What has to be started, stopped or given up now. */
  actions(nowMs: number): readonly PoolAction[] {
    const out: PoolAction[] = []
    this.drainSurplus()
    for (const [worker, member] of this.members)
      if (member.state === 'draining' && member.load === 0) {
        this.members.delete(worker)
        out.push({ do: 'stop', worker, why: member.rssBytes > this.terms.recycleBytes ? 'recycled' : 'surplus' })
      }
    if (this.closing) return out
    if (this.hopeless && this.readyCount === 0) {
      const message = `expected a worker to start and stay, ${this.failedStarts} in a row ended before their first batch`
      const { lastFailure: detail } = this
      const limit = limitIn(detail)
      const error = new WorkerError(limit === null ? 'ANB3004' : 'ANB8004', message, { detail, ...limit })
      return [...out, { do: 'fail', error }]
    }
    const alive = this.own.filter(m => m.state === 'starting' || m.state === 'ready').length
    // The spare waits until the first worker is ready: on a small machine two starts at once delay the first row.
    const wanted = this.everReady ? this.demand + this.terms.spares : 1
    const starting = this.own.some(m => m.state === 'starting')
    const failing = this.failedStarts > 0
    if (alive < wanted && nowMs >= this.startMs && !(failing && starting))
      for (let n = alive; n < (failing ? alive + 1 : wanted); n += 1) out.push(this.spawn(this.code))
    for (let n = this.coming.length; n < this.warming; n += 1) out.push(this.spawn(this.code + 1))
    return out
  }

  private spawn(code: number): PoolAction {
    const worker = this.next
    this.next += 1
    const none = { load: 0, closed: false, readyMs: Number.NaN, calls: 0, rssBytes: 0 }
    this.members.set(worker, { ...none, state: 'starting', code })
    return { do: 'spawn', worker, code }
  }

  /** Those that run the code of now. */
  private get own(): readonly Member[] {
    return [...this.members.values()].filter(m => m.code === this.code)
  }

  /** Those that stand ready, or will, with the next one. */
  private get coming(): readonly Member[] {
    return [...this.members.values()].filter(m => m.code > this.code && (m.state === 'starting' || m.state === 'ready'))
  }

  get codeNow(): number {
    return this.code
  }

  /** Workers with the next code stand ready beside the others, as many as are active now; they get no work yet. */
  warm(): void {
    this.warming = Math.max(1, this.activeCount)
  }

  get warmed(): boolean {
    return this.warming > 0 && this.coming.filter(m => m.state === 'ready').length >= this.warming
  }

  /** It was started for the next code. */
  isComing(worker: number): boolean {
    return (this.members.get(worker)?.code ?? 0) > this.code
  }

  /** The next code is not wanted any more. */
  cool(): void {
    this.warming = 0
    for (const member of this.coming) member.state = 'draining'
  }

  /** Work goes to the workers with the next code from now on; the others end. */
  changeCode(): void {
    for (const member of this.own) if (member.state !== 'ending') member.state = 'draining'
    this.code += 1
    this.warming = 0
    this.failedStarts = 0
    this.alikeStarts = 0
  }

  /** Those that stand ready and are neither wanted nor spares: idle ones before busy ones, the youngest first. */
  private drainSurplus(): void {
    const surplus = this.readyCount - this.demand - this.terms.spares
    if (surplus <= 0 || this.closing) return
    const ready = this.own.filter(m => m.state === 'ready').toReversed()
    const idleFirst = [...ready.filter(m => m.load === 0), ...ready.filter(m => m.load > 0)]
    for (const member of idleFirst.slice(0, surplus)) member.state = 'draining'
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
    if (member.code > this.code) return wasReady
    this.restarts += 1
    if (member.calls > 0) {
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
      if (member.state !== 'ready' || member.code !== this.code) continue
      if (active === 0) break
      active -= 1
      if (member.load < bestLoad && !member.closed) {
        best = worker
        bestLoad = member.load
      }
    }
    return best
  }

  /** Work waits and `pick` found nobody: one more worker from now on, up to the limit; by load only where that says so. */
  wantMore(): void {
    if (!this.byLoad && this.demand < this.terms.workersMax && this.readyCount >= this.demand) this.demand += 1
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
    if (member.calls === 0) this.failedStarts = 0
    member.calls += 1
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
    if (rssBytes > 0) member.rssBytes = rssBytes
    if (rssBytes > this.terms.recycleBytes && member.state === 'ready') member.state = 'draining'
  }

  /** No more starts; whoever is idle is stopped. */
  close(): void {
    this.closing = true
    for (const member of this.members.values()) if (member.state === 'ready') member.state = 'draining'
  }

  /** Active workers that have a batch in hand. */
  get busyCount(): number {
    return [...this.members.values()].filter(m => m.load > 0).length
  }

  get report(): PoolReport {
    const { workersMin, workersMax, spares } = this.terms
    let active = this.demand
    return {
      min: workersMin ?? 1,
      max: workersMax,
      byLoad: this.byLoad,
      wanted: this.demand,
      spares,
      restarts: this.restarts,
      workers: [...this.members].map(([worker, { state, load, calls, rssBytes, code }]) => {
        if (state === 'ready' && code === this.code) active -= 1
        return {
          worker,
          state: state === 'ready' && (active < 0 || code > this.code) ? 'spare' : state,
          leases: load,
          calls,
          rssBytes,
        }
      }),
    }
  }

  get workers(): readonly number[] {
    return [...this.members.keys()]
  }
}

/**
 * Calls: what is out with the workers. Each lease ends once: by its answer, or with its worker, whose other leases come back
 * with it. What a worker that is ended for its frames still says is not heard.
 */
import { AnabranchError, type Observer } from '../../base/index.js'
import { LeaseTable, type Pool, type ReplyKey } from '../../workers/index.js'
import { type Failure, type Loss, endOfLoss } from '../fault/index.js'
import { type Effects } from './effects.js'
import { type Work, grantAll } from './grant.js'
import { type Graph } from './graph.js'
import { type Answer, type Settled, type Settlement } from './settle.js'

interface CallsParts {
  readonly graph: Graph
  readonly pool: Pool
  readonly settlement: Settlement
  readonly effects: Effects
  readonly observer: Observer
  /** Ends the job where there is an error. */
  readonly stopOn: (error: AnabranchError | null) => void
}

export class Calls {
  private readonly leases = new LeaseTable<Work>()
  /** Workers that we ended for what they sent. */
  private readonly condemned = new Set<number>()

  constructor(private readonly parts: CallsParts) {}

  /** How many are out. */
  get size(): number {
    return this.leases.size
  }

  /** Gives the workers what they can take. */
  grant(nowMs: number): { readonly granted: boolean; readonly starved: boolean } {
    const { graph, pool, settlement, effects, stopOn } = this.parts
    const to = { leases: this.leases, effects, tap: settlement.tap, nowMs }
    const { granted, starved, error } = grantAll(graph.stagesSinksFirst, pool, to)
    stopOn(error)
    return { granted, starved }
  }

  /** DONE of a call. Consumes the answer. */
  done(worker: number, key: ReplyKey, answer: Answer, nowMs: number): void {
    const { settlement, graph } = this.parts
    const heard = this.settle(worker, key, nowMs, work =>
      // What it writes lives from now on, whenever it is applied.
      settlement.done(work, answer, accept => this.ended(work, graph.asOf(nowMs, accept))),
    )
    if (!heard) answer.loan?.release()
  }

  /** FAILED of a call. */
  failed(worker: number, key: ReplyKey, failure: Failure, nowMs: number): void {
    this.settle(worker, key, nowMs, work => this.parts.settlement.failed(work, failure, nowMs))
  }

  /** Their worker is gone. */
  lost(worker: number, loss: Loss, nowMs: number): void {
    const { graph, pool, settlement, observer, stopOn } = this.parts
    const wasReady = pool.lost(worker, nowMs, { end: endOfLoss(loss), why: `${loss.what}\n${loss.stderr}` })
    this.condemned.delete(worker)
    if (!wasReady) return
    observer.count('worker.lost', 1, { kind: loss.kind })
    this.leases.lost(worker).forEach((lease, i) => {
      lease.work.stage.meter.ended()
      const blamed = i === 0 && loss.kind !== 'replaced' ? { loss, begun: !lease.behind } : null
      stopOn(settlement.lost(lease.work, blamed))
      graph.emit(lease.work)
    })
  }

  /** Ends the workers that took longer than they may. */
  endOverdue(nowMs: number): void {
    for (const worker of this.leases.overdue(nowMs)) this.kill(worker, 'deadline')
  }

  /** What a worker sent is no frame of ours: it is replaced, its batches are sent again. */
  replace(worker: number, error: AnabranchError): void {
    this.parts.observer.log('warning', `worker ${worker} is replaced: ${error.message}`)
    this.condemned.add(worker)
    this.refused(error)
    this.kill(worker, 'protocol')
  }

  /** A frame could not be accepted; twice in a row stops the job. */
  refused(error: AnabranchError): void {
    const { observer, settlement, stopOn } = this.parts
    observer.count('frame.refused')
    stopOn(settlement.refused(error))
  }

  /** Answers whether the worker was heard. */
  private settle(worker: number, key: ReplyKey, nowMs: number, apply: (work: Work) => Settled): boolean {
    const { pool, settlement, observer } = this.parts
    const lease = this.condemned.has(worker) ? null : this.leases.settle(worker, key, nowMs)
    if (lease === null) {
      observer.count('reply.stale')
      return false
    }
    lease.work.stage.meter.ended()
    const answer = apply(lease.work)
    pool.settled(worker, answer instanceof AnabranchError ? 0 : answer.rssBytes)
    if (answer instanceof AnabranchError && answer.class === 'ProtocolError') {
      settlement.again(lease.work)
      this.replace(worker, answer)
    } else this.ended(lease.work, answer)
    return true
  }

  private ended(work: Work, end: Settled): void {
    const { graph, stopOn } = this.parts
    if (end instanceof AnabranchError) stopOn(end)
    else graph.emit(work)
  }

  private kill(worker: number, why: string): void {
    this.parts.pool.ending(worker)
    this.parts.effects.kill(worker, why)
  }
}

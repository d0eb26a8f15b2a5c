/**
 * The engine: one job as a deterministic state machine. Events come in (rows of a source, a reply, a lost worker, a
 * tick), effects go out (poll, write, call, kill). It reads no clock, touches no socket and holds no promise, so a
 * seeded simulation runs it unchanged; the same events give the same effects.
 *
 * After each event it pumps: rows move downstream first, then work is granted (stages near the sinks before those
 * near the sources), then sources are polled that have room before them. That order is the back-pressure.
 */
import { AnabranchError, type Observer, invariant } from '../../base/index.js'
import { type Memory } from '../../batch/index.js'
import { type Polled, type RunEnd } from '../../connectors/index.js'
import { type Topology } from '../../plan/index.js'
import { LeaseTable, Pool, type PoolTerms, type ReplyKey } from '../../workers/index.js'
import { type Failure, type Loss, endOfLoss } from '../fault/index.js'
import { PoolSize } from '../pace/index.js'
import { type CaptureTerms } from './capture.js'
import { type CheckReport } from './check-tally.js'
import { type Effects } from './effects.js'
import { type EngineReport, Gauges } from './gauges.js'
import { type Graph, buildGraph } from './graph.js'
import { Ledger } from './ledger.js'
import { type Work, grantWork } from './grant.js'
import { behindAll } from './row-order.js'
import { Sampling } from './sampling.js'
import { type Answer, Settlement } from './settle.js'
import { type SinkVertex, type SourceVertex } from './vertices.js'

export interface EngineTerms {
  readonly lanes: number
  readonly keyGroups: number
  /** `--batch-rows`; rows of one call at most. */
  readonly rowsMax: number
  readonly pool: PoolTerms
  readonly transientMaxMs: number
  /** Dead rows of the whole job before it stops; null: the default rule of `DeadLimit`. */
  readonly maxDead: number | null
  readonly captures: CaptureTerms
  /** Index of each source that has an end. */
  readonly bounded: ReadonlySet<number>
  /** Where rows are copied to. */
  readonly memory: Memory
}

/** Bytes of one poll: a batch of rows as the source gives it. */
const pollBytesMax = 4 << 20

export class Engine {
  readonly ledger: Ledger
  private readonly graph: Graph
  private readonly pool: Pool
  private readonly gauges: Gauges
  private readonly poolSize = new PoolSize()
  /** After the last event work waited that no worker could take. */
  private starved = false
  private readonly leases = new LeaseTable<Work>()
  private readonly settlement: Settlement
  /** Workers that we ended for what they sent: what else they say is not heard. */
  private readonly condemned = new Set<number>()
  private failed = false
  private finished = false
  private opened = false
  private cut = false
  private readonly bounded: ReadonlySet<number>
  private nowMs = 0

  constructor(
    topology: Topology,
    terms: EngineTerms,
    private readonly effects: Effects,
    private readonly observer: Observer,
  ) {
    this.bounded = terms.bounded
    this.pool = new Pool(terms.pool)
    this.ledger = new Ledger(terms.maxDead, terms.captures, effects, observer)
    this.graph = buildGraph(topology, terms, {
      observer,
      ended: stage => this.stopOn(this.settlement.ended(stage)),
      nullKeys: (stage, rows) => this.stopOn(this.ledger.nullKeys(stage, rows)),
    })
    this.gauges = new Gauges(this.graph, this.ledger, this.pool)
    this.settlement = new Settlement(this.ledger, new Sampling(terms.captures, effects), observer)
  }

  /** The first worker may start. */
  start(nowMs: number): void {
    this.event(nowMs, () => undefined)
  }

  /** Sources and sinks are open: rows may flow. */
  open(nowMs: number): void {
    this.event(nowMs, () => {
      this.opened = true
    })
  }

  /** A poll is answered; null: the source has ended. */
  polled(source: number, polled: Polled | null, nowMs: number): void {
    this.event(nowMs, () => {
      const vertex = this.source(source)
      invariant(vertex.polling, 'a poll is answered once')
      vertex.polling = false
      if (polled === null) {
        vertex.ended = true
        vertex.front = behindAll
        vertex.output.end()
        return
      }
      const split = this.ledger.split(vertex.id, polled.split)
      vertex.front = this.graph.order.ofSource(source, split, nextPosition(polled))
      this.stopOn(this.ledger.polled(vertex.id, polled))
      const origin =
        polled.positions === null
          ? ({ kind: 'run', split, first: polled.firstPosition } as const)
          : ({
              kind: 'each',
              split: new Int32Array(polled.batch.rows).fill(split),
              position: polled.positions,
            } as const)
      vertex.output.emit({ batch: polled.batch, origin, loan: polled.loan })
    })
  }

  /** The sources are asked to give no more: one that has an end and is not there yet is cut. */
  drain(): void {
    this.cut ||= this.graph.sources.some(source => this.bounded.has(source.index) && !source.ended)
  }

  get end(): RunEnd {
    return this.cut ? 'unfinished' : 'finished'
  }

  /** A write is done: the sink takes the next one. */
  written(sink: number, nowMs: number): void {
    this.event(nowMs, () => {
      this.sink(sink).written()
    })
  }

  sinkFinished(sink: number, nowMs: number): void {
    this.event(nowMs, () => {
      this.sink(sink).finished = true
    })
  }

  /** A worker has opened the job's modules. */
  ready(worker: number, nowMs: number): void {
    this.event(nowMs, () => this.pool.ready(worker, nowMs))
  }

  /** A worker is gone, reaped. */
  lost(worker: number, loss: Loss, nowMs: number): void {
    this.event(nowMs, () => {
      const wasReady = this.pool.lost(worker, nowMs, { end: endOfLoss(loss), why: `${loss.what}\n${loss.stderr}` })
      this.condemned.delete(worker)
      if (!wasReady) return
      this.observer.count('worker.lost', 1, { kind: loss.kind })
      this.leases.lost(worker).forEach((lease, i) => {
        lease.work.stage.meter.ended()
        const blamed = i === 0 && loss.kind !== 'replaced' ? { loss, begun: !lease.behind } : null
        this.stopOn(this.settlement.lost(lease.work, blamed))
        this.graph.emit(lease.work)
      })
    })
  }

  /** DONE of a call. Consumes the answer. */
  done(worker: number, key: ReplyKey, answer: Answer, nowMs: number): void {
    const heard = this.settle(worker, key, nowMs, work => this.settlement.done(work, answer))
    if (!heard) answer.loan?.release()
  }

  /** FAILED of a call. */
  callFailed(worker: number, key: ReplyKey, failure: Failure, nowMs: number): void {
    this.settle(worker, key, nowMs, work => this.settlement.failed(work, failure, nowMs))
  }

  /** What a worker sent is no frame of ours: it is replaced, its batches are sent again. */
  broken(worker: number, error: AnabranchError, nowMs: number): void {
    this.event(nowMs, () => this.replace(worker, error))
  }

  /** The outside failed (a source, a sink). */
  stop(error: AnabranchError): void {
    this.stopOn(error)
  }

  /** A frame could not be accepted and its worker is gone already; twice in a row stops the job. */
  refused(error: AnabranchError): void {
    this.observer.count('frame.refused')
    this.stopOn(this.settlement.refused(error))
  }

  tick(nowMs: number): void {
    this.event(nowMs, () => {
      for (const worker of this.leases.overdue(nowMs)) this.kill(worker, 'deadline')
    })
  }

  /** When the engine wants a tick although nothing happens; null: no hurry. */
  wakeMs(nowMs: number): number | null {
    const times = [this.pool.wakeMs(nowMs), ...this.graph.stages.map(s => s.wakeMs(nowMs))].filter(ms => ms !== null)
    return times.length === 0 ? null : Math.min(...times)
  }

  get activeWorkers(): number {
    return this.pool.activeCount
  }

  /** Other limits for the pool while it works: lanes and state stay where they are. */
  setWorkers(range: Pick<PoolTerms, 'workersMin' | 'workersMax'>, nowMs: number): void {
    this.event(nowMs, () => {
      this.pool.resize(range)
      this.graph.widen(range.workersMax)
    })
  }

  /** What an operator sees. */
  report(nowMs: number): EngineReport {
    return this.gauges.report(nowMs)
  }

  /** No lease is out and no row waits anywhere. */
  get atRest(): boolean {
    return this.leases.size === 0 && this.graph.idle
  }

  /** Batches that wait before each vertex. */
  get queued(): readonly number[] {
    return this.graph.edges.map(e => e.batches)
  }

  /** Rows that each sink was given. */
  get sinkRows(): readonly number[] {
    return this.graph.sinks.map(s => s.rows)
  }

  private settle(
    worker: number,
    key: ReplyKey,
    nowMs: number,
    apply: (work: Work) => { rssBytes: number } | AnabranchError,
  ): boolean {
    let heard = false
    this.event(nowMs, () => {
      const lease = this.condemned.has(worker) ? null : this.leases.settle(worker, key, nowMs)
      if (lease === null) {
        this.observer.count('reply.stale')
        return
      }
      heard = true
      lease.work.stage.meter.ended()
      const answer = apply(lease.work)
      this.pool.settled(worker, answer instanceof AnabranchError ? 0 : answer.rssBytes)
      if (!(answer instanceof AnabranchError)) this.graph.emit(lease.work)
      else if (answer.class === 'ProtocolError') {
        this.settlement.again(lease.work)
        this.replace(worker, answer)
      } else this.stopOn(answer)
    })
    return heard
  }

  private replace(worker: number, error: AnabranchError): void {
    this.observer.log('warning', `worker ${worker} is replaced: ${error.message}`)
    this.condemned.add(worker)
    this.refused(error)
    this.kill(worker, 'protocol')
  }

  private kill(worker: number, why: string): void {
    this.pool.ending(worker)
    this.effects.kill(worker, why)
  }

  private event(nowMs: number, change: () => void): void {
    if (this.failed || this.finished) return
    this.nowMs = nowMs
    this.weigh(this.gauges.passed(nowMs))
    change()
    this.pump()
  }

  /** What was so since the last event, for a pool whose size follows its load. */
  private weigh(ms: number): void {
    const { pool, starved } = this
    if (!pool.byLoad || ms === 0) return
    const change = this.poolSize.observe({ ms, busy: pool.busyCount, active: pool.activeCount, starved })
    // Who was asked for last has to show first whether it is enough.
    if (change < 0 || pool.readyCount >= pool.wanted) pool.want(pool.wanted + change)
  }

  private stopOn(error: AnabranchError | null): void {
    if (error === null || this.failed) return
    this.failed = true
    this.effects.fail(error)
  }

  private pump(): void {
    let moved = true
    while (moved && !this.failed) {
      moved = this.opened && this.graph.advance(this.effects)
      moved = this.grant() || moved
    }
    if (this.failed) return
    if (this.opened) this.poll()
    for (const action of this.pool.actions(this.nowMs)) {
      if (action.do === 'spawn') this.effects.spawn(action.worker)
      else if (action.do === 'stop') {
        this.observer.count(`worker.${action.why}`)
        this.effects.stop(action.worker)
      } else this.stopOn(action.error)
    }
    if (!this.finished && this.opened && this.graph.sinks.every(s => s.finished)) {
      this.finished = true
      this.pool.close()
      this.effects.finish()
    }
  }

  /** What each check saw so far. */
  get checks(): readonly CheckReport[] {
    return this.graph.stages.flatMap(stage => [...stage.checks.values()].map(check => check.report()))
  }

  private grant(): boolean {
    let granted = false
    this.starved = false
    for (const stage of this.graph.stagesSinksFirst)
      while (stage.runnable(this.nowMs)) {
        const worker = this.pool.pick()
        if (worker === null) {
          this.starved = true
          this.pool.wantMore()
          return granted
        }
        const ticket = stage.next(this.nowMs)
        if (ticket === null) break
        const { suspicious } = grantWork(stage, ticket, worker, {
          leases: this.leases,
          effects: this.effects,
          nowMs: this.nowMs,
        })
        this.pool.granted(worker, suspicious)
        granted = true
      }
    return granted
  }

  private poll(): void {
    for (const source of this.graph.sources) {
      if (source.polling || source.ended || !source.output.room) continue
      source.polling = true
      this.effects.poll(source.index, { rowsMax: this.graph.rowsWanted, bytesMax: pollBytesMax })
    }
  }

  private source(index: number): SourceVertex {
    const vertex = this.graph.sources[index]
    invariant(vertex !== undefined, 'a source is named by its index')
    return vertex
  }

  private sink(index: number): SinkVertex {
    const vertex = this.graph.sinks[index]
    invariant(vertex !== undefined, 'a sink is named by its index')
    return vertex
  }
}

/** Behind the last row or line that was given. */
function nextPosition({ batch, firstPosition, positions, dead }: Polled): number {
  const last = positions === null ? firstPosition + batch.rows - 1 : (positions.at(-1) ?? firstPosition - 1)
  return Math.max(last, dead.at(-1)?.position ?? 0) + 1
}

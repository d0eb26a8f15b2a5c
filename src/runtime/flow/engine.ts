/**
 * The engine: one job as a deterministic state machine. Events come in (rows of a source, a reply, a lost worker, a
 * tick), effects go out (poll, write, call, kill). It reads no clock, touches no socket and holds no promise, so a
 * seeded simulation runs it unchanged; the same events give the same effects.
 *
 * After each event it pumps: rows move downstream first, then work is granted (stages near the sinks before those
 * near the sources), then sources are polled that have room before them. That order is the back-pressure.
 */
import { type AnabranchError, type Observer, PlanError, invariant } from '../../base/index.js'
import { type Polled } from '../../connectors/index.js'
import { type Topology } from '../../plan/index.js'
import { Pool, type PoolTerms, type ReplyKey } from '../../workers/index.js'
import { type EpochEvents, Epochs } from '../epoch/index.js'
import { type Failure, type Loss } from '../fault/index.js'
import { Calls } from './calls.js'
import { type CheckReport } from './check-tally.js'
import { Cutting, type EpochCut, type EpochStatus, type Restored } from './cutting.js'
import { type Effects } from './effects.js'
import { Ending, type Ends } from './ending.js'
import { type EngineReport, Gauges } from './gauges.js'
import { type Graph, buildGraph } from './graph.js'
import { Intake } from './intake.js'
import { Ledger } from './ledger.js'
import { carryOut } from './pool-actions.js'
import { PoolLoad } from './pool-load.js'
import { Sampling } from './sampling.js'
import { type Stage } from './stage.js'
import { StageStates } from './stage-states.js'
import { type Answer, Settlement } from './settle.js'
import { type Swap, Swapping, type Trial } from './swapping.js'
import { type Tap } from './tap.js'
import { type EngineTerms } from './terms.js'

/** What takes part in an epoch beside the sinks: the dead letters and the captures, in this order behind them. */
const outputsBesideSinks = 2

export class Engine {
  readonly ledger: Ledger
  /** The keyed state of all operators. */
  readonly state: StageStates
  private readonly graph: Graph
  private readonly pool: Pool
  private readonly gauges: Gauges
  private readonly load: PoolLoad
  private readonly calls: Calls
  private readonly settlement: Settlement
  private failed = false
  private finished = false
  private opened = false
  private readonly intake: Intake
  private readonly epochs: Epochs<EpochCut> | null
  private readonly cutting: Cutting | null
  private readonly ending: Ending
  private readonly swapping: Swapping
  private nowMs = 0

  constructor(
    topology: Topology,
    terms: EngineTerms,
    private readonly effects: Effects,
    private readonly observer: Observer,
  ) {
    this.pool = new Pool(terms.pool, terms.trial ? 2 : 1)
    this.load = new PoolLoad(this.pool)
    this.ledger = new Ledger(terms.maxDead, terms.captures, effects, observer)
    this.graph = buildGraph(topology, terms, {
      observer,
      ended: stage => this.stopOn(this.settlement.ended(stage)),
      nullKeys: (stage, rows) => this.stopOn(this.ledger.nullKeys(stage, rows)),
    })
    this.state = new StageStates(this.graph.stages)
    this.gauges = new Gauges(this.graph, this.ledger, this.pool)
    this.intake = new Intake(this.graph, this.ledger, { bounded: terms.bounded, epochs: terms.epochs !== null })
    this.swapping = new Swapping({ graph: this.graph, pool: this.pool }, terms.trial ?? null)
    const { graph, intake, ledger, swapping } = this
    const outputs = graph.sinks.length + outputsBesideSinks
    this.epochs = terms.epochs === null ? null : new Epochs(terms.epochs.terms, outputs, terms.epochs.effects)
    this.cutting = this.epochs === null ? null : new Cutting({ graph, intake, ledger, epochs: this.epochs, swapping })
    this.ending = new Ending({ graph, intake, cutting: this.cutting, effects, bounded: terms.bounded })
    this.settlement = new Settlement(this.ledger, new Sampling(terms.captures, effects), observer)
    const { pool, settlement } = this
    const stopOn = (error: AnabranchError | null): void => this.stopOn(error)
    this.calls = new Calls({ graph, pool, settlement, effects, observer, stopOn })
  }

  /** The first worker may start. */
  start(nowMs: number): void {
    this.event(nowMs, () => undefined)
  }

  /** Sources and sinks are open: rows may flow. */
  open(nowMs: number): void {
    this.event(nowMs, () => {
      this.opened = true
      this.epochs?.began(nowMs)
    })
  }

  /** Before `open`: the run goes on behind an epoch of an earlier one. */
  restore(restored: Restored): void {
    invariant(this.cutting !== null && !this.opened, 'a run with epochs goes on before its rows flow')
    this.cutting.restore(restored)
  }

  /** A poll is answered; null: the source has ended. */
  polled(source: number, polled: Polled | null, nowMs: number): void {
    this.event(nowMs, () => this.stopOn(this.intake.polled(source, polled)))
  }

  /** The sources are asked to give no more. */
  drain(): void {
    this.ending.drain()
  }

  /**
   * The run ends with an epoch now, its inputs do not: a later run goes on where this one was. What was read and not
   * worked on is read again.
   */
  suspend(nowMs: number): void {
    this.event(nowMs, () => this.ending.suspend())
  }

  /** An epoch is cut soon, where there is something to cut. Answers the one that holds all that was done until now. */
  hastenEpoch(nowMs: number): number {
    invariant(this.cutting !== null && this.epochs !== null, 'what is hastened has epochs')
    let epoch = this.epochs.epoch
    const { cutting } = this
    this.event(nowMs, () => {
      if (this.flows) epoch = cutting.hasten()
    })
    return epoch
  }

  get end(): Ends {
    return this.ending.end
  }

  /** A write is done: the sink takes the next one. */
  written(sink: number, nowMs: number): void {
    this.event(nowMs, () => this.graph.sink(sink).written())
  }

  sinkFinished(sink: number, nowMs: number): void {
    this.event(nowMs, () => {
      this.graph.sink(sink).finished = true
    })
  }

  /** What a stage asked for beyond memory has happened. */
  stateStep(stage: number, step: (stage: Stage) => void, nowMs: number): void {
    this.event(nowMs, () => step(this.graph.stage(stage)))
  }

  /** Something that an epoch waited for has happened. */
  epochStep(step: (epochs: EpochEvents) => void, nowMs: number): void {
    const { epochs } = this
    if (epochs === null) return
    this.event(nowMs, () => {
      step(epochs)
      this.swapping.written(epochs.written)
    })
  }

  /** Other code for the functions, at the end of this epoch. @throws PlanError, StateError where it does not fit what runs */
  swap(swap: Swap, nowMs: number): void {
    invariant(this.cutting !== null, 'code is swapped between epochs')
    if (this.isOver)
      throw new PlanError('ANB8012', 'expected a running job to swap code of, this one is over or begins again', {
        hint: 'look at anabranch status, and swap again once it runs',
      })
    this.event(nowMs, () => this.swapping.begin(swap))
  }

  /** What new code did and nobody can rely on yet; null: nothing. */
  get trial(): Trial | null {
    return this.swapping.trial
  }

  /** Sees the calls; null: nobody does. */
  set tap(tap: Tap | null) {
    this.settlement.tap = tap
  }

  /** A worker did not start for a reason that the next one would have too. */
  startFailed(worker: number, error: AnabranchError, nowMs: number): void {
    this.event(nowMs, () => {
      if (!this.swapping.refuse(worker, error)) this.stopOn(error)
    })
  }

  /** A worker has opened the job's modules. */
  ready(worker: number, nowMs: number): void {
    this.event(nowMs, () => {
      this.pool.ready(worker, nowMs)
      this.swapping.started(nowMs)
    })
  }

  /** A worker is gone, reaped. */
  lost(worker: number, loss: Loss, nowMs: number): void {
    this.event(nowMs, () => {
      const error = this.swapping.lost(worker, loss)
      if (error === null) this.calls.lost(worker, loss, nowMs)
      else this.stopOn(error)
    })
  }

  /** DONE of a call. Consumes the answer. */
  done(worker: number, key: ReplyKey, answer: Answer, nowMs: number): void {
    if (this.isOver) answer.loan?.release()
    else this.event(nowMs, () => this.calls.done(worker, key, answer, nowMs))
  }

  /** FAILED of a call. */
  callFailed(worker: number, key: ReplyKey, failure: Failure, nowMs: number): void {
    this.event(nowMs, () => this.calls.failed(worker, key, failure, nowMs))
  }

  /** What a worker sent is no frame of ours: it is replaced, its batches are sent again. */
  broken(worker: number, error: AnabranchError, nowMs: number): void {
    this.event(nowMs, () => this.calls.replace(worker, error))
  }

  /** The outside failed (a source, a sink). */
  stop(error: AnabranchError): void {
    this.stopOn(error)
  }

  /** A frame could not be accepted and its worker is gone already; twice in a row stops the job. */
  refused(error: AnabranchError): void {
    this.calls.refused(error)
  }

  tick(nowMs: number): void {
    this.event(nowMs, () => {
      this.calls.endOverdue(nowMs)
      if (this.flows && !this.graph.ended) this.state.tick(nowMs)
    })
  }

  /** When the engine wants a tick although nothing happens; null: no hurry. */
  wakeMs(nowMs: number): number | null {
    const held = this.graph.stages.map(s => s.lanes.wakeMs(nowMs))
    const times = [this.pool.wakeMs(nowMs), this.cutting?.wakeMs(nowMs) ?? null, ...held].filter(ms => ms !== null)
    return times.length === 0 ? null : Math.min(...times)
  }

  /** Null without epochs. */
  epochStatus(nowMs: number): EpochStatus | null {
    return this.cutting?.status(nowMs) ?? null
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
    return this.calls.size === 0 && this.graph.idle
  }

  /** Batches that wait before each vertex. */
  get queued(): readonly number[] {
    return this.graph.edges.map(e => e.batches)
  }

  /** Rows that each source gave. */
  get sourceRows(): readonly number[] {
    return this.intake.rows
  }

  /** Rows that each sink was given. */
  get sinkRows(): readonly number[] {
    return this.graph.sinks.map(s => s.rows)
  }

  /** Nothing is heard any more. */
  private get isOver(): boolean {
    return this.failed || this.finished
  }

  private event(nowMs: number, change: () => void): void {
    if (this.isOver) return
    this.nowMs = nowMs
    this.load.passed(this.gauges.passed(nowMs))
    this.graph.moveTo(nowMs)
    change()
    this.pump()
  }

  private stopOn(error: AnabranchError | null): void {
    if (error === null || this.isOver) return
    this.failed = true
    this.effects.fail(error)
  }

  private pump(): void {
    let moved = true
    while (moved && !this.failed) {
      moved = this.flows && this.graph.advance(this.effects)
      moved = (this.flows && this.grant()) || moved
      if (!moved) moved = this.cutEpoch()
    }
    if (this.failed) return
    this.cutting?.takeState()
    if (this.opened) for (const { beyond } of this.graph.stages) beyond?.written(this.epochs?.written ?? 0)
    if (this.flows && this.cutting?.intakeWaits(this.nowMs) !== true) this.intake.poll(this.effects)
    this.stopOn(carryOut(this.pool.actions(this.nowMs), this.effects, this.observer))
    if (this.opened && !this.failed) this.finish()
  }

  /** Rows may move. */
  private get flows(): boolean {
    return this.opened && !this.ending.still
  }

  /** Answers whether rows may move again. */
  private cutEpoch(): boolean {
    if (!this.flows) return false
    const { moved, error } = this.ending.cut(this.nowMs, this.calls.size > 0)
    this.stopOn(error)
    return moved
  }

  private finish(): void {
    if (this.finished || !this.ending.finish()) return
    this.finished = true
    this.pool.close()
    this.effects.finish()
  }

  /** What each check saw so far. */
  get checks(): readonly CheckReport[] {
    return this.graph.stages.flatMap(stage => [...stage.checks.values()].map(check => check.report()))
  }

  private grant(): boolean {
    const { granted, starved } = this.calls.grant(this.nowMs)
    this.load.starved = starved
    return granted
  }
}

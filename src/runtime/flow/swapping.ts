/**
 * Swapping: other code for the Python functions of a running job. Workers with it are warmed beside the old ones; at the end of
 * an epoch, when nothing is under way, leases change over and the old workers end. The rows of the first epoch of new code are its
 * trial: they are judged before anything of them is durable, and a trial that is lost is an error like any other, from which
 * the run goes back to the epoch before, with the old code.
 */
import { type AnabranchError, PlanError, TransformError, WorkerError } from '../../base/index.js'
import { type StageVertex, type Topology } from '../../plan/index.js'
import { type Pool } from '../../workers/index.js'
import { type Loss } from '../fault/index.js'
import { type Graph } from './graph.js'
import { type Stage } from './stage.js'

/** What is asked of the engine. */
export interface Swap {
  /** Of the running job, but for some functions. */
  readonly topology: Topology
  /** Ids of the operators that get one of the new code: what it declares may be the same. */
  readonly operators: ReadonlySet<string>
  /** Share of the trial's rows that may be dead. */
  readonly maxErrors: number
  readonly events: SwapEvents
}

/** What becomes of it. A trial that is lost fails the attempt: see `Swapping.trial`. */
export interface SwapEvents {
  /** The old code goes on, and was not disturbed. */
  refused(error: AnabranchError): void
  /** Leases have changed over; rows stood still since `sinceMs`. */
  changed(sinceMs: number): void
  /** The trial's epoch is durable. */
  kept(trial: Trial): void
}

export interface Trial {
  /** Rows that new code has answered or given up. */
  readonly rows: number
  readonly dead: number
  readonly deadByReason: Readonly<Record<string, number>>
  /** That with which it becomes durable; null: it is not judged yet. */
  readonly epoch: number | null
}

/** Counted from the moment at which code changed. */
interface Since {
  readonly rows: number
  readonly deadByReason: ReadonlyMap<string, number>
}

type State =
  | { readonly is: 'none' }
  | { readonly is: 'warming'; readonly swap: Swap }
  /** `beganMs`: NaN where no worker with it stood ready yet. */
  | { readonly is: 'trial'; readonly swap: Swap; readonly since: Since; readonly beganMs: number }
  /** Judged to be good; what it did is on its way to the store. */
  | { readonly is: 'kept'; readonly swap: Swap; readonly trial: Trial; readonly epoch: number }

/** A trial without a row is over after so long: a stream may be silent for days, and whoever asked waits. */
export const silentTrialMs = 10_000

export class Swapping {
  private state: State = { is: 'none' }

  /** @param onTrial the code with which rows begin to flow */
  constructor(
    private readonly parts: { readonly graph: Graph; readonly pool: Pool },
    onTrial: Swap | null,
  ) {
    if (onTrial === null) return
    this.state = { is: 'trial', swap: onTrial, since: this.count(onTrial), beganMs: Number.NaN }
  }

  /** @throws PlanError ANB1027, StateError ANB6016 where new code does not fit what runs; then nothing was done. */
  begin(swap: Swap): void {
    if (this.state.is !== 'none')
      throw new PlanError('ANB1027', 'expected no swap to be under way, the one before is not judged yet', {
        hint: 'wait for its first epoch: anabranch status',
      })
    for (const [stage, vertex] of this.changes(swap)) stage.fits(vertex)
    this.parts.pool.warm()
    this.state = { is: 'warming', swap }
  }

  /** A worker with the new code could not start. Answers whether that was one. */
  refuse(worker: number, error: AnabranchError): boolean {
    if (this.state.is !== 'warming' || !this.parts.pool.isComing(worker)) return false
    const { events } = this.state.swap
    this.parts.pool.cool()
    this.state = { is: 'none' }
    events.refused(error)
    return true
  }

  /** A worker stands ready. */
  started(nowMs: number): void {
    if (this.state.is !== 'trial' || !Number.isNaN(this.state.beganMs)) return
    this.state = { ...this.state, beganMs: nowMs }
  }

  /**
   * A worker is gone. One with the new code that was not needed yet speaks against that, and so does one with which the job has begun
   * again: answers the error that throws it away.
   */
  lost(worker: number, { what, stderr }: Loss): AnabranchError | null {
    const message = `expected a worker with the new code to start and stay, it ${what}`
    const error = new WorkerError('ANB3003', message, { detail: stderr })
    if (this.state.is === 'trial' && Number.isNaN(this.state.beganMs)) return error
    this.refuse(worker, error)
    return null
  }

  /** Workers are warm: code changes at the end of this epoch, which does not wait for its time. */
  get waits(): boolean {
    return this.state.is === 'warming' && this.parts.pool.warmed
  }

  /** Nothing is under way. */
  boundary(sinceMs: number): void {
    if (this.state.is !== 'warming' || !this.waits) return
    const { swap } = this.state
    for (const [stage, vertex] of this.changes(swap)) stage.redeclare(vertex)
    this.parts.pool.changeCode()
    this.state = { is: 'trial', swap, since: this.count(swap), beganMs: sinceMs }
    swap.events.changed(sinceMs)
  }

  /** The epoch is about to be cut; the error that throws it away, where it was a trial and is lost. */
  judge(epoch: number, nowMs: number): AnabranchError | null {
    if (this.state.is !== 'trial') return null
    const { swap } = this.state
    const trial = { ...this.trialOf(this.state), epoch }
    // An epoch in which new code had no row says nothing of it: the trial goes on, for a while.
    if (trial.rows === 0 && !this.isSilent(nowMs)) return null
    if (trial.dead > swap.maxErrors * trial.rows) return lost(trial, swap.maxErrors)
    this.state = { is: 'kept', swap, trial, epoch }
    return null
  }

  /** Code is on trial and had no row for as long as that may last: an epoch is cut for it. */
  isSilent(nowMs: number): boolean {
    return this.state.is === 'trial' && nowMs - this.state.beganMs >= silentTrialMs
  }

  /** Epochs up to this one are in the store. */
  written(epoch: number): void {
    if (this.state.is !== 'kept' || epoch < this.state.epoch) return
    const { swap, trial } = this.state
    this.state = { is: 'none' }
    swap.events.kept(trial)
  }

  /** What a stage keeps is not of the open epoch: it is declared by code on trial, which did nothing of what was cut. */
  holdsState({ vertex }: Stage): boolean {
    return this.state.is === 'trial' && isSwapped(this.state.swap, vertex)
  }

  /** Number of the code that the open epoch stands on: not of one on trial, which did nothing of what was cut. */
  get code(): number {
    const { codeNow } = this.parts.pool
    return this.state.is === 'trial' ? codeNow - 1 : codeNow
  }

  /** What new code did that is not durable; null where there is nothing such. */
  get trial(): Trial | null {
    if (this.state.is === 'trial') return this.trialOf(this.state)
    return this.state.is === 'kept' ? this.state.trial : null
  }

  private trialOf({ swap, since }: State & { readonly is: 'trial' }): Trial {
    const now = this.count(swap)
    const reasons = [...now.deadByReason]
      .map(([reason, rows]) => [reason, rows - (since.deadByReason.get(reason) ?? 0)] as const)
      .filter(([, rows]) => rows > 0)
    const dead = reasons.reduce((n, [, rows]) => n + rows, 0)
    return { rows: now.rows - since.rows, dead, deadByReason: Object.fromEntries(reasons), epoch: null }
  }

  /** Of all stages that changed. */
  private count(swap: Swap): Since {
    const deadByReason = new Map<string, number>()
    const meters = this.changes(swap).map(([stage]) => stage.meter)
    for (const { dead } of meters)
      for (const [reason, rows] of dead) deadByReason.set(reason, (deadByReason.get(reason) ?? 0) + rows)
    return { rows: meters.reduce((n, meter) => n + meter.rowsSettled, 0), deadByReason }
  }

  /** The stages whose code is another one. */
  private changes(swap: Swap): readonly (readonly [Stage, StageVertex])[] {
    const next = swap.topology.vertices.filter(v => v.kind === 'stage').filter(v => isSwapped(swap, v))
    return this.parts.graph.stages.flatMap(stage => {
      const vertex = next.find(v => v.number === stage.vertex.number)
      return vertex === undefined ? [] : [[stage, vertex] as const]
    })
  }
}

const isSwapped = ({ operators }: Swap, vertex: StageVertex): boolean =>
  vertex.operators.some(({ id }) => operators.has(id))

function lost({ rows, dead, deadByReason }: Trial, maxErrors: number): TransformError {
  const percent = (share: number): string => `${Number((share * 100).toFixed(2))} %`
  const message = `expected at most ${percent(maxErrors)} of the first epoch's rows to fail in new code, got ${dead} of ${rows}`
  const reasons = Object.entries(deadByReason).map(([reason, count]) => `${count} × ${reason}`)
  return new TransformError('ANB2013', message, { detail: reasons.join('\n') })
}

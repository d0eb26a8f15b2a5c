/** The job that runs, as `RunningJob` has it: what engine, sources and processes know, and the three ways to end it. */
import { type AnabranchError, PlanError, StateError, atFailpoint, invariant } from '../../base/index.js'
import { type Source } from '../../connectors/index.js'
import { type Plan, type SourceVertex, isTable } from '../../plan/index.js'
import { type Engine, type EpochStatus } from '../flow/index.js'
import { StoppedError } from '../options.js'
import {
  type JobEnd,
  type JobState,
  type JobStatus,
  type RunningJob,
  type StopOptions,
  type SourceStatus,
  type SwapReport,
  type SwapRequest,
  type WorkerRange,
  type WorkersStatus,
} from '../running-job.js'
import { type Host } from './host.js'
import { type ShadowReport, type ShadowRequest } from '../shadow/index.js'
import { type Opened } from './opened.js'
import { type Saved, checkPlace } from './savepoints.js'
import { type Shadows } from './shadows.js'
import { type Swaps } from './swaps.js'
import { type RealWorld } from './world.js'

/** What of it is made anew when the job begins again behind its last epoch. */
export interface AttemptParts {
  readonly vertices: readonly SourceVertex[]
  readonly sources: readonly Source[]
  readonly engine: Engine
  readonly host: Host
  /** Where it is asked to stop it ends with an epoch, and a later run goes on; else its inputs end. */
  readonly suspends: boolean
  /** Null where the job keeps nothing that a savepoint could be made of. */
  readonly save: ((name: string | null) => Promise<Saved>) | null
  /** It has other processes than before. */
  pidsChanged(): void
  /** Null where the job runs without epochs. */
  epochStatus(): EpochStatus | null
}

export class Running implements RunningJob {
  /** Somebody asked it to read no more. */
  drained = false
  cancelled = false
  readonly swap?: (request: SwapRequest) => Promise<SwapReport>
  /** How often it failed and began again behind its last epoch. */
  restarts = 0
  /** Rows that runs before this one had read; null until that is known. */
  private before: number | null = null
  private attempt: AttemptParts | null = null
  /** What somebody who stopped it wants to be left. */
  private saving: StopOptions | null = null
  private saved: Promise<Saved> | null = null
  /** It failed, and waits until it begins again; ends the wait. */
  private wake: (() => void) | null = null
  private readonly beganMs: number
  private readonly started: string
  private readonly over: Promise<JobEnd>
  private settle: (end: JobEnd | Promise<JobEnd>) => void = () => undefined

  private readonly world: RealWorld
  private readonly plan: Plan
  private readonly out: string

  constructor(
    { world, plan, options }: Pick<Opened, 'world' | 'plan' | 'options'>,
    swaps: Swaps,
    private readonly shadows: Shadows,
  ) {
    this.world = world
    this.plan = plan
    this.out = options.out
    if (options.epochMs !== null) this.swap = request => swaps.swap(this.current.engine, request)
    const { clock } = world
    this.beganMs = clock.nowMs()
    this.started = new Date(clock.wallMs()).toISOString()
    this.over = new Promise(resolve => {
      this.settle = resolve
    })
    // Whoever asked for the end hears of it; that nobody did is fine.
    this.over.catch(() => undefined)
  }

  /** A run that is asked to stop leaves something to go on with. */
  get suspends(): boolean {
    return this.current.suspends
  }

  /** Of the attempt that runs, or ran last. */
  get engine(): Engine | null {
    return this.attempt?.engine ?? null
  }

  /** From now on it is this attempt that runs. @throws StoppedError where somebody ended the job already */
  begins(attempt: AttemptParts): void {
    this.attempt = attempt
    if (this.cancelled) throw new StoppedError()
    if (this.drained) this.readNoMore(attempt)
  }

  /** An attempt has the counts that it goes on from. */
  goesOn(rowsIn: number): void {
    this.before ??= rowsIn
  }

  get rowsBefore(): number {
    return this.before ?? 0
  }

  /** Until the job begins again. Shorter where somebody ends it. */
  pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.world.clock.after(ms, () => this.wake?.())
      this.wake = () => {
        cancel()
        this.wake = null
        resolve()
      }
    })
  }

  get seconds(): number {
    return (this.world.clock.nowMs() - this.beganMs) / 1_000
  }

  /** Reads no more. What was read is finished, or is read again by the run that goes on. */
  drain(): void {
    if (this.drained) return
    this.drained = true
    atFailpoint('shutdown.drain', () => {
      this.wake?.()
      if (this.attempt !== null) this.readNoMore(this.attempt)
    })
  }

  /** Ends the attempt with this error; the next one goes on behind its last epoch. @throws PlanError ANB1027 where it could not */
  beginAgain(error: AnabranchError): void {
    const { engine, suspends } = this.current
    const hint = 'stop the job, and start it with the new code'
    const message = 'the new code keeps other state, for which the job begins again behind its last epoch'
    if (!suspends) throw new PlanError('ANB1027', `${message}, and a source gives its rows once`, { hint })
    engine.stop(error)
  }

  /** Ends now. */
  abort(): void {
    this.cancelled = true
    this.wake?.()
    this.attempt?.engine.stop(new StoppedError())
  }

  /** The run is over: whoever waits for that hears of it, with the rows of its result where it has one. */
  ended(end: JobEnd['end'], result: Pick<JobEnd, 'rowsIn' | 'rowsOut' | 'rowsDead'> | null): void {
    if (this.attempt === null) return
    const { rowsIn, rowsOut, rowsDead } = result ?? this.report()
    const told = { end, rowsIn, rowsOut, rowsDead }
    this.settle(this.saved === null ? told : this.saved.then(savepoint => ({ ...told, savepoint })))
  }

  /** One that stops already is left the savepoint that was wanted first. */
  async stop({ savepoint, name }: StopOptions = { savepoint: true, name: null }): Promise<JobEnd> {
    if (this.saving?.savepoint !== true) {
      if (savepoint) checkPlace(this.world.files, this.out, name)
      this.saving = { savepoint, name }
    }
    this.drain()
    return this.over
  }

  /** It has stopped: makes the savepoint that was wanted. Where that fails whoever wanted it is told; the run itself is well. */
  async save(): Promise<void> {
    if (this.saving?.savepoint !== true || this.current.save === null) return
    this.saved = this.current.save(this.saving.name).catch((error: unknown) => {
      throw error instanceof StateError ? withoutSavepoint(error) : error
    })
    await this.saved.catch(() => undefined)
  }

  async savepoint(name: string | null): Promise<Saved> {
    const { save } = this.current
    if (save !== null) return save(name)
    throw new PlanError('ANB8012', 'expected a job that can make a savepoint, this one runs without epochs')
  }

  async shadow(request: ShadowRequest): Promise<ShadowReport> {
    if (this.state === 'running') return this.shadows.shadow(this.current, request)
    throw new PlanError('ANB8012', `expected a job whose rows flow, this one is ${this.state}`)
  }

  cancel(): Promise<JobEnd> {
    this.abort()
    return this.over
  }

  setWorkers({ min, max }: WorkerRange): WorkersStatus {
    this.current.engine.setWorkers({ workersMin: min, workersMax: max }, this.world.clock.nowMs())
    return this.status().workers
  }

  status(): JobStatus {
    const { plan } = this
    const { host, epochStatus } = this.current
    const { pool, ...report } = this.report()
    const { workers, ...limits } = pool
    return {
      job: plan.job,
      pid: process.pid,
      state: this.state,
      started: this.started,
      seconds: this.seconds,
      restarts: this.restarts,
      epochs: epochStatus(),
      stateBytes: report.stages.reduce((n, stage) => n + stage.stateBytes, 0),
      ...report,
      sources: this.sources,
      workers: { ...limits, list: workers.map(one => ({ ...one, pid: host.pidOf(one.worker) })) },
    }
  }

  private readNoMore({ engine, suspends, sources }: AttemptParts): void {
    if (suspends) return engine.suspend(this.world.clock.nowMs())
    engine.drain()
    for (const source of sources) source.drain()
  }

  private get current(): AttemptParts {
    invariant(this.attempt !== null, 'a job is asked once its first attempt is made')
    return this.attempt
  }

  private report(): ReturnType<Engine['report']> {
    return this.current.engine.report(this.world.clock.nowMs())
  }

  private get state(): JobState {
    if (this.cancelled) return 'cancelling'
    if (this.drained) return 'stopping'
    if (this.wake !== null) return 'restarting'
    return this.current.host.openedMs === 0 ? 'starting' : 'running'
  }

  private get sources(): readonly SourceStatus[] {
    const { vertices, sources, engine } = this.current
    const { sourceRows } = engine
    return vertices.map(({ id, connector }, i) => {
      const { done, total, behind } = sourceAt(sources, i).progress()
      const rows = sourceRows[i] ?? 0
      const unit = connector.kind === 'custom' ? null : isTable(connector.format) ? 'rows' : 'bytes'
      const count = behind ?? (total === null ? null : Math.max(0, total - done))
      return { id, rows, lag: count === null ? null : { count, unit } }
    })
  }
}

function sourceAt(sources: readonly Source[], index: number): Source {
  const source = sources[index]
  invariant(source !== undefined, 'each source of the plan was made')
  return source
}

function withoutSavepoint({ code, message, detail, hint, cause }: StateError): StateError {
  const stopped = 'The job has stopped without it, and the next run goes on there.'
  return new StateError(code, message, { detail: [detail, stopped].filter(Boolean).join(' '), hint, cause })
}

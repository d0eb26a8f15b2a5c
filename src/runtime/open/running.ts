/** The job that runs, as `RunningJob` has it: what engine, sources and processes know, and the three ways to end it. */
import { atFailpoint } from '../../base/index.js'
import { type Source } from '../../connectors/index.js'
import { type Plan, type SourceVertex, isTable } from '../../plan/index.js'
import { type Engine, type EpochStatus } from '../flow/index.js'
import { StoppedError } from '../options.js'
import {
  type JobEnd,
  type JobState,
  type JobStatus,
  type RunningJob,
  type SourceStatus,
  type WorkerRange,
  type WorkersStatus,
} from '../running-job.js'
import { type Host } from './host.js'
import { type RealWorld } from './world.js'

export interface RunningParts {
  readonly world: RealWorld
  readonly plan: Plan
  readonly vertices: readonly SourceVertex[]
  readonly sources: readonly Source[]
  readonly engine: Engine
  readonly host: Host
  /** Where it is asked to stop it ends with an epoch, and a later run goes on; else its inputs end. */
  readonly suspends: boolean
  /** Null where the job runs without epochs. */
  epochStatus(): EpochStatus | null
}

export class Running implements RunningJob {
  /** Somebody asked it to read no more. */
  drained = false
  private cancelled = false
  private readonly beganMs: number
  private readonly started: string
  private readonly over: Promise<JobEnd>
  private settle: (end: JobEnd) => void = () => undefined

  constructor(private readonly parts: RunningParts) {
    const { clock } = parts.world
    this.beganMs = clock.nowMs()
    this.started = new Date(clock.wallMs()).toISOString()
    this.over = new Promise(resolve => {
      this.settle = resolve
    })
  }

  /** A run that is asked to stop leaves something to go on with. */
  get suspends(): boolean {
    return this.parts.suspends
  }

  get seconds(): number {
    return (this.parts.world.clock.nowMs() - this.beganMs) / 1_000
  }

  /** Reads no more. What was read is finished, or is read again by the run that goes on. */
  drain(): void {
    if (this.drained) return
    this.drained = true
    atFailpoint('shutdown.drain', () => {
      const { engine, world, suspends } = this.parts
      if (suspends) return engine.suspend(world.clock.nowMs())
      engine.drain()
      for (const source of this.parts.sources) source.drain()
    })
  }

  /** Ends now. */
  abort(): void {
    this.cancelled = true
    this.parts.engine.stop(new StoppedError())
  }

  /** The run is over: whoever waits for that hears of it. */
  ended(end: JobEnd['end']): void {
    const { rowsIn, rowsOut, rowsDead } = this.report()
    this.settle({ end, rowsIn, rowsOut, rowsDead })
  }

  stop(): Promise<JobEnd> {
    this.drain()
    return this.over
  }

  cancel(): Promise<JobEnd> {
    this.abort()
    return this.over
  }

  setWorkers({ min, max }: WorkerRange): WorkersStatus {
    this.parts.engine.setWorkers({ workersMin: min, workersMax: max }, this.parts.world.clock.nowMs())
    return this.status().workers
  }

  status(): JobStatus {
    const { plan } = this.parts
    const { pool, ...report } = this.report()
    const { workers, ...limits } = pool
    return {
      job: plan.job,
      pid: process.pid,
      state: this.state,
      started: this.started,
      seconds: this.seconds,
      epochs: this.parts.epochStatus(),
      stateBytes: report.stages.reduce((n, stage) => n + stage.stateBytes, 0),
      ...report,
      sources: this.sources,
      workers: { ...limits, list: workers.map(one => ({ ...one, pid: this.parts.host.pidOf(one.worker) })) },
    }
  }

  private report(): ReturnType<Engine['report']> {
    return this.parts.engine.report(this.parts.world.clock.nowMs())
  }

  private get state(): JobState {
    if (this.cancelled) return 'cancelling'
    if (this.drained) return 'stopping'
    return this.parts.host.openedMs === 0 ? 'starting' : 'running'
  }

  private get sources(): readonly SourceStatus[] {
    return this.parts.vertices.map(({ id, connector }, i) => {
      const { rows, done, total } = this.parts.sources[i]?.progress() ?? { rows: 0, done: 0, total: null }
      const unit = connector.kind === 'custom' ? null : isTable(connector.format) ? 'rows' : 'bytes'
      return { id, rows, lag: total === null ? null : { count: Math.max(0, total - done), unit } }
    })
  }
}

/**
 * Gauges: what an operator sees of a running engine. Between two events nothing changes, so the time that passed counts for what was
 * so after the event before: some additions for each event, nothing for a row. Pure, as all of the engine.
 */
import { type Pool, type PoolReport } from '../../workers/index.js'
import { type BeyondReport } from './beyond.js'
import { type Graph } from './graph.js'
import { type Ledger } from './ledger.js'
import { type Stage } from './stage.js'
import { Timeline } from './timeline.js'

/** What passes in a second, on average over the last second and the last minute. */
export interface Rate {
  readonly lastSecond: number
  readonly lastMinute: number
}

export interface Held {
  readonly lanes: number
  /** Since the first of them is. */
  readonly forMs: number
  /** What the last call of that one said. */
  readonly reason: string
}

export interface StageReport {
  readonly id: string
  readonly operators: readonly string[]
  readonly rowsIn: number
  /** Rows of the main output and of the side outputs. */
  readonly rowsOut: number
  readonly rowsInPerSecond: Rate
  readonly rowsOutPerSecond: Rate
  readonly calls: number
  readonly callsOut: number
  /** Milliseconds in which a call was out, since the beginning. */
  readonly busyMs: number
  readonly backPressuredMs: number
  /** Milliseconds of a second in which a call was out; over the last five seconds, as in Flink. */
  readonly busyTimeMsPerSecond: number
  /** The same where no call was out since the outputs had no room for what waited. */
  readonly backPressuredTimeMsPerSecond: number
  /** Rows that wait before it, in lanes and on their way through it. */
  readonly queueRows: number
  /** Lanes whose rows wait for a service that is away; null: none. */
  readonly held: Held | null
  readonly stateBytes: number
  /** null: all its state is in memory. */
  readonly beyond: BeyondReport | null
}

export interface SinkReport {
  readonly id: string
  readonly rows: number
  readonly queueRows: number
}

export interface EngineReport {
  readonly rowsIn: number
  readonly rowsOut: number
  readonly rowsDead: number
  readonly rowsInPerSecond: Rate
  readonly rowsOutPerSecond: Rate
  readonly deadByOperator: readonly { readonly operator: string; readonly rows: number }[]
  readonly stages: readonly StageReport[]
  readonly sinks: readonly SinkReport[]
  readonly pool: PoolReport
}

/** Of each stage in the timeline: rows in, rows out, busy, back-pressured. */
const countersPerStage = 4
const countersBefore = 2
const sharesOverMs = 5_000

export class Gauges {
  private readonly timeline = new Timeline()
  private lastMs = Number.NaN

  constructor(
    private readonly graph: Graph,
    private readonly ledger: Ledger,
    private readonly pool: Pool,
  ) {}

  /** An event is about to change something. Answers the milliseconds since the one before. */
  passed(nowMs: number): number {
    const ms = Number.isNaN(this.lastMs) ? 0 : nowMs - this.lastMs
    this.lastMs = nowMs
    if (ms > 0) for (const stage of this.graph.stages) stage.meter.passed(ms, () => stage.isBlocked)
    this.timeline.passed(nowMs, () => this.counters)
    return ms
  }

  report(nowMs: number): EngineReport {
    const { graph, ledger, pool } = this
    const [second = [], minute = [], shares = []] = [1_000, 60_000, sharesOverMs].map(ms =>
      this.timeline.perSecond(ms, nowMs, this.counters),
    )
    const rate = (at: number): Rate => ({ lastSecond: second[at] ?? 0, lastMinute: minute[at] ?? 0 })
    return {
      rowsIn: ledger.rowsIn,
      rowsOut: graph.sinks.reduce((n, s) => n + s.rows, 0),
      rowsDead: ledger.rowsDead,
      rowsInPerSecond: rate(0),
      rowsOutPerSecond: rate(1),
      deadByOperator: [...ledger.deadByOperator].map(([operator, rows]) => ({ operator, rows })),
      stages: graph.stages.map((stage, i) => {
        const at = countersBefore + i * countersPerStage
        const [busy = 0, backPressured = 0] = shares.slice(at + 2)
        return {
          ...reportOf(stage),
          held: heldOf(stage, nowMs),
          ...stageRates(rate, at),
          ...stageShares(busy, backPressured),
        }
      }),
      sinks: graph.sinks.map(({ id, rows, input }) => ({ id, rows, queueRows: input.rows })),
      pool: pool.report,
    }
  }

  private get counters(): readonly number[] {
    const sinkRows = this.graph.sinks.reduce((n, s) => n + s.rows, 0)
    const stages = this.graph.stages.flatMap(({ meter }) => [
      meter.rowsIn,
      meter.rowsOut,
      meter.busyMs,
      meter.backPressuredMs,
    ])
    return [this.ledger.rowsIn, sinkRows, ...stages]
  }
}

const stageRates = (
  rate: (at: number) => Rate,
  at: number,
): Pick<StageReport, 'rowsInPerSecond' | 'rowsOutPerSecond'> => ({
  rowsInPerSecond: rate(at),
  rowsOutPerSecond: rate(at + 1),
})

const stageShares = (
  busy: number,
  backPressured: number,
): Pick<StageReport, 'busyTimeMsPerSecond' | 'backPressuredTimeMsPerSecond'> => ({
  busyTimeMsPerSecond: busy,
  backPressuredTimeMsPerSecond: backPressured,
})

function heldOf({ lanes }: Stage, nowMs: number): Held | null {
  const [first, ...others] = lanes.held.toSorted((a, b) => a.sinceMs - b.sinceMs)
  if (first === undefined) return null
  return { lanes: others.length + 1, forMs: nowMs - first.sinceMs, reason: first.reason }
}

function reportOf(stage: Stage) {
  const { meter, vertex, keyed, beyond } = stage
  return {
    id: vertex.id,
    operators: vertex.operators.map(o => o.id),
    rowsIn: meter.rowsIn,
    rowsOut: meter.rowsOut,
    calls: meter.calls,
    callsOut: meter.callsOut,
    busyMs: meter.busyMs,
    backPressuredMs: meter.backPressuredMs,
    queueRows: stage.queueRows,
    stateBytes: keyed === null ? 0 : keyed.bytes,
    beyond: beyond?.report ?? null,
  }
}

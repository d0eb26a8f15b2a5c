/**
 * Simulate: one run of the real engine from a seed, and the verdict on it.
 *
 * A seed has three streams of chance: the job and its rows, the terms of the run (batch size, workers, lanes), and
 * the world (faults and their times). Two runs with the same job and other terms or another world must give the same rows.
 */
import { type AnabranchError, type ErrorCode } from '../../base/index.js'
import { openStages } from '../../plan/index.js'
import { Engine, type EngineTerms, edgeLimit, noCaptures } from '../../runtime/index.js'
import { OpenedStage } from './call.js'
import { Chance } from './chance.js'
import { VirtualClock } from './clock.js'
import { type Faults, Striker, drawFaults } from './faults.js'
import { SimulatedHost } from './host.js'
import { type Job, drawJob } from './job.js'
import { Log } from './log.js'
import { type Expected, expect } from './oracle.js'
import { type Poison, type Row, drawPoison, drawSplits } from './rows.js'
import { RecordingSink, ScriptedSource } from './scripted.js'
import { judge, judgePart } from './verdict.js'
import { Damage } from './wire.js'
import { type WorkerWorld } from './worker.js'
import { spoilingMemory } from './spoil.js'

export interface SimulationOptions {
  readonly seed: number
  /** Seed of the job and its rows, where it is not `seed`. */
  readonly input?: number
  readonly terms?: Partial<EngineTerms>
  readonly faults?: Faults
  readonly poison?: Poison
  /** Rows of each source. */
  readonly rows?: number
  /** How long the service stays away that the transforms call. */
  readonly serviceAwayMs?: number
  /** Other numbers of workers while it runs. */
  readonly setWorkers?: readonly { readonly atMs: number; readonly workers: number }[]
  /** The job must stop with this code; what came out before must be right. */
  readonly stops?: ErrorCode
  /** Keep the lines of the log. */
  readonly log?: boolean
}

export interface Simulated {
  readonly seed: number
  /** What is wrong, in sentences; empty where nothing is. */
  readonly wrong: readonly string[]
  readonly error: AnabranchError | null
  readonly sinks: ReadonlyMap<string, readonly Row[]>
  readonly order: Job['order']
  readonly letters: SimulatedHost['letters']
  /** Faults that struck and reactions of the engine, by name. */
  readonly counts: ReadonlyMap<string, number>
  readonly log: string
  readonly digest: string
  readonly virtualMs: number
  readonly calls: number
  /** Most batches that ever waited before one vertex, and the limit with what may have been under way. */
  readonly queue: { readonly most: number; readonly limit: number }
  readonly rows: number
}

/** Losses by chance after which the engine knows their rate: before, a row that is struck again is rightly blamed. */
const chancesKnown = 5
const largeBytes = 500_000_000
/** A run that is not over by then has stopped moving. */
const virtualMsMax = 3_600_000
const stepsMax = 2_000_000

export function simulate(options: SimulationOptions): Simulated {
  const input = new Chance(options.input ?? options.seed, 1)
  const job = drawJob(input)
  const terms = { ...drawTerms(new Chance(options.seed, 2)), ...options.terms }
  const poison = options.poison ?? drawPoison(input)
  const rows = options.rows ?? input.pick([0, 1, 5, 20, 40, 80, 150, 300])
  const sourceCount = job.topology.vertices.filter(v => v.kind === 'source').length
  const splits = Array.from({ length: sourceCount }, (_, source) => drawSplits(input, { source, rows, job, poison }))
  return new Run(options, job, { ...terms, bounded: new Set(splits.keys()) }, splits).go()
}

export function drawTerms(chance: Chance): EngineTerms {
  return {
    lanes: chance.pick([1, 2, 3, 8]),
    keyGroups: 128,
    rowsMax: chance.pick([1, 3, 16, 16, 64, 64, 1_000, 1_000]),
    pool: {
      workersMin: null,
      workersMax: chance.pick([1, 2, 4]),
      creditPerWorker: chance.pick([1, 2, 3]),
      failedStartsMax: 40,
      alikeStartsMax: 40,
      spareDelayMs: 100,
      recycleBytes: largeBytes,
      spares: chance.happens(0.7) ? 1 : 0,
    },
    transientMaxMs: 600_000,
    maxDead: null,
    captures: noCaptures,
    bounded: new Set(),
    memory: spoilingMemory,
  }
}

class Run {
  private readonly clock = new VirtualClock()
  private readonly chance: Chance
  private readonly faults: Faults
  private readonly striker: Striker
  private readonly log: Log
  private readonly sources: readonly ScriptedSource[]
  private readonly sinks: ReadonlyMap<string, RecordingSink>
  private readonly host: SimulatedHost
  private queuedMost = 0

  constructor(
    private readonly options: SimulationOptions,
    private readonly job: Job,
    private readonly terms: EngineTerms,
    splits: readonly Parameters<typeof makeSource>[0][],
  ) {
    this.chance = new Chance(options.seed, 3)
    this.faults = options.faults ?? drawFaults(this.chance)
    this.striker = new Striker(this.faults, this.chance)
    this.log = new Log(options.log ?? false, () => this.clock.nowMs)
    this.sources = splits.map(s => makeSource(s, this.chance))
    this.sinks = new Map(
      job.topology.vertices.flatMap(v => (v.kind === 'sink' ? [[v.id, new RecordingSink()] as const] : [])),
    )
    const { clock, chance, striker, log } = this
    this.host = new SimulatedHost({
      clock,
      chance,
      striker,
      log,
      world: this.world(),
      sources: this.sources,
      sinks: [...this.sinks.values()],
      guarded: chance.happens(0.5),
      tickMs: chance.pick([50, 100, 400]),
    })
  }

  private get chanceKnown(): boolean {
    return (this.host.counts.get('worker.lost.chance') ?? 0) >= chancesKnown
  }

  private world(): WorkerWorld {
    const { clock, chance, striker, log } = this
    const numberOf = (id: string): number => this.job.operators.get(id) ?? -1
    return {
      clock,
      chance,
      striker,
      damage: new Damage(this.options.stops !== undefined),
      stages: openStages(this.job.topology).map(
        s =>
          new OpenedStage(
            s,
            s.operators.map(o => numberOf(o.id)),
          ),
      ),
      rowUs: chance.pick([1, 10, 100]),
      largeBytes,
      serviceBackMs:
        this.options.serviceAwayMs ?? (striker.strikes('service away') ? chance.between(1_000, 60_000) : 0),
      chanceKnown: () => this.chanceKnown,
      mayDieAfter: () => this.chanceKnown || !this.striker.struck.has('crash after the call'),
      log: (worker, what, about) => log.write(`worker ${worker}`, what, about),
    }
  }

  go(): Simulated {
    const wrong: string[] = []
    const engine = new Engine(this.job.topology, this.terms, this.host, this.host.observer)
    this.plan(engine)
    try {
      this.host.run(engine)
      this.spin(engine, wrong)
      wrong.push(...this.host.wrong, ...this.verdict(engine))
    } catch (error) {
      wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    }
    const { host, clock, log } = this
    const counts = new Map([...host.counts, ...this.striker.struck])
    return {
      seed: this.options.seed,
      wrong,
      error: host.error,
      sinks: new Map([...this.sinks].map(([id, s]) => [id, s.rows])),
      order: this.job.order,
      letters: host.letters,
      counts,
      log: log.text,
      digest: log.digest,
      virtualMs: clock.nowMs,
      calls: host.calls,
      queue: { most: this.queuedMost, limit: this.queueLimit() },
      rows: engine.ledger.rowsIn,
    }
  }

  /** Faults that have one moment. */
  private plan(engine: Engine): void {
    const { clock, chance, striker, log } = this
    for (const { atMs, workers } of this.options.setWorkers ?? [])
      clock.tell(atMs, () => {
        log.write('host', 'sets', `${workers} workers`)
        engine.setWorkers({ workersMin: null, workersMax: workers }, clock.nowMs)
      })
    if (striker.strikes('drain'))
      clock.tell(chance.between(1, 2_000), () => {
        log.write('host', 'drains')
        for (const source of this.sources) source.drain()
      })
    if (striker.strikes('host stands still'))
      clock.after(chance.between(300, 2_000), () => {
        const ms = chance.between(5_000, 60_000)
        log.write('host', 'stands', `still for ${ms} ms`)
        clock.standStill(ms)
      })
  }

  private spin(engine: Engine, wrong: string[]): void {
    let steps = 0
    while (!this.host.over) {
      steps += 1
      if (steps % 8 === 0) this.queuedMost = Math.max(this.queuedMost, ...engine.queued)
      if (!this.clock.step() || this.clock.nowMs > virtualMsMax || steps > stepsMax) {
        wrong.push(`the engine did not finish: ${steps} steps, ${Math.round(this.clock.nowMs)} ms`)
        return
      }
    }
    if (this.host.error === null && !engine.atRest) wrong.push('the engine finished with a lease out or rows waiting')
  }

  /** Who emits looks for room before it begins: what was begun may come on top. */
  private queueLimit(): number {
    const { lanes, pool } = this.terms
    const workersMost = Math.max(pool.workersMax, ...(this.options.setWorkers ?? []).map(({ workers }) => workers))
    return edgeLimit.batches + Math.max(lanes, workersMost * pool.creditPerWorker + 2)
  }

  /** What bad rows cost, where nothing else makes a call come again. */
  private costs(expected: Expected): readonly string[] {
    const alone = this.faults.size === 0 && this.options.serviceAwayMs === undefined
    if (!alone || this.terms.pool.creditPerWorker > 1) return []
    const again = this.host.counts.get('call again') ?? 0
    const most = expected.extraCalls(this.host.rowsMost)
    return again <= most ? [] : [`bad rows cost ${again} calls more, at most ${most} were expected`]
  }

  private verdict(engine: Engine): readonly string[] {
    const { host, job } = this
    const { stops } = this.options
    const code = host.error?.code
    if (code !== stops) return [`the job should ${stops ?? 'finish'}: ${host.error?.render() ?? 'it finished'}`]
    const expected = expect(
      job,
      this.sources.map(s => s.given),
    )
    const sinks = new Map([...this.sinks].map(([id, s]) => [id, s.rows]))
    const { rowsIn, rowsDead } = engine.ledger
    const judged = stops === undefined ? judge : judgePart
    return [...judged(job, expected, { sinks, letters: host.letters, rowsIn, rowsDead }), ...this.costs(expected)]
  }
}

const makeSource = (splits: ConstructorParameters<typeof ScriptedSource>[0], chance: Chance): ScriptedSource =>
  new ScriptedSource(splits, chance)

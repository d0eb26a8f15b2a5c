/**
 * Simulate: one run of the real engine from a seed, and the verdict on it.
 *
 * A seed has three streams of chance: the job and its rows, the terms of the run (batch size, workers, lanes), and
 * the world (faults and their times). Two runs with the same job and other terms or another world must give the same rows.
 */
import { type ErrorCode, atFailpoint } from '../../base/index.js'
import { type DeadLetter, Engine, type EngineTerms, type EpochTerms, edgeLimit } from '../../runtime/index.js'
import { OpenedStage } from './call.js'
import { Chance } from './chance.js'
import { VirtualClock } from './clock.js'
import { Durable, isDeath } from './durable.js'
import { armFailpoint, drawFailpoint } from './failpoints.js'
import { type Faults, Striker, drawFaults } from './faults.js'
import { SimulatedHost } from './host.js'
import { type Job, drawJob } from './job.js'
import { Log } from './log.js'
import { type Simulated, type SimulationOptions } from './options.js'
import { type Expected, expect } from './oracle.js'
import { type Split, drawPoison, drawSplits } from './rows.js'
import { RecordingSink, ScriptedSource } from './scripted.js'
import { Swapper, drawSwaps } from './swapper.js'
import { judge, judgePart } from './verdict.js'
import { putOutBefore } from './saving.js'
import { drawEpochs, drawTerms, largeBytes } from './terms.js'
import { Damage } from './wire.js'
import { type WorkerWorld } from './worker.js'

/** Losses by chance after which the engine knows their rate: before, a row that is struck again is rightly blamed. */
const chancesKnown = 5
/** A run that is not over by then has stopped moving. */
const virtualMsMax = 3_600_000
const stepsMax = 2_000_000
/** Faults end at this moment, or after so many hosts. */
const calmMs = 120_000
const livesMax = 12
const tooManyDead: ReadonlySet<ErrorCode> = new Set(['ANB2004', 'ANB2005'])
/** What a run may need after that: services that are away, holds, and rows that let each of their calls hang up to its deadline. */
const liveMsMax = 600_000

/** One at a time: failpoints are one state of the process. */
export function simulate(options: SimulationOptions): Promise<Simulated> {
  const input = new Chance(options.input ?? options.seed, 1)
  const job = drawJob(input)
  const terms = { ...drawTerms(new Chance(options.seed, 2)), ...options.terms }
  const poison = options.poison ?? drawPoison(input)
  const rows = options.rows ?? input.pick([0, 1, 5, 20, 40, 80, 150, 300])
  const sourceCount = job.topology.vertices.filter(v => v.kind === 'source').length
  const splits = Array.from({ length: sourceCount }, (_, source) => drawSplits(input, { source, rows, job, poison }))
  return new Run(options, job, { ...terms, bounded: new Set(splits.keys()) }, splits).go()
}

class Run {
  private readonly clock = new VirtualClock()
  private readonly chance: Chance
  private readonly faults: Faults
  private readonly striker: Striker
  private readonly log: Log
  private readonly sources: readonly ScriptedSource[]
  private readonly sinks: ReadonlyMap<string, RecordingSink>
  private readonly letters: DeadLetter[]
  private readonly epochs: EpochTerms | null
  private readonly budget: number | null
  private readonly durable: Durable
  private readonly pollMs: number
  private readonly swapper: Swapper
  private host: SimulatedHost
  /** Of hosts that died. */
  private readonly before = { counts: new Map<string, number>(), calls: 0 }
  private engine: Engine | null = null
  private dies = false
  private livesBefore = 0
  private calmFromMs = 0
  private queuedMost = 0

  constructor(
    private readonly options: SimulationOptions,
    private readonly job: Job,
    private readonly terms: EngineTerms,
    splits: readonly (readonly Split[])[],
  ) {
    this.chance = new Chance(options.seed, 3)
    this.faults = options.faults ?? drawFaults(this.chance)
    this.striker = new Striker(this.faults, this.chance)
    this.log = new Log(options.log ?? false, () => this.clock.nowMs)
    this.sources = splits.map(s => new ScriptedSource(s, this.chance))
    const before = putOutBefore(options.from ?? null)
    this.letters = [...before.letters]
    const sinks = job.topology.vertices.filter(v => v.kind === 'sink')
    this.sinks = new Map(sinks.map(({ id }) => [id, new RecordingSink([...(before.sinks.get(id) ?? [])])]))
    this.epochs = options.epochs === undefined ? drawEpochs(this.chance) : options.epochs
    // By a stream of its own, so that the others stay as they are.
    const drawn = new Chance(options.seed, 4).pick([null, 1, 1, 200_000])
    this.budget = options.budget === undefined ? drawn : options.budget
    const { clock, chance, log } = this
    const ofSwaps = new Chance(options.seed, 5)
    // Who says what strikes a run wants nothing else in it.
    const mayDraw = this.epochs !== null && options.faults === undefined
    const swaps = options.swaps ?? (mayDraw ? drawSwaps(ofSwaps) : [])
    // A run that is over before a worker has started shows nothing of other code.
    this.pollMs = swaps.length === 0 ? 0.1 : ofSwaps.pick([0.1, 20, 100])
    this.swapper = new Swapper(job, swaps, { clock, chance, log, engine: () => this.engine })
    const { swapper } = this
    const captures: unknown[] = []
    const outputs = [...[...this.sinks.values()].map(s => s.rows), this.letters, captures]
    const die = (): void => {
      this.dies = true
    }
    this.durable = new Durable({
      clock,
      chance,
      log,
      outputs,
      striker: this.striker,
      topology: job.topology,
      budget: this.budget,
      swapper,
      die,
      from: options.from ?? null,
    })
    this.host = this.newHost()
  }

  private newHost(): SimulatedHost {
    const { clock, chance, striker, log } = this
    const world = this.world()
    return new SimulatedHost({
      clock,
      chance,
      striker,
      log,
      world: code => ({ ...world, ...this.opened(code) }),
      damage: world.damage,
      sources: this.sources,
      sinks: [...this.sinks.values()],
      letters: this.letters,
      pollMs: this.pollMs,
      guarded: chance.happens(0.5),
      tickMs: chance.pick([50, 100, 400]),
    })
  }

  private get chanceKnown(): boolean {
    return (this.host.counts.get('worker.lost.chance') ?? 0) >= chancesKnown
  }

  private world(): Omit<WorkerWorld, keyof ReturnType<Run['opened']>> {
    const { clock, chance, striker, log } = this
    return {
      clock,
      chance,
      striker,
      damage: new Damage(this.options.stops !== undefined),
      rowUs: chance.pick([1, 10, 100]),
      largeBytes,
      serviceBackMs:
        this.options.serviceAwayMs ?? (striker.strikes('service away') ? chance.between(1_000, 60_000) : 0),
      chanceKnown: () => this.chanceKnown,
      mayDieAfter: () => this.chanceKnown || !this.striker.struck.has('crash after the call'),
      log: (worker, what, about) => log.write(`worker ${worker}`, what, about),
    }
  }

  /** What a worker has opened that runs the code of this number. */
  private opened(code: number): Pick<WorkerWorld, 'stages' | 'starts'> {
    const stages = this.swapper.stagesOf(code)
    const numberOf = (id: string): number => this.job.operators.get(id) ?? -1
    const numbersOf = ({ operators }: (typeof stages)[number]['open']): readonly number[] =>
      operators.map(o => numberOf(o.id))
    return {
      stages: stages.map(({ open, versions }) => new OpenedStage(open, numbersOf(open), versions)),
      starts: !stages.some(({ versions }) => versions.some(({ bug }) => bug === 'does not start')),
    }
  }

  async go(): Promise<Simulated> {
    const wrong: string[] = []
    let rows = 0
    try {
      const engine = await this.lives(wrong)
      rows = engine.ledger.rowsIn
      await this.swapper.end(engine)
      if (this.epochs !== null && this.host.error === null) await this.durable.end()
      wrong.push(
        ...this.host.wrong,
        ...this.durable.wrong,
        ...this.swapper.wrong,
        ...this.verdict(engine),
        ...this.liveness(),
      )
    } catch (error) {
      wrong.push(error instanceof Error ? (error.stack ?? error.message) : String(error))
    } finally {
      armFailpoint(null, () => undefined)
    }
    const { host, clock, log, before } = this
    const counts = new Map<string, number>()
    for (const of of [before.counts, host.counts, this.striker.struck, this.durable.counts, this.swapper.counts])
      for (const [name, times] of of) counts.set(name, (counts.get(name) ?? 0) + times)
    return {
      seed: this.options.seed,
      wrong,
      error: host.error,
      sinks: new Map([...this.sinks].map(([id, s]) => [id, s.rows])),
      order: this.job.order,
      letters: this.letters,
      counts,
      log: log.text,
      digest: log.digest,
      virtualMs: clock.nowMs,
      calls: before.calls + host.calls,
      queue: { most: this.queuedMost, limit: this.queueLimit() },
      rows,
    }
  }

  /** One attempt after the other, until one comes to the end. */
  private async lives(wrong: string[]): Promise<Engine> {
    this.plan()
    for (;;) {
      const engine = await this.live()
      if (engine !== null && (await this.spin(engine, wrong)) && !(await this.begins(engine))) return engine
      await this.goOn()
    }
  }

  /** Whether its host begins another attempt: new code was to blame, or there was no room on the disk. */
  private async begins(engine: Engine): Promise<boolean> {
    const { host, swapper, durable } = this
    if (host.error === null) return false
    const isOfNewCode = swapper.failed(host.error, engine)
    if (!isOfNewCode && host.error.code !== 'ANB6011') return false
    await durable.leave()
    return true
  }

  /** One attempt; null: the host died before rows flowed. */
  private async live(): Promise<Engine | null> {
    const { epochs, host, durable, chance, striker, swapper } = this
    this.armed()
    try {
      const keeper = epochs === null ? null : await durable.open(() => engine)
      const { topology } = swapper.goOn(keeper?.record ?? null)
      const engine: Engine = new Engine(
        topology,
        {
          ...this.terms,
          epochs:
            epochs === null || keeper === null ? null : { terms: epochs, effects: keeper, beyond: durable.beyond },
        },
        host,
        host.observer,
      )
      this.engine = engine
      if (keeper !== null) await durable.goOn(keeper, engine)
      const positions = Durable.positionsOf(keeper)
      this.sources.forEach((source, i) => source.seek(positions[i] ?? null))
      if (epochs !== null && striker.strikes('host dies'))
        this.clock.after(chance.between(1, chance.pick([60, 300, 3_000])), () => (this.dies = true))
      host.run(engine)
      swapper.flows(keeper?.record?.epoch ?? 0)
      swapper.plan()
      return engine
    } catch (error) {
      if (!isDeath(error)) throw error
      return null
    }
  }

  private armed(): void {
    const { chance, striker, epochs, faults } = this
    const dies = striker.strikes('dies at a failpoint')
    const turn = this.options.seed + this.livesBefore
    const at = dies ? drawFailpoint(chance, { turn, epochs: epochs !== null, drains: faults.has('drain') }) : null
    armFailpoint(at, ({ name, side }) => {
      striker.note(`failpoint ${name} ${side}`)
      this.log.write('failpoint', name, side)
      this.dies ||= !name.startsWith('w.')
    })
  }

  /** The host is dead, with its workers, or an attempt of it has failed; another one goes on. */
  private async goOn(): Promise<void> {
    const { host, clock, before, swapper, durable } = this
    for (const [name, times] of host.counts) before.counts.set(name, (before.counts.get(name) ?? 0) + times)
    before.calls += host.calls
    if (this.dies || host.error === null) {
      await durable.crash()
      swapper.died()
    }
    this.dies = false
    clock.clear()
    this.host = this.newHost()
    this.livesBefore += 1
  }

  /** Faults that have one moment. */
  private plan(): void {
    const { clock, chance, striker, log } = this
    const { save, setWorkers = [] } = this.options
    if (save !== undefined) clock.tell(save.atMs, () => this.durable.save(save))
    for (const { atMs, workers } of setWorkers)
      clock.tell(atMs, () => {
        log.write('host', 'sets', `${workers} workers`)
        this.engine?.setWorkers({ workersMin: null, workersMax: workers }, clock.nowMs)
      })
    if (striker.strikes('drain'))
      clock.tell(chance.between(1, 2_000), () => {
        log.write('host', 'drains')
        atFailpoint('shutdown.drain', () => this.sources.forEach(source => source.drain()))
      })
    if (striker.strikes('host stands still'))
      clock.after(chance.between(300, 2_000), () => {
        const ms = chance.between(5_000, 60_000)
        log.write('host', 'stands', `still for ${ms} ms`)
        clock.standStill(ms)
      })
  }

  /** Answers false where the host died. */
  private async spin(engine: Engine, wrong: string[]): Promise<boolean> {
    let steps = 0
    while (!this.host.over) {
      if (this.dies) return false
      steps += 1
      if (steps % 8 === 0) this.queuedMost = Math.max(this.queuedMost, ...engine.queued)
      this.calmDown()
      if (!this.step() || this.clock.nowMs > virtualMsMax || steps > stepsMax) {
        wrong.push(`the engine did not finish: ${steps} steps, ${Math.round(this.clock.nowMs)} ms`)
        return true
      }
      if (this.durable.isMoving) await this.durable.settle()
      await this.swapper.settle()
    }
    if (this.host.error === null && !engine.atRest) wrong.push('the engine finished with a lease out or rows waiting')
    return true
  }

  /** Lets the next thing happen; false where nothing will. */
  private step(): boolean {
    try {
      return this.clock.step()
    } catch (error) {
      if (!isDeath(error)) throw error
      return true
    }
  }

  /** Safety first, with all the faults; then they end, and the run has to. */
  private calmDown(): void {
    const { striker, clock } = this
    if (striker.isCalm || (clock.nowMs < calmMs && this.livesBefore < livesMax)) return
    striker.isCalm = true
    armFailpoint(null, () => undefined)
    this.calmFromMs = clock.nowMs
  }

  private liveness(): readonly string[] {
    const ms = this.striker.isCalm ? this.clock.nowMs - this.calmFromMs : 0
    return ms <= liveMsMax ? [] : [`without faults it needed ${Math.round(ms)} ms more, ${liveMsMax} is the limit`]
  }

  /** Who emits looks for room before it begins: what was begun may come on top. */
  private queueLimit(): number {
    const { lanes, pool } = this.terms
    const workersMost = Math.max(pool.workersMax, ...(this.options.setWorkers ?? []).map(({ workers }) => workers))
    return edgeLimit.batches + Math.max(lanes, workersMost * pool.creditPerWorker + 2)
  }

  /** What bad rows cost, where nothing else makes a call come again. */
  private costs(expected: Expected): readonly string[] {
    const alone = this.faults.size === 0 && this.options.serviceAwayMs === undefined && !this.swapper.hasAsked
    if (!alone || this.terms.pool.creditPerWorker > 1) return []
    const again = this.host.counts.get('call again') ?? 0
    const most = expected.extraCalls(this.host.rowsMost)
    return again <= most ? [] : [`bad rows cost ${again} calls more, at most ${most} were expected`]
  }

  private verdict(engine: Engine): readonly string[] {
    const { host, job, swapper } = this
    const code = host.error?.code
    // Code that fails rows and was kept may fail as many as stop a job.
    const mayStop = swapper.hasKeptBug && code !== undefined && tooManyDead.has(code)
    const stops = mayStop ? code : this.options.stops
    if (code !== stops) return [`the job should ${stops ?? 'finish'}: ${host.error?.render() ?? 'it finished'}`]
    const expected = expect(
      job,
      this.sources.map(s => s.given),
      swapper.eras,
    )
    const sinks = new Map([...this.sinks].map(([id, s]) => [id, s.rows]))
    const { rowsIn, rowsDead } = engine.ledger
    const judged = stops === undefined ? judge : judgePart
    return [...judged(job, expected, { sinks, letters: this.letters, rowsIn, rowsDead }), ...this.costs(expected)]
  }
}

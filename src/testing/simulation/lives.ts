/** Lives: the hosts of one simulated run, one after the other, each with its workers, and the attempts of each of them. */
import { atFailpoint } from '../../base/index.js'
import { Engine } from '../../runtime/index.js'
import { OpenedStage } from './call.js'
import { Durable, isDeath } from './durable.js'
import { armFailpoint, drawFailpoint } from './failpoints.js'
import { SimulatedHost } from './host.js'
import { type Scene } from './scene.js'
import { largeBytes } from './terms.js'
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

export class Lives {
  readonly wrong: string[] = []
  host: SimulatedHost
  /** Of hosts that died. */
  readonly before = { counts: new Map<string, number>(), calls: 0 }
  /** Most batches that ever waited before one vertex. */
  queuedMost = 0
  readonly counts = new Map<string, number>()
  private count = 0
  private calmFromMs = 0
  /** The last attempt was stopped, and the next one goes on. */
  private isSuspended = false
  private suspends = 0

  constructor(private readonly scene: Scene) {
    this.host = this.newHost()
  }

  /** One attempt after the other, until one comes to the end. */
  async go(): Promise<Engine> {
    this.plan()
    for (;;) {
      const engine = await this.live()
      if (engine !== null && (await this.spin(engine)) && !(await this.begins(engine))) {
        this.noteExpired()
        return engine
      }
      await this.goOn()
    }
  }

  /** How long it needed after the last fault. */
  get calmForMs(): number {
    const { striker, clock } = this.scene
    return striker.isCalm ? clock.nowMs - this.calmFromMs : 0
  }

  private newHost(): SimulatedHost {
    const { clock, chance, striker, log, sources, sinks, letters, pollMs, timetable } = this.scene
    const world = this.world()
    return new SimulatedHost({
      clock,
      chance,
      striker,
      log,
      world: code => ({ ...world, ...this.opened(code) }),
      damage: world.damage,
      sources,
      sinks: [...sinks.values()],
      letters,
      pollMs,
      timetable,
      wallMs: () => this.scene.wallMs,
      guarded: chance.happens(0.5),
      tickMs: chance.pick([50, 100, 400]),
    })
  }

  private get chanceKnown(): boolean {
    return (this.host.counts.get('worker.lost.chance') ?? 0) >= chancesKnown
  }

  private world(): Omit<WorkerWorld, keyof ReturnType<Lives['opened']>> {
    const { clock, chance, striker, log, options } = this.scene
    return {
      clock,
      chance,
      striker,
      damage: new Damage(options.stops !== undefined),
      rowUs: chance.pick([1, 10, 100]),
      largeBytes,
      serviceBackMs: options.serviceAwayMs ?? (striker.strikes('service away') ? chance.between(1_000, 60_000) : 0),
      chanceKnown: () => this.chanceKnown,
      mayDieAfter: () => this.chanceKnown || !striker.struck.has('crash after the call'),
      log: (worker, what, about) => log.write(`worker ${worker}`, what, about),
    }
  }

  /** What a worker has opened that runs the code of this number. */
  private opened(code: number): Pick<WorkerWorld, 'stages' | 'starts'> {
    const { swapper, job } = this.scene
    const stages = swapper.stagesOf(code)
    const numberOf = (id: string): number => job.operators.get(id) ?? -1
    const numbersOf = ({ operators }: (typeof stages)[number]['open']): readonly number[] =>
      operators.map(o => numberOf(o.id))
    return {
      stages: stages.map(({ open, versions }) => new OpenedStage(open, numbersOf(open), versions)),
      starts: !stages.some(({ versions }) => versions.some(({ bug }) => bug === 'does not start')),
    }
  }

  /** Whether its host begins another attempt: it was stopped, new code was to blame, or there was no room on the disk. */
  private async begins(engine: Engine): Promise<boolean> {
    const { swapper, durable } = this.scene
    const { host } = this
    if (host.error === null) {
      this.isSuspended = engine.end.run === 'unfinished'
      if (this.isSuspended) await durable.suspended()
      return this.isSuspended
    }
    const isOfNewCode = swapper.failed(host.error, engine)
    if (!isOfNewCode && host.error.code !== 'ANB6011') return false
    await durable.leave()
    return true
  }

  /** One attempt; null: the host died before rows flowed. */
  private async live(): Promise<Engine | null> {
    const { scene, host } = this
    const { epochs, durable, chance, striker, swapper, terms, sources, timetable } = scene
    this.armed()
    timetable.begin()
    scene.engine = null
    try {
      const keeper = epochs === null ? null : await durable.open(() => engine)
      const { topology } = swapper.goOn(keeper?.record ?? null)
      const ofEpochs =
        epochs === null || keeper === null ? null : { terms: epochs, effects: keeper, beyond: durable.beyond }
      const engine: Engine = new Engine(
        topology,
        { ...terms, trial: swapper.onTrial, epochs: ofEpochs },
        host,
        host.observer,
      )
      scene.engine = engine
      if (keeper !== null) await durable.goOn(keeper, engine)
      const positions = Durable.positionsOf(keeper)
      sources.forEach((source, i) => source.seek(positions[i] ?? null))
      if (epochs !== null && striker.strikes('host dies'))
        scene.clock.after(chance.between(1, chance.pick([60, 300, 3_000])), () => (scene.dies = true))
      host.run(engine)
      if (epochs !== null) this.suspendLater(engine)
      swapper.flows(keeper?.record?.epoch ?? 0)
      swapper.plan()
      return engine
    } catch (error) {
      if (!isDeath(error)) throw error
      return null
    }
  }

  private suspendLater(engine: Engine): void {
    const { options, clock } = this.scene
    const afterMs = options.suspends?.[this.suspends]
    if (afterMs === undefined) return
    this.suspends += 1
    clock.after(afterMs, () => engine.suspend(clock.nowMs))
  }

  private armed(): void {
    const { scene } = this
    const { chance, striker, epochs, faults, options, log } = scene
    const dies = striker.strikes('dies at a failpoint')
    const turn = options.seed + this.count
    const at = dies ? drawFailpoint(chance, { turn, epochs: epochs !== null, drains: faults.has('drain') }) : null
    armFailpoint(at, ({ name, side }) => {
      striker.note(`failpoint ${name} ${side}`)
      log.write('failpoint', name, side)
      scene.dies ||= !name.startsWith('w.')
    })
  }

  /** The host is dead, with its workers, or an attempt of it has failed; another one goes on. */
  private async goOn(): Promise<void> {
    const { host, before, scene } = this
    for (const [name, times] of host.counts) before.counts.set(name, (before.counts.get(name) ?? 0) + times)
    before.calls += host.calls
    this.noteExpired()
    if (scene.dies || (host.error === null && !this.isSuspended)) {
      await scene.durable.crash()
      scene.swapper.died()
    }
    this.isSuspended = false
    scene.dies = false
    scene.clock.clear()
    this.host = this.newHost()
    this.count += 1
  }

  /** What an attempt found expired beyond memory. */
  private noteExpired(): void {
    const { engine, clock } = this.scene
    const stages = engine?.report(clock.nowMs).stages ?? []
    const keys = stages.reduce((sum, { beyond }) => sum + (beyond?.expired ?? 0), 0)
    const what = `expired beyond memory${this.count > 0 ? ', in a host that went on' : ''}`
    if (keys > 0) this.counts.set(what, (this.counts.get(what) ?? 0) + keys)
  }

  /** Faults that have one moment. */
  private plan(): void {
    const { scene } = this
    const { clock, chance, striker, log, durable, sources } = scene
    const { save, setWorkers = [] } = scene.options
    if (save !== undefined) clock.tell(save.atMs, () => durable.save(save))
    for (const { atMs, workers } of setWorkers)
      clock.tell(atMs, () => {
        log.write('host', 'sets', `${workers} workers`)
        scene.engine?.setWorkers({ workersMin: null, workersMax: workers }, clock.nowMs)
      })
    if (striker.strikes('drain'))
      clock.tell(chance.between(1, 2_000), () => {
        log.write('host', 'drains')
        atFailpoint('shutdown.drain', () => sources.forEach(source => source.drain()))
      })
    if (striker.strikes('host stands still'))
      clock.after(chance.between(300, 2_000), () => {
        const ms = chance.between(5_000, 60_000)
        log.write('host', 'stands', `still for ${ms} ms`)
        clock.standStill(ms)
      })
  }

  /** Answers false where the host died. */
  private async spin(engine: Engine): Promise<boolean> {
    const { scene, wrong } = this
    const { clock, durable, swapper } = scene
    let steps = 0
    while (!this.host.over) {
      if (scene.dies) return false
      steps += 1
      if (steps % 8 === 0) this.queuedMost = Math.max(this.queuedMost, ...engine.queued)
      this.calmDown()
      if (!this.step() || clock.nowMs > virtualMsMax || steps > stepsMax) {
        wrong.push(`the engine did not finish: ${steps} steps, ${Math.round(clock.nowMs)} ms`)
        return true
      }
      if (durable.isMoving) await durable.settle()
      await swapper.settle()
    }
    const isOver = this.host.error === null && engine.end.run === 'finished'
    if (isOver && !engine.atRest) wrong.push('the engine finished with a lease out or rows waiting')
    return true
  }

  /** Lets the next thing happen; false where nothing will. */
  private step(): boolean {
    try {
      return this.scene.clock.step()
    } catch (error) {
      if (!isDeath(error)) throw error
      return true
    }
  }

  /** Safety first, with all the faults; then they end, and the run has to. */
  private calmDown(): void {
    const { striker, clock } = this.scene
    if (striker.isCalm || (clock.nowMs < calmMs && this.count < livesMax)) return
    striker.isCalm = true
    armFailpoint(null, () => undefined)
    this.calmFromMs = clock.nowMs
  }
}

/**
 * What outlives a simulated host: the state store on a simulated disk, and what each output holds. Epochs are carried there
 * by the keeper and the store of a real run; only the disk, the outputs and the time that things take are ours.
 *
 * Promises of the store need turns of Node's queue and no time of the simulation: after each event the run waits until
 * nothing moves any more (`settle`), so a seed gives the same run again.
 */
import { AnabranchError, invariant } from '../../base/index.js'
import { type Base, baseOf, decodeRecord, readSavepoint } from '../../checkpoint/index.js'
import { type Prepared, type SourcePosition } from '../../connectors/index.js'
import { type Topology } from '../../plan/index.js'
import {
  BeyondKeeper,
  type BeyondStore,
  type BeyondTerms,
  type Engine,
  type EpochCut,
  EpochKeeper,
  type KeeperParts,
  expectRestoredKeys,
  restoreOperator,
} from '../../runtime/index.js'
import { type ColdAnswer, type ColdQuestion } from '../../state/index.js'
import { StateStore } from '../../state/stores/index.js'
import { type Chance } from './chance.js'
import { type VirtualClock } from './clock.js'
import { type Striker } from './faults.js'
import { type Log } from './log.js'
import { type SavepointPlace, beginAt, save } from './saving.js'
import { type Appended, SimulatedOutput } from './output.js'
import { HostDied, SimulatedPlace, type WriteFate } from './store.js'
import { type Swapper } from './swapper.js'

export interface DurableParts {
  readonly clock: VirtualClock
  readonly chance: Chance
  readonly striker: Striker
  readonly log: Log
  readonly topology: Topology
  /** Bytes of memory for state that one life of the host has, and the next, and so on in turn; null: no limit. */
  readonly budgets: readonly number[] | null
  /** Whose code an epoch is of. */
  readonly swapper: Swapper
  /** Rows of the sinks in the order of the topology, then the dead letters, then the captures. */
  readonly outputs: readonly Appended[]
  /** The host dies, where it stands. */
  readonly die: () => void
  /** The first host begins at this savepoint; null: at the beginning. */
  readonly from: SavepointPlace | null
}

/** Turns that a chain of promises may take before it needs something from outside. */
const turnsMax = 200
const never = new Promise<void>(() => undefined)

/** Tells of each epoch before it is written. */
class WatchedKeeper extends EpochKeeper {
  constructor(
    parts: KeeperParts,
    private readonly swapper: Swapper,
  ) {
    super(parts)
  }

  override writeEpoch(epoch: number, cut: EpochCut, prepared: readonly Prepared[]): void {
    this.swapper.noted(epoch, cut)
    super.writeEpoch(epoch, cut, prepared)
  }
}

/** One life of the host. */
export class Life {
  isDead = false
  /** What was asked of the store and the outputs and is not settled. */
  asked = 0
  /** Of these, what waits for time to pass. */
  asleep = 0

  /** Nobody moves the clock: before rows flow, and after the end. */
  isStill = true
  private readonly sleepers = new Set<() => void>()

  constructor(
    private readonly clock: VirtualClock,
    readonly engine: () => Engine,
  ) {}

  /** Whether promises move without anybody's help. */
  get isMoving(): boolean {
    return this.asked > this.asleep
  }

  pause(ms: number): Promise<void> {
    if (this.isDead) return never
    if (this.isStill) return Promise.resolve()
    this.asleep += 1
    return new Promise(resolve => {
      const wake = (): void => {
        if (!this.sleepers.delete(wake)) return
        this.asleep -= 1
        resolve()
      }
      this.sleepers.add(wake)
      this.clock.tell(ms, wake)
    })
  }

  /** Nobody moves the clock any more. */
  end(): void {
    this.isStill = true
    for (const wake of this.sleepers) wake()
  }
}

export class Durable {
  readonly wrong: string[] = []
  readonly counts = new Map<string, number>()
  private readonly place: SimulatedPlace
  private readonly outputs: readonly SimulatedOutput[]
  private life: Life | null = null
  private lives = 0
  private store: StateStore | null = null
  private isOpening = false
  private keepsBeyond: BeyondKeeper | null = null
  private readonly saving = new Set<Promise<void>>()

  constructor(private readonly parts: DurableParts) {
    this.place = new SimulatedPlace('5eed5eed5eed5eed', () => this.fate())
    const ears = {
      wrong: (what: string) => this.wrong.push(what),
      count: (what: string) => this.count(what),
      committed: () => this.isOpening && this.count('epoch rolled forward'),
      isWritten: (epoch: number) => this.place.disk.has(`${epoch.toString(16).padStart(16, '0')}0100000000`),
    }
    this.outputs = parts.outputs.map(
      (rows, i) => new SimulatedOutput(String(i), rows, i < parts.outputs.length - 2, ears),
    )
    const { from } = parts
    if (from === null) return
    const { epoch } = readSavepoint(from.files, from.path).epoch
    for (const output of this.outputs) output.begin(epoch)
  }

  /** Opens what is on the disk, for one life of the host. */
  async open(engine: () => Engine): Promise<EpochKeeper> {
    const { clock, topology, budgets, swapper } = this.parts
    const life = new Life(clock, engine)
    this.life = life
    this.lives += 1
    // Nothing counts before the first epoch of a store that is made.
    if (this.place.disk.size === 0) this.place.cold = null
    this.store = await StateStore.open({
      place: this.place,
      pause: ms => life.pause(ms),
      deadCountMax: 1,
      cold: budgets !== null,
    })
    const { store } = this
    const watched: BeyondStore = {
      readCold: question => this.readCold(store, question),
      readColdPage: place => store.readColdPage(place),
      writeCold: changes => store.writeCold(changes),
      coldKeysOf: operator => store.coldKeysOf(operator),
      coldRowsOf: operator => store.coldRowsOf(operator),
      makeAnew: operator => store.makeAnew(operator),
    }
    this.keepsBeyond = new BeyondKeeper(
      () => watched,
      (promise, then) => {
        this.count('state beyond memory')
        this.told(life, promise, value => then(engine(), value, clock.nowMs))
      },
    )
    const sinks = this.outputs.slice(0, -2)
    const [letters, captures] = this.outputs.slice(-2)
    if (letters === undefined || captures === undefined) throw new RangeError('dead letters and captures are outputs')
    const { last, unfinished } = this.store
    const { from } = this
    const parts: KeeperParts = {
      job: 'simulated',
      topology,
      codeOf: number => swapper.recordOf(number),
      last:
        last !== null ? decodeRecord(last.bytes) : from === null ? null : readSavepoint(from.files, from.path).epoch,
      unfinished: unfinished.map(({ bytes }) => decodeRecord(bytes)),
      keyGroups: 128,
      dropState: [],
      rewind: false,
      outputs: { sinks, letters, captures },
      wallMs: () => clock.nowMs,
      log: level => level === 'warning' && this.count('disk nearly full'),
      nowMs: () => clock.nowMs,
      settled: (promise, then) => {
        this.told(life, promise, value => life.engine().epochStep(epochs => then(epochs, value), clock.nowMs))
      },
    }
    return new WatchedKeeper(parts, swapper)
  }

  private async readCold(store: StateStore, question: ColdQuestion): Promise<ColdAnswer> {
    const answer = await store.readCold(question)
    // Items have numbers, entries of our maps names.
    for (const { forms } of answer.items.flatMap(({ found }) => found))
      this.count(forms[0]?.key.fields.at(-1)?.type.kind === 'int64' ? 'list brought back' : 'map brought back')
    for (const { reach, named } of question.collections) {
      if (named !== null) this.count('entry read by its name')
      if (reach === 'all' && question.operators.length === 0) this.count('read whole after all')
    }
    return answer
  }

  /** How the life that was opened last keeps state within its budget. */
  get beyond(): BeyondTerms | null {
    const { budgets } = this.parts
    if (budgets === null || this.keepsBeyond === null) return null
    const budget = budgets[(this.lives - 1) % budgets.length] ?? 1
    // Maps of a few entries are partly known too.
    return { budgetBytes: budget, effects: this.keepsBeyond, entriesAtFirst: 1 }
  }

  private told<T>(life: Life, promise: Promise<T>, then: (value: T) => void): void {
    life.asked += 1
    promise.then(
      value => this.soon(life, () => then(value)),
      (error: unknown) => this.failed(life, error),
    )
  }

  /** A new engine goes on where the last written epoch was, and what was not committed is. */
  async goOn(keeper: EpochKeeper, engine: Engine): Promise<void> {
    const { restored } = keeper
    const { store, from } = this
    invariant(store !== null, 'a host goes on with the store that it has opened')
    this.isOpening = true
    if (restored !== null) engine.restore(restored)
    try {
      if (from !== null) {
        this.count('begins at a savepoint')
        await beginAt(from, { store, keeper, engine, beyond: this.beyond === null ? null : this.keepsBeyond })
      } else if (restored !== null) {
        this.count('epoch goes on')
        await this.read(async base => {
          for (const each of base.operators) await restoreOperator(base, engine.state, each, this.keepsBeyond)
        })
        await this.read(base => expectRestoredKeys(base, engine, this.keepsBeyond))
      }
    } catch (error) {
      if (!(error instanceof AnabranchError) || error.code !== 'ANB6011') throw error
      this.count('store gave up')
      throw new HostDied('the store gave up')
    }
    await keeper.open(store, { lineage: store.lineage, forebears: [] }).finally(() => (this.isOpening = false))
    const { life } = this
    if (life === null) return
    life.isStill = false
    this.told(
      life,
      store.checkCold(() => life.pause(10)),
      () => this.count('state beyond memory is whole'),
    )
  }

  private async read(from: (base: Base) => Promise<void> | void): Promise<void> {
    const snapshot = (await this.store?.snapshot()) ?? null
    if (snapshot === null) return
    try {
      await from(baseOf(snapshot))
    } finally {
      snapshot.release()
    }
  }

  /** Asks for a savepoint. One that the host does not live to see is asked for in vain. */
  save(place: SavepointPlace): void {
    const { store, life } = this
    if (store === null || life === null) return
    this.parts.log.write('host', 'is asked', 'for a savepoint')
    const saved = save(store, life.engine(), { ...place, nowMs: this.parts.clock.nowMs }).then(
      () => this.count('savepoint'),
      (error: unknown) => {
        if (!life.isDead && !isDeath(error)) this.wrong.push(String(error))
      },
    )
    this.saving.add(saved.finally(() => this.saving.delete(saved)))
  }

  /** Where each source goes on. */
  static positionsOf(keeper: EpochKeeper | null): readonly (SourcePosition | null)[] {
    return keeper?.restored?.sources.map(s => s.position) ?? []
  }

  get isMoving(): boolean {
    return this.life?.isMoving === true
  }

  /** Until no promise moves. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < turnsMax && this.life?.isMoving === true; turn += 1) await Promise.resolve()
  }

  /** The host is gone: what it had begun goes no further, and what nobody synced may be lost. */
  async crash(): Promise<void> {
    const { chance, log } = this.parts
    const { life, place } = this
    if (life !== null) life.isDead = true
    // Nobody lives to hear of them.
    this.saving.clear()
    await place.crash()
    // Who was in the middle of something finds the disk gone.
    place.isDead = true
    for (let turn = 0; turn < turnsMax; turn += 1) await Promise.resolve()
    await place.crash()
    for (const output of this.outputs) output.crash(chance)
    log.write('host', 'crashes', `${place.writes} writes so far`)
    this.count('host crashes')
  }

  /** A run was stopped: all that it put out is in an epoch that every sink has. */
  suspended(): Promise<void> {
    for (const output of this.outputs) output.end()
    return this.leave('run is stopped')
  }

  /** An attempt is over and its host lives, unless it dies in this: what was asked of the store is done, of the rest nobody hears. */
  async leave(why = 'attempt failed'): Promise<void> {
    const { life } = this
    invariant(life !== null, 'an attempt that is over was opened')
    life.end()
    await this.settle()
    await this.closeStore()
    life.isDead = true
    this.count(why)
  }

  /** After the end of a run: everything that a sink holds was committed. */
  async end(): Promise<void> {
    this.life?.end()
    for (const output of this.outputs) output.end()
    this.count('epochs', this.store?.last?.epoch ?? 0)
    this.count('store reopened', this.store?.counts.reopened ?? 0)
    await Promise.all(this.saving)
    await this.closeStore()
  }

  private async closeStore(): Promise<void> {
    await this.store?.close().catch((error: unknown) => {
      if (!isDeath(error)) throw error
    })
  }

  /** What the next host begins at: nothing of a lineage of its own is on the disk. */
  private get from(): SavepointPlace | null {
    return this.store?.last === null ? this.parts.from : null
  }

  private fate(): WriteFate {
    const { striker, chance } = this.parts
    if (striker.strikes('disk full')) return 'refused'
    if (striker.strikes('fsync fails')) return 'refused but kept'
    if (!striker.strikes('host dies in a write')) return 'done'
    this.parts.die()
    return chance.happens(0.5) ? 'kept with the host' : 'lost with the host'
  }

  private soon(life: Life, then: () => void): void {
    life.asked -= 1
    if (!life.isDead) this.parts.clock.tell(this.parts.chance.pick([0, 0.1, 5, 200]), then)
  }

  /** A store that gave up stops the job; somebody makes room, and it begins again, or another host does. */
  private failed(life: Life, error: unknown): void {
    life.asked -= 1
    if (life.isDead) return
    if (!(error instanceof AnabranchError) && !isDeath(error)) this.wrong.push(String(error))
    if (error instanceof AnabranchError && error.code !== 'ANB6011') this.wrong.push(error.render())
    if (error instanceof AnabranchError) this.count('store gave up')
    if (error instanceof AnabranchError && this.parts.chance.happens(0.5)) life.engine().stop(error)
    else this.parts.die()
  }

  private count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by)
  }
}

/** The host died at a failpoint or in a write, whoever tells it. */
export function isDeath(error: unknown): boolean {
  return error instanceof HostDied || (error instanceof Error && error.cause !== undefined && isDeath(error.cause))
}

/**
 * Checkpoints: the state of a run on disk, in `DIR/state/store`. Opened before anything is started, since a state that cannot
 * be gone on from must be refused before a row is read; closed last.
 *
 * A run that finished says so in `finished.json`: the next one begins anew. One that begins at a savepoint has no store until
 * everything about it proved right; until then the store that was there is as it was. The same holds for one that begins anew.
 */
import { join } from 'node:path'
import { PlanError, StateError, invariant } from '../../base/index.js'
import { type Base, type EpochRecord, baseOf, decodeRecord, openSavepoint } from '../../checkpoint/index.js'
import { type SourcePosition } from '../../connectors/index.js'
import { type StateStore, besideStore } from '../../state/stores/index.js'
import { type BeyondTerms, type Engine } from '../flow/index.js'
import { type EpochsReport } from '../options.js'
import { BeyondCheck } from './beyond-check.js'
import { BeyondKeeper } from './beyond-keeper.js'
import { type Codes } from './codes.js'
import { type StoredIds, nothingStored } from './drops.js'
import { EpochKeeper, type Outputs } from './epoch-keeper.js'
import { type Host } from './host.js'
import { type Migrating } from './migrating.js'
import { type Opened } from './opened.js'
import { columnsLeft } from './left-columns.js'
import { leftBehind, ownerOf, restoreState } from './restore-state.js'
import { beginBeside } from './rewind.js'
import { type Saved, removeUnfinished, saveEpoch } from './savepoints.js'
import { Saves, unlessOver } from './saves.js'
import { StorePlaces, finishedName } from './store-places.js'

interface CheckpointParts extends Outputs {
  readonly host: Host
  readonly codes: Codes
  /** As in `Lasting`. */
  begun(): void
}

export class Checkpoints {
  private restoreMs = 0
  private readonly saves = new Saves()
  private readonly keepsBeyond: BeyondKeeper
  private readonly check: BeyondCheck
  /** What becomes the store of a run that begins at a savepoint, or anew where one is there. */
  private making: StateStore | null = null
  private restoring: Promise<void> | null = null
  /** Sinks may have heard of the store. */
  private hasBegun = false
  private readonly ends = new AbortController()

  private constructor(
    private readonly openMs: number,
    private readonly opened: Opened,
    private readonly places: StorePlaces,
    private readonly outputs: CheckpointParts,
    readonly keeper: EpochKeeper,
    /** What the run goes on from; null: nothing. */
    private readonly base: Base | null,
    /** Null until a run begins that does not go on with the one that is there. */
    private store: StateStore | null,
  ) {
    const storeOf = (): StateStore => {
      const store = this.store ?? this.making
      invariant(store !== null, 'state goes beyond memory once it is restored, and then there is a store')
      return store
    }
    this.check = new BeyondCheck(opened.world.clock)
    this.keepsBeyond = new BeyondKeeper(storeOf, (promise, then) => outputs.host.stateStep(promise, then))
  }

  /** null: the run has no epochs. @throws StateError where the state or savepoint is damaged, or that of something else */
  static async open(opened: Opened, parts: CheckpointParts): Promise<Checkpoints | null> {
    const { options, world } = opened
    if (options.epochMs === null) {
      if (options.from === null) return null
      throw new PlanError('ANB8003', 'expected a job with epochs with --from, this one has none', {
        hint: 'leave out --epoch off: positions and state are kept in epochs',
      })
    }
    const beganMs = world.clock.nowMs()
    const places = new StorePlaces(join(options.out, 'state'), opened)
    const store = await places.start()
    if (store !== null) parts.begun()
    try {
      const base = await baseFrom(opened, store)
      const keeper = keeperOf(opened, parts, { base, store })
      return new Checkpoints(world.clock.nowMs() - beganMs, opened, places, parts, keeper, base, store)
    } catch (error) {
      await store?.close()
      throw error
    }
  }

  /** Where each source goes on. */
  get positions(): readonly (SourcePosition | null)[] {
    return this.keeper.restored?.sources.map(s => s.position) ?? []
  }

  get stored(): StoredIds {
    const { base } = this
    return base === null ? nothingStored : { ...base.record.plan, operators: base.operators.map(ownerOf) }
  }

  /** The engine has what was; its state comes later, and is there when the promise settles. */
  restore(engine: Engine, migrating: Migrating): Promise<void> {
    this.restoring = this.restoreAll(engine, migrating)
    return this.restoring
  }

  private async restoreAll(engine: Engine, migrating: Migrating): Promise<void> {
    const { base, keeper, opened, places } = this
    const { restored } = keeper
    if (base === null || restored === null) return
    const { clock } = opened.world
    const beganMs = clock.nowMs()
    engine.restore(restored)
    for (const words of columnsLeft(base, opened.topology, migrating)) opened.options.observer.log('warning', words)
    const left = await leftBehind(base, opened.topology, opened.options.dropState)
    if (this.store !== null) keeper.leave(left, this.outputs.codes.count)
    else this.making = await places.make()
    const isInMemory = this.making !== null && opened.options.stateBudgetBytes === null
    const beyond = isInMemory ? null : this.keepsBeyond
    await restoreState(base, engine, { migrating, beyond, signal: this.ends.signal })
    base.release()
    this.restoreMs = clock.nowMs() - beganMs
  }

  get report(): EpochsReport {
    return { ...this.keeper.report, openMs: this.openMs, restoreMs: this.restoreMs }
  }

  /** Everything proved right: outputs are opened, and a run that begins at a savepoint has its store. */
  async begin(engine: Engine): Promise<void> {
    const { keeper, places, opened, outputs } = this
    if (this.store !== null) await keeper.check(places.descentOf(this.store.lineage, keeper.record))
    else {
      const made = this.making ?? (await places.make())
      this.making = made
      const { topology, options } = opened
      const { rewind } = options
      const terms = { keeper, places, topology, sinks: outputs.sinks, rewind, keepCode: () => outputs.codes.keep() }
      this.store = await beginBeside(made, terms, epoch => engine.state.whole(epoch))
      outputs.begun()
    }
    this.hasBegun = true
    await keeper.open(this.store, places.descentOf(this.store.lineage, keeper.record))
    if (keeper.leavesBehind) outputs.host.wantEpoch()
    outputs.codes.keep()
    outputs.codes.leave()
    removeUnfinished(opened.world.files, opened.options.out)
    this.check.begin(this.store, promise => outputs.host.stateStep(promise, () => undefined))
  }

  /** How state goes beyond memory; null: all of it is in memory. Where some lies there already, it stays there. */
  get beyond(): BeyondTerms | null {
    const { keepsBeyond: effects, opened, base, store } = this
    const { stateBudgetBytes } = opened.options
    if (stateBudgetBytes !== null) return { budgetBytes: besideStore(stateBudgetBytes), effects }
    if (store === null || base === null || base.operators.every(({ operator }) => base.coldRowsOf(operator) === 0))
      return null
    return { budgetBytes: Number.MAX_SAFE_INTEGER, effects }
  }

  /** Every sink has finished: there is nothing to go on with. */
  finished(): void {
    const { files } = this.opened.world
    files.writeText(join(this.places.store, finishedName), `${JSON.stringify({ job: this.opened.plan.job })}\n`)
    files.syncDirectory(this.places.store)
  }

  /** All that was done until now as a savepoint, while the run goes on: an epoch that is due later is cut at once. */
  save(engine: Engine, name: string | null): Promise<Saved> {
    const { store } = this
    const { world, options } = this.opened
    return this.saves.add(async over => {
      if (store === null) throw new StateError('ANB6033', 'the run is only starting, so there is nothing to save')
      await unlessOver(over, store.whenFinished(engine.hastenEpoch(world.clock.nowMs())))
      const { out, stateBudgetBytes: budgetBytes } = options
      return saveEpoch(store, { out, name, files: world.files, wallMs: world.clock.wallMs(), budgetBytes, over })
    })
  }

  /** Savepoints that are under way are made: the run came to its end. */
  async saved(): Promise<void> {
    await this.saves.settled()
  }

  async close(): Promise<void> {
    await this.check.close()
    await this.saves.close()
    this.ends.abort()
    await this.restoring?.catch(() => undefined)
    if (this.store === null && this.making !== null) await this.places.giveUp(this.making)
    if (this.store !== null && !this.hasBegun) await this.places.refused(this.store)
    await this.store?.close()
  }
}

/** @throws StateError ANB6035 where the savepoint is of another job */
async function baseFrom({ options, plan, world }: Opened, store: StateStore | null): Promise<Base | null> {
  if (store !== null) {
    const snapshot = await store.snapshot()
    return snapshot === null ? null : baseOf(snapshot)
  }
  if (options.from === null) return null
  const base = openSavepoint(world.files, options.from)
  const { job } = base.record
  if (job === plan.job) return base
  throw new StateError('ANB6035', `savepoint ${options.from} is of job "${job}", not of "${plan.job}"`)
}

function keeperOf(
  { plan, topology, world, options }: Opened,
  outputs: CheckpointParts,
  { base, store }: { readonly base: Base | null; readonly store: StateStore | null },
): EpochKeeper {
  const unfinished: readonly EpochRecord[] = store?.unfinished.map(({ bytes }) => decodeRecord(bytes)) ?? []
  return new EpochKeeper({
    job: plan.job,
    topology,
    codeOf: code => outputs.codes.recordOf(code),
    last: base?.record ?? null,
    unfinished,
    keyGroups: plan.options.keyGroups,
    dropState: options.dropState,
    rewind: options.rewind,
    outputs,
    wallMs: () => world.clock.wallMs(),
    log: options.observer.log.bind(options.observer),
    nowMs: () => world.clock.nowMs(),
    settled: (promise, then) => outputs.host.epochStep(promise, then),
  })
}

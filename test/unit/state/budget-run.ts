/** One run of a job with one keyed operator whose state has a budget: the real tables and the real store. */
import { expect } from 'vitest'
import { type Batch, batchFromRows, rowsOf, setBit } from '../../../src/batch/index.js'
import {
  type ColdAsk,
  ColdSide,
  Expiry,
  KeyDigest,
  KeyIndex,
  KeyWalk,
  OperatorState,
  OperatorStates,
  type StateClock,
  type StateForm,
  StateTable,
  expectKeys,
  storedValues,
} from '../../../src/state/index.js'
import { type Snapshot, StateStore, type StorePlace } from '../../../src/state/stores/index.js'
import { Leavings } from './leavings.js'
import { restoreStage } from './restored.js'
import { countsByUser } from './rows-of-state.js'

const pause = (): Promise<void> => Promise.resolve()
const record = new Uint8Array(1)

/** One run of a job with one keyed operator. */
export class Run {
  private readonly index = new KeyIndex({ ...countsByUser, dense: true })
  private readonly table: StateTable
  private readonly expiry: Expiry | null
  private readonly cold: ColdSide
  private readonly state: OperatorState
  private readonly leavings: Leavings

  private constructor(
    readonly store: StateStore,
    budget: number,
    private epoch: number,
    /** Its state columns are values, with or without a time to live. */
    private readonly declared: StateForm,
    clock: StateClock,
  ) {
    const form = { ...declared, state: storedValues(declared.state) }
    this.table = new StateTable(form.state)
    this.expiry = Expiry.of(this.table, declared.state, clock)
    const { index, table, expiry } = this
    this.cold = new ColdSide(index, budget, 1)
    this.leavings = new Leavings(this.cold, store)
    this.state = new OperatorState({ operator: 'counts', form, index, table, watch: this.cold.watch(0) })
    this.cold.use([{ form, table, state: this.state, expiry }], clock)
  }

  static async open(
    place: StorePlace,
    budget: number,
    declared = countsByUser,
    clock: StateClock = { wallMs: 0 },
    /** Makes what is stored the declared state, beyond memory. */
    migrate: ((store: StateStore, snapshot: Snapshot) => Promise<void>) | null = null,
  ): Promise<Run> {
    const store = await StateStore.open({ place, pause, cold: true, deadCountMax: 1 })
    await store.checkCold()
    const run = new Run(store, budget, store.last?.epoch ?? 0, declared, clock)
    const snapshot = await store.snapshot()
    if (migrate !== null && snapshot !== null) {
      await migrate(store, snapshot)
      run.state.rewrite()
    }
    run.cold.begin(operator => store.coldRowsOf(operator))
    const { state, cold } = run
    if (migrate === null && snapshot !== null)
      await restoreStage(store, snapshot, { states: new OperatorStates([state], cold), cold }, null)
    snapshot?.release()
    const found = run.state.countRestored(store.coldKeysOf('counts'))
    const expected = snapshot?.digests?.get('counts') ?? new KeyDigest(declared.keyGroups)
    expectKeys({ operator: 'counts', place: store.path, epoch: run.epoch }, expected, found)
    return run
  }

  get hotKeys(): number {
    return this.index.size
  }

  /** What rows of these users find. */
  async found(users: readonly string[]): Promise<readonly Readonly<Record<string, unknown>>[]> {
    const slots = await this.slotsOf(users)
    return rowsOf((this.expiry?.gather(slots, true) ?? this.table.gather(slots)).state)
  }

  private async slotsOf(users: readonly string[]): Promise<Int32Array> {
    const keys = batchFromRows(
      countsByUser.key,
      users.map(user => ({ user })),
    )
    const slots = this.index.resolve(keys)
    await this.load(this.cold.routed(slots))
    return slots
  }

  private async load(ask: ColdAsk | null): Promise<void> {
    if (ask !== null) this.cold.loaded(ask, await this.store.readCold(ask.question))
  }

  /** The numbers that rows of these users find; then each has the one it is given, or none. */
  async rows(changes: readonly (readonly [string, number | null])[]): Promise<readonly unknown[]> {
    const users = changes.map(([user]) => user)
    const found = (await this.found(users)).map(row => row['n'])
    const slots = await this.slotsOf(users)
    const clear = new Uint8Array(Math.ceil(changes.length / 8))
    changes.forEach(([, n], i) => n === null && setBit(clear, i))
    const state = changes.map(([user, n]) => ({ n: n === null ? null : BigInt(n), label: `${user} ${n}` }))
    this.table.apply(slots, this.stamped(slots, batchFromRows(this.declared.state, state)), clear)
    return found
  }

  private stamped(slots: Int32Array, state: Batch): Batch {
    const all = new Uint8Array(Math.ceil(slots.length / 8)).fill(255)
    return this.expiry?.stamped(slots, state, new Map(state.schema.fields.map(({ name }) => [name, all]))) ?? state
  }

  /** Time passes while nothing comes: some of what has expired goes. */
  async tick(): Promise<void> {
    this.expiry?.sweep(8)
    const place = this.cold.sweeps
    if (place !== null) {
      const { over, ask } = this.cold.swept(await this.store.readColdPage({ ...place, entriesMax: 5 }))
      await this.load(ask)
      if (over !== null) this.cold.expire(over.slots)
    }
  }

  /** All users that have state, as the last calls meet them: so many entries from beyond memory at once. */
  async walked(entriesMax: number): Promise<readonly { readonly user: string; readonly n: unknown }[]> {
    const { index, table, cold, declared } = this
    const inMemory = index.sortedByGroup(table.presentSlots())
    const groups = { first: 0, last: declared.keyGroups - 1 }
    const form = { ...declared, state: table.schema }
    const walk = new KeyWalk(index, {
      layers: [{ operator: 'counts', form }],
      groups,
      inMemory,
      looksBeyond: cold.looksBeyond,
    })
    const users: { readonly user: string; readonly n: unknown }[] = []
    const meet = (slots: Int32Array): void => {
      const there = index.sortedByGroup(slots.filter(slot => table.present(slot)))
      const rows = rowsOf(table.gather(there).state)
      rowsOf(index.keysOf(there)).forEach((key, i) => users.push({ user: String(key['user']), n: rows[i]?.['n'] }))
    }
    const before = this.hotKeys
    for (let place = walk.place(entriesMax); place !== null; place = walk.place(entriesMax)) {
      const slots = walk.looked(await this.store.readColdPage(place))
      if (slots === null) expect.fail('values are all that there is')
      const ask = cold.came(slots)
      await this.load(ask)
      meet(slots)
      if (ask !== null) cold.drop(ask.slots)
      expect(this.hotKeys).toBe(before)
    }
    for (let slots = walk.next(2); slots.length > 0; slots = walk.next(2)) meet(slots)
    return users
  }

  /** Nothing came for a while. */
  rest(): void {
    this.cold.rest()
  }

  async cut(): Promise<void> {
    await this.epochEnds()
    await this.leavings.all(this.epoch)
  }

  /** As `cut`; that what leaves memory is written is heard of behind the next cut. */
  async cutSlowly(): Promise<void> {
    await this.epochEnds()
    await this.leavings.slowly(this.epoch)
  }

  private async epochEnds(): Promise<void> {
    this.epoch += 1
    const blocks = this.state.take(this.epoch, this.cold.hollow.takeTellsAll())
    this.cold.choose(this.epoch, [])
    await this.store.prepare(this.epoch, record, blocks, [this.state.takeKeys() ?? []].flat())
    this.store.finish(this.epoch)
    this.leavings.hear()
  }
}

/** One run of a job with one keyed operator that keeps a value, lists and a map beyond memory; and a disk on which hosts die. */
import { type Value, BufferPool, batchFromRows, rowsOf } from '../../../src/batch/index.js'
import { KeyedState, type NewState } from '../../../src/runtime/flow/keyed.js'
import { type Keep, type Schema } from '../../../src/schema/index.js'
import { type ColdAsk, type ColdSide, StoredOperator, readBlock } from '../../../src/state/index.js'
import { StateStore, type StorePlace } from '../../../src/state/stores/index.js'
import { SimulatedPlace, type WriteFate } from '../../../src/testing/simulation/store.js'

export const lifeMs = 1_000
const input: Schema = { fields: [{ name: 'user', type: { kind: 'utf8' } }] }
const operators = ['count', 'count/log', 'count/seen', 'count/last']

/** A value, a list that is never read, one that is, and a map. */
function stateOf({ expires, valueMs = lifeMs }: Terms): Schema {
  const ttl = { ms: lifeMs, update: 'on_create_and_write', visibility: 'never_return_expired' } as const
  const kept = <K extends Keep>(keep: K): K => (expires ? { ...keep, ttl } : keep)
  return {
    fields: [
      { name: 'n', type: { kind: 'int64' }, ...(expires && { keep: { as: 'value', ttl: { ...ttl, ms: valueMs } } }) },
      { name: 'log', type: { kind: 'list', item: { kind: 'int64' } }, keep: kept({ as: 'list', reads: false }) },
      { name: 'seen', type: { kind: 'list', item: { kind: 'utf8' } }, keep: kept({ as: 'list', reads: true }) },
      {
        name: 'last',
        type: { kind: 'map', key: { kind: 'utf8' }, value: { kind: 'int64' } },
        keep: kept({ as: 'map', entries: 'all' }),
      },
    ],
  }
}

/** What a call does to one key. */
export interface Change {
  readonly user: string
  /** It loses all state. */
  readonly gone: boolean
  readonly clear: boolean
  readonly seen: readonly (string | null)[]
  readonly removed: readonly string[]
  readonly last: readonly (readonly [string, bigint])[]
}

interface Terms {
  readonly budgetBytes: number
  readonly expires: boolean
  /** How long the value lives; left out: as long as all else. */
  readonly valueMs?: number
  readonly clock: { wallMs: number }
}

/** A host dies after so many writes, in the next one. */
interface Death {
  readonly writes: number
  readonly kept: boolean
}

/** One run of a job with one keyed operator. */
export class Run {
  private readonly keyed: KeyedState
  private readonly cold: ColdSide

  private constructor(
    readonly store: StateStore,
    private epoch: number,
    terms: Terms,
  ) {
    this.keyed = new KeyedState({
      columns: ['user'],
      nullKeys: 'dead-letter',
      keyGroups: 16,
      lanes: 1,
      operators: new Map([[0, { id: 'count', state: stateOf(terms) }]]),
      input,
      clock: terms.clock,
      budgetBytes: terms.budgetBytes,
      memory: new BufferPool(1 << 20),
    })
    if (this.keyed.cold === null) throw new RangeError('its state has a budget')
    this.cold = this.keyed.cold
  }

  static async open(place: StorePlace, terms: Terms): Promise<Run> {
    const pause = (): Promise<void> => Promise.resolve()
    const store = await StateStore.open({ place, pause, cold: true, deadCountMax: 1 })
    await store.checkCold()
    const run = new Run(store, store.last?.epoch ?? 0, terms)
    const snapshot = await store.snapshot()
    run.cold.begin(operator => snapshot?.coldRowsOf(operator) ?? 0)
    for (const operator of operators)
      await snapshot?.restore(
        operator,
        async block => {
          const rows = readBlock(block)
          run.keyed.restore(operator, block.form, rows)
          await run.settle(rows.epoch)
        },
        { hot: true },
      )
    snapshot?.release()
    return run
  }

  private async settle(epoch: number): Promise<void> {
    for (let ask = this.cold.askRestored(); ask !== null; ask = this.cold.askRestored())
      this.cold.loaded(ask, await this.store.readCold(ask.question), ask.part)
    this.cold.chooseRestored(Math.max(0, epoch - 1))
    await this.leave(epoch)
  }

  get hotKeys(): number {
    return this.keyed.index.size
  }

  get entries(): number {
    return operators.reduce((sum, operator) => sum + this.store.coldRowsOf(operator), 0)
  }

  private async load(ask: ColdAsk | null): Promise<void> {
    if (ask !== null) this.cold.loaded(ask, await this.store.readCold(ask.question))
  }

  /** What rows of these users find; then the changes are made. */
  async rows(changes: readonly Change[]): Promise<readonly unknown[]> {
    const { keyed } = this
    const { slots } = keyed.route(
      batchFromRows(
        input,
        changes.map(({ user }) => ({ user })),
      ),
    )
    await this.load(this.cold.routed(slots))
    const collections = keyed.collections.get(0)
    if (collections === undefined) throw new RangeError('it keeps lists and a map')
    const { lists, maps } = collections.gather(slots, null)
    const counts = rowsOf(keyed.gather(0, slots).state).map(({ n }) => n ?? null)
    const found = rowsOf(maps).map(({ last }, i) => {
      return { n: counts[i], seen: rowsOf(lists)[i]?.['seen'], last: sorted(last) }
    })
    const { listsBack, mapsBack } = collections.schemas
    const clear = new Uint8Array(Math.ceil(changes.length / 8))
    changes.forEach(({ gone }, i) => {
      if (gone) clear[i >> 3] = (clear[i >> 3] ?? 0) | (1 << (i & 7))
    })
    const reply: NewState = {
      operator: 0,
      state: batchFromRows(
        { fields: [{ name: 'n', type: { kind: 'int64' } }] },
        counts.map(n => ({ n: BigInt(Number(n ?? 0)) + 1n })),
      ),
      clear,
      written: new Map([['n', new Uint8Array(clear.length).fill(255)]]),
      changes: {
        lists: batchFromRows(
          listsBack,
          changes.map(({ clear: emptied, seen }) => ({
            log: { clear: emptied, entries: seen.map(logged) },
            seen: { clear: emptied, entries: seen },
          })),
        ),
        maps: batchFromRows(
          mapsBack,
          changes.map(({ clear: emptied, removed, last }) => ({ last: { clear: emptied, removed, entries: last } })),
        ),
      },
    }
    await this.load(this.cold.more(keyed.lacks(slots, [reply])))
    keyed.apply(slots, reply)
    return found
  }

  /** The keys for the last calls, so many entries from beyond memory at once. */
  async walked(entriesMax: number): Promise<readonly string[]> {
    const { keyed, cold, hotKeys } = this
    const met: string[] = []
    const meet = (slots: Int32Array): void => {
      for (const { user } of rowsOf(keyed.keysOf(keyed.living(0, slots)))) met.push(String(user))
    }
    const walk = keyed.walk(0, 0)
    for (let place = walk.place(entriesMax); place !== null; place = walk.place(entriesMax)) {
      const slots = walk.looked(await this.store.readColdPage(place))
      if (slots === null) continue
      const ask = cold.came()
      await this.load(ask)
      meet(slots)
      if (ask !== null) cold.drop(ask.slots)
      if (this.hotKeys !== hotKeys) throw new RangeError('keys that came in for the walk stayed')
    }
    for (let slots = walk.next(3); slots.length > 0; slots = walk.next(3)) meet(slots)
    return met
  }

  /** Time passes while nothing comes: some of what has expired goes. */
  async tick(): Promise<void> {
    this.keyed.sweep()
    const place = this.cold.sweeps
    if (place === null) return
    for (const ask of this.cold.swept(await this.store.readColdPage({ ...place, entriesMax: 7 }))) {
      await this.load(ask)
      this.cold.expire(ask.slots)
    }
  }

  rest(): void {
    this.cold.rest()
  }

  async cut(): Promise<void> {
    this.epoch += 1
    const blocks = this.keyed.takeDirty(this.epoch)
    this.cold.choose(this.epoch, [])
    await this.store.prepare(this.epoch, new Uint8Array(1), blocks)
    this.store.finish(this.epoch)
    await this.leave(this.epoch)
  }

  private async leave(written: number): Promise<void> {
    for (let leaving = this.cold.leave(written); leaving !== null; leaving = this.cold.leave(written))
      this.cold.left(leaving, await this.store.writeCold(leaving.changes))
  }

  /** Everything that the store has, as `state list` and a savepoint see it. */
  async stored(): Promise<unknown> {
    const found = new Map<string, Stored>()
    const snapshot = await this.store.snapshot()
    for (const operator of ['count/log', 'count/seen', 'count/last']) {
      const form = snapshot?.operators.find(each => each.operator === operator)?.form
      if (form === undefined) continue
      const of = new StoredOperator(operator, form)
      await snapshot?.restore(operator, block => of.take(block))
      const { keys, state } = of.rowsOf(of.slots)
      const values = rowsOf(state)
      const rows = rowsOf(keys).map((key, i) => ({
        user: String(key['user']),
        entry: key['entry'],
        value: values[i]?.['value'],
      }))
      if (operator !== 'count/last') rows.sort((a, b) => Number(a.entry) - Number(b.entry))
      for (const { user, entry, value } of rows) {
        const kept = found.get(user) ?? { log: [], seen: [], last: [] }
        found.set(user, kept)
        if (operator === 'count/log') kept.log.push(value)
        else if (operator === 'count/seen') kept.seen.push(value)
        else kept.last.push([entry, value])
      }
    }
    snapshot?.release()
    return new Map(
      [...found]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([user, { log, seen, last }]) => [user, { log, seen, last: last.toSorted() }]),
    )
  }
}

interface Stored {
  readonly log: unknown[]
  readonly seen: unknown[]
  readonly last: unknown[]
}

/** What the list that is never read gets of an item of the other one. */
export const logged = (item: string | null, i: number): bigint => BigInt(10 * (item?.length ?? 0) + i)

const sorted = (value: Value | undefined): unknown => [...(value as readonly (readonly [Value, Value])[])].toSorted()

/** A disk, on which a host may die at its next writes. */
export class MortalPlace extends SimulatedPlace {
  private death: Death | null = null

  constructor() {
    super('0123456789abcdef', () => this.next())
  }

  private next(): WriteFate {
    if (this.death === null) return 'done'
    this.death = { ...this.death, writes: this.death.writes - 1 }
    return this.death.writes >= 0 ? 'done' : this.death.kept ? 'kept with the host' : 'lost with the host'
  }

  /** Answers whether it did, before all was done. */
  async dies(death: Death, host: () => Promise<Run>): Promise<boolean> {
    this.death = death
    try {
      await host()
      return false
    } catch (error) {
      if (!(error instanceof Error)) throw error
      return true
    } finally {
      this.death = null
      await this.crash()
    }
  }
}

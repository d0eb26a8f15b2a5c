/** One run of a job with one keyed operator that keeps a value, lists and a map beyond memory; and a disk on which hosts die. */
import { BufferPool, type Value, batchFromRows, bitAt, rowsOf } from '../../../src/batch/index.js'
import { KeyedState, type NewState } from '../../../src/runtime/flow/keyed.js'
import { type Keep, type Schema } from '../../../src/schema/index.js'
import {
  type ColdAsk,
  type ColdSide,
  type Collections,
  KeyDigest,
  StoredOperator,
  expectKeys,
} from '../../../src/state/index.js'
import { StateStore, type StorePlace } from '../../../src/state/stores/index.js'
import { isDeath } from '../../../src/testing/simulation/durable.js'
import { SimulatedPlace, type WriteFate } from '../../../src/testing/simulation/store.js'
import { Leavings } from './leavings.js'
import { restoreStage } from './restored.js'

export const lifeMs = 1_000
const input: Schema = { fields: [{ name: 'user', type: { kind: 'utf8' } }] }
const named: Schema = { fields: [...input.fields, { name: 'name', type: { kind: 'utf8' } }] }
const operators = ['count', 'count/log', 'count/seen', 'count/last', 'count/named']

/** A value, a list that is never read, one that is, a map that is read whole, and one of which rows name entries. */
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
      {
        name: 'named',
        type: { kind: 'map', key: { kind: 'utf8' }, value: { kind: 'int64' } },
        keep: kept({ as: 'map', entries: 'name' }),
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
  /** The entry that its row names. */
  readonly name: string | null
  readonly unnamed: readonly string[]
  readonly named: readonly (readonly [string, bigint])[]
}

export interface Terms {
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
  /** How often something was read of keys in memory. */
  fetched = 0
  /** How often its start asked for all that keys have beyond memory. */
  asked = 0
  /** Of which operators, lists and maps something was written beyond memory, write by write. */
  readonly written: (readonly string[])[] = []
  private readonly leavings: Leavings

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
      entriesAtFirst: 3,
      memory: new BufferPool(1 << 20),
    })
    if (this.keyed.cold === null) throw new RangeError('its state has a budget')
    this.cold = this.keyed.cold
    this.leavings = new Leavings(this.cold, store, some => this.written.push(some))
  }

  static async open(place: StorePlace, terms: Terms): Promise<Run> {
    const pause = (): Promise<void> => Promise.resolve()
    const store = await StateStore.open({ place, pause, cold: true, deadCountMax: 1 })
    await store.checkCold()
    const run = new Run(store, store.last?.epoch ?? 0, terms)
    const snapshot = await store.snapshot()
    const { cold } = run
    const { states } = run.keyed
    const watch = { asked: () => (run.asked += 1), written: (some: readonly string[]) => run.written.push(some) }
    if (snapshot !== null) await restoreStage(store, snapshot, { states, cold }, watch)
    for (const operator of operators) {
      const found = states.countRestored(operator, store.coldKeysOf(operator)) ?? new KeyDigest(16)
      const expected = snapshot?.digests?.get(operator) ?? new KeyDigest(16)
      expectKeys({ operator, place: store.path, epoch: run.epoch }, expected, found)
    }
    snapshot?.release()
    return run
  }

  get hotKeys(): number {
    return this.keyed.index.size
  }

  get entries(): number {
    return operators.reduce((sum, operator) => sum + this.store.coldRowsOf(operator), 0)
  }

  private async load(ask: ColdAsk | null): Promise<void> {
    if (ask?.question.operators.length === 0) this.fetched += 1
    if (ask !== null) this.cold.loaded(ask, await this.store.readCold(ask.question))
  }

  private async slotsOf(users: readonly string[]): Promise<Int32Array> {
    const rows = users.map(user => ({ user }))
    const { slots } = this.keyed.route(batchFromRows(input, rows))
    await this.load(this.cold.routed(slots))
    return slots
  }

  /** All entries of the map of which rows name entries, as a last call gets them. */
  async all(users: readonly string[]): Promise<readonly unknown[]> {
    const slots = await this.slotsOf(users)
    await this.load(this.cold.more(this.keyed.lacksOfEnd(0, slots)))
    const maps = this.collections.gather(slots, null).maps
    this.cold.shed(slots)
    return rowsOf(maps).map(row => sorted(row['named']))
  }

  private get collections(): Collections {
    const collections = this.keyed.collections.get(0)
    if (collections === undefined) throw new RangeError('it keeps lists and maps')
    return collections
  }

  /** What rows of these users find; then the changes are made. */
  async rows(changes: readonly Change[]): Promise<readonly unknown[]> {
    const { keyed } = this
    const { collections } = this
    const slots = await this.slotsOf(changes.map(({ user }) => user))
    const batch = batchFromRows(
      named,
      changes.map(({ user, name }) => ({ user, name })),
    )
    await this.load(this.cold.more(keyed.lacksOfRows(slots, batch)))
    const { lists, maps } = collections.gather(slots, { batch, index: Int32Array.from(slots.keys()) })
    const { state: values, isNew } = keyed.gather(0, slots)
    const counts = rowsOf(values).map(({ n }) => n ?? null)
    const found = rowsOf(maps).map(({ last, named: asked }, i) => {
      const of = { n: counts[i], seen: rowsOf(lists)[i]?.['seen'], last: sorted(last), named: sorted(asked) }
      return { ...of, isNew: bitAt(isNew, i) === 1 }
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
          changes.map(({ clear: emptied, removed, last, unnamed, named: entries }) => ({
            last: { clear: emptied, removed, entries: last },
            named: { clear: emptied, removed: unnamed, entries },
          })),
        ),
      },
    }
    await this.load(this.cold.more(keyed.lacksOfReply(slots, [reply])))
    keyed.apply(slots, reply)
    return found
  }

  /** The keys for the last calls, so many entries from beyond memory at once. */
  async walked(entriesMax: number): Promise<readonly string[]> {
    const { keyed, cold, hotKeys } = this
    const met: string[] = []
    const meet = async (slots: Int32Array): Promise<void> => {
      await this.load(cold.more(keyed.lacksOfEnd(0, slots)))
      for (const { user } of rowsOf(keyed.keysOf(keyed.living(0, slots)))) met.push(String(user))
    }
    const walk = keyed.walk(0, 0)
    for (let place = walk.place(entriesMax); place !== null; place = walk.place(entriesMax)) {
      const slots = walk.looked(await this.store.readColdPage(place))
      if (slots === null) continue
      const ask = cold.came(slots)
      await this.load(ask)
      await meet(slots)
      if (ask !== null) cold.drop(ask.slots)
      cold.shed(slots)
      if (this.hotKeys !== hotKeys) throw new RangeError('keys that came in for the walk stayed')
    }
    for (let slots = walk.next(3); slots.length > 0; slots = walk.next(3)) await meet(slots)
    return met
  }

  /** Time passes while nothing comes: some of what has expired goes. */
  async tick(): Promise<void> {
    this.keyed.sweep()
    const place = this.cold.sweeps
    if (place === null) return
    const { over, ask } = this.cold.swept(await this.store.readColdPage({ ...place, entriesMax: 7 }))
    await this.load(ask)
    if (over === null) return
    await this.load(this.cold.more(this.cold.lacksOf(over)))
    this.cold.expire(over.slots)
  }

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
    const blocks = this.keyed.takeDirty(this.epoch)
    this.cold.choose(this.epoch, [])
    await this.store.prepare(this.epoch, new Uint8Array(1), blocks, this.keyed.states.takeKeys())
    this.store.finish(this.epoch)
    this.leavings.hear()
  }

  /** As `cut`; the last calls begin while what leaves memory is written. */
  async cutAtEnd(lastCalls: () => Promise<void>): Promise<void> {
    await this.epochEnds()
    const leaving = this.cold.leave(this.epoch)
    if (leaving === null) throw new RangeError('keys leave memory')
    this.cold.stayAll()
    await lastCalls()
    this.cold.left(leaving, await this.store.writeCold(leaving.changes))
  }

  /** Everything that the store has, as `state list` and a savepoint see it. */
  async stored(): Promise<unknown> {
    const found = new Map<string, Stored>()
    const snapshot = await this.store.snapshot()
    for (const operator of ['count/log', 'count/seen', 'count/last', 'count/named']) {
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
      if (operator === 'count/log' || operator === 'count/seen') rows.sort((a, b) => Number(a.entry) - Number(b.entry))
      for (const { user, entry, value } of rows) {
        const kept = found.get(user) ?? { log: [], seen: [], last: [], named: [] }
        found.set(user, kept)
        if (operator === 'count/log') kept.log.push(value)
        else if (operator === 'count/seen') kept.seen.push(value)
        else if (operator === 'count/last') kept.last.push([entry, value])
        else kept.named.push([entry, value])
      }
    }
    snapshot?.release()
    return new Map(
      [...found]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([user, { log, seen, last, named: some }]) => {
          return [user, { log, seen, last: last.toSorted(), named: some.toSorted() }]
        }),
    )
  }
}

interface Stored {
  readonly log: unknown[]
  readonly seen: unknown[]
  readonly last: unknown[]
  readonly named: unknown[]
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
      if (!isDeath(error)) throw error
      return true
    } finally {
      this.death = null
      await this.crash()
    }
  }
}

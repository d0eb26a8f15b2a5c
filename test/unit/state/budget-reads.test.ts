/** What is read of lists and maps that are larger than memory, counted at the database: no more than is needed. */
import { describe, expect, test } from 'vitest'
import { BufferPool, batchFromRows, rowsOf } from '../../../src/batch/index.js'
import { KeyedState, type NewState } from '../../../src/runtime/flow/keyed.js'
import { type Schema } from '../../../src/schema/index.js'
import {
  type ColdAsk,
  type ColdSide,
  type CollectionChanges,
  type CollectionSchemas,
} from '../../../src/state/index.js'
import { type KeyRange, type KeyValue, type Put, StateStore } from '../../../src/state/stores/index.js'
import { SimulatedPlace } from '../../../src/testing/simulation/store.js'

const input: Schema = {
  fields: [
    { name: 'user', type: { kind: 'utf8' } },
    { name: 'page', type: { kind: 'utf8' } },
  ],
}
const log: Schema = {
  fields: [{ name: 'log', type: { kind: 'list', item: { kind: 'int64' } }, keep: { as: 'list', reads: false } }],
}
const pages: Schema = {
  fields: [
    {
      name: 'pages',
      type: { kind: 'map', key: { kind: 'utf8' }, value: { kind: 'int64' } },
      keep: { as: 'map', entries: 'page' },
    },
  ],
}
/** Of a map, with its key. */
const entriesAtFirst = 64

/** Counts the entries that are read beyond memory. */
class CountedPlace extends SimulatedPlace {
  read = 0

  constructor() {
    super('0123456789abcdef')
  }

  override async openCold(create: boolean): Promise<KeyValue | null> {
    const kv = await super.openCold(create)
    if (kv === null) return null
    const { getMany, entries } = { getMany: kv.getMany.bind(kv), entries: kv.entries.bind(kv) }
    const count = (): void => void this.read++
    kv.getMany = keys => {
      this.read += keys.length
      return getMany(keys)
    }
    kv.entries = async function* (range: KeyRange): AsyncIterable<Put> {
      for await (const put of entries(range)) {
        count()
        yield put
      }
    }
    return kv
  }
}

type Called = Promise<{ readonly read: number; readonly got: unknown }>

/** A job with one operator, whose keys leave memory with each epoch. */
class Run {
  private readonly keyed: KeyedState
  private readonly cold: ColdSide
  private epoch = 0

  private constructor(
    private readonly place: CountedPlace,
    readonly store: StateStore,
    private readonly state: Schema,
  ) {
    this.keyed = new KeyedState({
      columns: ['user'],
      nullKeys: 'dead-letter',
      keyGroups: 16,
      lanes: 1,
      operators: new Map([[0, { id: 'keep', state }]]),
      input,
      clock: { wallMs: 0 },
      budgetBytes: 1,
      memory: new BufferPool(1 << 20),
    })
    if (this.keyed.cold === null) throw new RangeError('its state has a budget')
    this.cold = this.keyed.cold
  }

  static async open(state: Schema, place = new CountedPlace()): Promise<Run> {
    const store = await StateStore.open({ place, pause: () => Promise.resolve(), cold: true })
    const run = new Run(place, store, state)
    run.epoch = store.last?.epoch ?? 0
    run.cold.begin(operator => store.coldRowsOf(operator))
    return run
  }

  /** Another host goes on; no key is in its memory. */
  async again(): Promise<Run> {
    await this.place.crash()
    return Run.open(this.state, this.place)
  }

  /** Nothing beyond memory is what was written. */
  damage(): void {
    for (const value of this.place.cold?.values() ?? []) value.fill(255)
  }

  /** What becomes of the list of this user. Answers how many entries were read for it. */
  async list(user: string, entries: readonly bigint[], clear = false): Promise<number> {
    const change = (schemas: CollectionSchemas): CollectionChanges => {
      return { lists: batchFromRows(schemas.listsBack, [{ log: { clear, entries } }]), maps: null }
    }
    return (await this.call([{ user, page: null }], change)).read
  }

  /** A call with a row for each of these pages, which sets these entries. Answers the entries that it gets. */
  map(user: string, named: readonly string[], entries: readonly (readonly [string, bigint])[], clear = false): Called {
    const change = (schemas: CollectionSchemas): CollectionChanges => {
      return { lists: null, maps: batchFromRows(schemas.mapsBack, [{ pages: { clear, removed: [], entries } }]) }
    }
    const rows = named.map(page => ({ user, page }))
    return this.call(rows, change)
  }

  private async call(
    rows: readonly { readonly user: string; readonly page: string | null }[],
    changeOf: (schemas: CollectionSchemas) => CollectionChanges,
  ): Called {
    const { keyed, cold, place } = this
    const before = place.read
    const batch = batchFromRows(input, rows)
    const { slots } = keyed.route(batch)
    await this.load(cold.routed(slots))
    await this.load(cold.more(keyed.lacksOfRows(slots, batch)))
    const collections = keyed.collections.get(0)
    if (collections === undefined) throw new RangeError('it keeps a list or a map')
    const { uniq, index } = keyed.group(slots)
    const [sent] = rowsOf(collections.gather(uniq, { batch, index }).maps)
    const reply: NewState = {
      operator: 0,
      state: batchFromRows({ fields: [] }, [{}]),
      clear: null,
      written: new Map(),
      changes: changeOf(collections.schemas),
    }
    await this.load(cold.more(keyed.lacksOfReply(uniq, [reply])))
    keyed.apply(uniq, reply)
    return { read: place.read - before, got: sent?.['pages'] ?? null }
  }

  private async load(ask: ColdAsk | null): Promise<void> {
    if (ask !== null) this.cold.loaded(ask, await this.store.readCold(ask.question))
  }

  /** An epoch is written, and all keys leave memory. Answers how many entries lie beyond it. */
  async cut(): Promise<number> {
    this.epoch += 1
    const blocks = this.keyed.takeDirty(this.epoch)
    this.cold.choose(this.epoch, [])
    await this.store.prepare(this.epoch, new Uint8Array(1), blocks)
    this.store.finish(this.epoch)
    for (let leaving = this.cold.leave(this.epoch); leaving !== null; leaving = this.cold.leave(this.epoch))
      this.cold.left(leaving, await this.store.writeCold(leaving.changes))
    expect(this.keyed.index.size).toBe(0)
    // What is there, not what was counted: without the values of keys, and what the place counts.
    return (this.place.cold?.size ?? 0) - this.store.coldRowsOf('keep') - 1
  }
}

const numbers = (count: number): readonly bigint[] => Array.from({ length: count }, (_, i) => BigInt(i))
const valueOfUser = 1

describe('of a list of 10,000 items beyond memory', () => {
  test('an append reads the last one, from which its numbers count on', async () => {
    const run = await Run.open(log)
    await run.list('ann', numbers(10_000))
    expect(await run.cut()).toBe(10_000)
    const next = await run.again()
    expect(await next.list('ann', numbers(3))).toBe(valueOfUser + 1)
    expect(await next.cut()).toBe(10_003)
  })

  test('all are read before it is emptied', async () => {
    const run = await Run.open(log)
    await run.list('ann', numbers(10_000))
    await run.cut()
    expect(await run.list('ann', numbers(2), true)).toBe(valueOfUser + 1 + 10_000)
    await run.cut()
    expect(await run.cut()).toBe(2)
  })
})

describe('of a map of 10,000 entries beyond memory', () => {
  const all = numbers(10_000).map(n => [`/${n}`, n] as const)

  async function written(): Promise<Run> {
    const run = await Run.open(pages)
    await run.map('ann', ['/1'], all)
    expect(await run.cut()).toBe(10_000)
    return run
  }

  test('those that rows name are read one by one, beside a few that come with their key', async () => {
    const run = await written()
    const { read, got } = await run.map('ann', ['/7', '/4321', 'none', '/7'], [['/4321', -1n]])
    expect(got).toEqual([
      ['/7', 7n],
      ['/4321', 4321n],
    ])
    expect(read).toBeLessThanOrEqual(valueOfUser + entriesAtFirst + 3)
    expect(await run.cut()).toBe(10_000)
    expect((await run.map('ann', ['/4321'], [])).got).toEqual([['/4321', -1n]])
  })

  test('one that no row names is read before it is set', async () => {
    const run = await written()
    const sets = ['/9999', 'new'].map(page => [page, 0n] as const)
    expect((await run.map('ann', ['/1'], sets)).read).toBeLessThanOrEqual(valueOfUser + entriesAtFirst + 3)
    expect(await run.cut()).toBe(10_001)
    await run.store.checkCold()
  })

  test('all are read before it is emptied', async () => {
    const run = await written()
    expect((await run.map('ann', ['/1'], [['/2', 2n]], true)).read).toBeGreaterThan(10_000)
    await run.cut()
    expect(await run.cut()).toBe(1)
  })
})

// A promise that nobody heard would end the whole host instead of the job.
test('S4 where values and entries of one key are damaged one error says so, and no other goes unheard', async () => {
  const run = await Run.open(pages)
  await run.map('ann', ['/1'], [['/1', 1n]])
  await run.cut()
  const next = await run.again()
  next.damage()
  await expect(next.map('ann', ['/1'], [])).rejects.toMatchObject({ code: 'ANB6010' })
})

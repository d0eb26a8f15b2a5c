/** What is read of lists and maps that are larger than memory, counted at the database: no more than is needed. */
import { describe, expect, test } from 'vitest'
import { BufferPool, batchFromRows } from '../../../src/batch/index.js'
import { KeyedState, type NewState } from '../../../src/runtime/flow/keyed.js'
import { type Schema } from '../../../src/schema/index.js'
import { type ColdAsk, type ColdSide } from '../../../src/state/index.js'
import { type KeyRange, type KeyValue, type Put, StateStore } from '../../../src/state/stores/index.js'
import { SimulatedPlace } from '../../../src/testing/simulation/store.js'

const input: Schema = { fields: [{ name: 'user', type: { kind: 'utf8' } }] }
const state: Schema = {
  fields: [{ name: 'log', type: { kind: 'list', item: { kind: 'int64' } }, keep: { as: 'list', reads: false } }],
}

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

/** A job with one operator, whose keys leave memory with each epoch. */
class Run {
  private readonly keyed = new KeyedState({
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
  private readonly cold: ColdSide
  private epoch = 0

  private constructor(
    private readonly place: CountedPlace,
    private readonly store: StateStore,
  ) {
    if (this.keyed.cold === null) throw new RangeError('its state has a budget')
    this.cold = this.keyed.cold
  }

  static async open(): Promise<Run> {
    const place = new CountedPlace()
    return new Run(place, await StateStore.open({ place, pause: () => Promise.resolve(), cold: true }))
  }

  /** What becomes of the list of this user. Answers how many entries were read for it. */
  async list(user: string, entries: readonly bigint[], clear = false): Promise<number> {
    const { keyed, cold, place } = this
    const before = place.read
    const { slots } = keyed.route(batchFromRows(input, [{ user }]))
    await this.load(cold.routed(slots))
    const { listsBack } = keyed.collections.get(0)?.schemas ?? {}
    if (listsBack === undefined) throw new RangeError('it keeps a list')
    const lists = batchFromRows(listsBack, [{ log: { clear, entries } }])
    const none = batchFromRows({ fields: [] }, [{}])
    const reply: NewState = {
      operator: 0,
      state: none,
      clear: null,
      written: new Map(),
      changes: { lists, maps: null },
    }
    await this.load(cold.more(keyed.lacks(slots, [reply])))
    keyed.apply(slots, reply)
    return place.read - before
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
    return this.store.coldRowsOf('keep/log')
  }
}

const numbers = (count: number): readonly bigint[] => Array.from({ length: count }, (_, i) => BigInt(i))
const valueOfUser = 1

describe('of a list of 10,000 items beyond memory', () => {
  test('an append reads the last one, from which its numbers count on', async () => {
    const run = await Run.open()
    await run.list('ann', numbers(10_000))
    expect(await run.cut()).toBe(10_000)
    expect(await run.list('ann', numbers(3))).toBe(valueOfUser + 1)
    expect(await run.cut()).toBe(10_003)
  })

  test('all are read before it is emptied', async () => {
    const run = await Run.open()
    await run.list('ann', numbers(10_000))
    await run.cut()
    expect(await run.list('ann', numbers(2), true)).toBe(valueOfUser + 1 + 10_000)
    await run.cut()
    expect(await run.cut()).toBe(2)
  })
})

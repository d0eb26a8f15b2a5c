/** Lists and maps that are larger than memory: the real tables and the real store, against plain arrays and maps a key. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BufferPool, type Value, batchFromRows, rowsOf } from '../../../src/batch/index.js'
import { KeyedState } from '../../../src/runtime/flow/keyed.js'
import { type Keep, type Schema } from '../../../src/schema/index.js'
import { type ColdAsk, type ColdSide, StoredOperator, readBlock } from '../../../src/state/index.js'
import { StateStore, type StorePlace } from '../../../src/state/stores/index.js'
import { SimulatedPlace, type WriteFate } from '../../../src/testing/simulation/store.js'

const lifeMs = 1_000
const input: Schema = { fields: [{ name: 'user', type: { kind: 'utf8' } }] }
const operators = ['count', 'count/log', 'count/seen', 'count/last']

/** A value, a list that is never read, one that is, and a map. */
function stateOf(expires: boolean): Schema {
  const ttl = { ms: lifeMs, update: 'on_create_and_write', visibility: 'never_return_expired' } as const
  const kept = <K extends Keep>(keep: K): K => (expires ? { ...keep, ttl } : keep)
  return {
    fields: [
      { name: 'n', type: { kind: 'int64' }, ...(expires && { keep: { as: 'value', ttl } }) },
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
interface Change {
  readonly user: string
  /** It loses all state. */
  readonly gone: boolean
  readonly clear: boolean
  readonly seen: readonly (string | null)[]
  readonly removed: readonly string[]
  readonly last: readonly (readonly [string, bigint])[]
}

interface Kept {
  /** How many calls wrote it. */
  n: { readonly value: bigint; readonly atMs: number } | null
  readonly seen: { readonly item: string | null; readonly atMs: number }[]
  readonly last: Map<string, { readonly value: bigint; readonly atMs: number }>
}
type All = Map<string, Kept>
const nothing = (): Kept => ({ n: null, seen: [], last: new Map() })
const copyOf = (all: All): All =>
  new Map([...all].map(([user, { n, seen, last }]) => [user, { n, seen: [...seen], last: new Map(last) }]))

interface Terms {
  readonly budgetBytes: number
  readonly expires: boolean
  readonly clock: { wallMs: number }
}

/** A host dies after so many writes, in the next one. */
interface Death {
  readonly writes: number
  readonly kept: boolean
}

/** One run of a job with one keyed operator. */
class Run {
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
      operators: new Map([[0, { id: 'count', state: stateOf(terms.expires) }]]),
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
      this.cold.loaded(ask.slots, await this.store.readCold(ask.question), ask.part)
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
    if (ask !== null) this.cold.loaded(ask.slots, await this.store.readCold(ask.question))
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
    keyed.apply(slots, {
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
            log: { clear: emptied, entries: seen.map((_, i) => BigInt(i)) },
            seen: { clear: emptied, entries: seen },
          })),
        ),
        maps: batchFromRows(
          mapsBack,
          changes.map(({ clear: emptied, removed, last }) => ({ last: { clear: emptied, removed, entries: last } })),
        ),
      },
    })
    return found
  }

  /** Time passes while nothing comes: some of what has expired goes. */
  async tick(): Promise<void> {
    this.keyed.sweep()
    const place = this.cold.sweeps
    if (place === null) return
    const ask = this.cold.swept(await this.store.readColdPage({ ...place, entriesMax: 7 }))
    await this.load(ask)
    if (ask !== null) this.cold.expire(ask.slots)
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
    const found = new Map<string, { seen: unknown[]; last: unknown[] }>()
    const snapshot = await this.store.snapshot()
    for (const operator of ['count/seen', 'count/last']) {
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
      if (operator === 'count/seen') rows.sort((a, b) => Number(a.entry) - Number(b.entry))
      for (const { user, entry, value } of rows) {
        const kept = found.get(user) ?? { seen: [], last: [] }
        found.set(user, kept)
        if (operator === 'count/seen') kept.seen.push(value)
        else kept.last.push([entry, value])
      }
    }
    snapshot?.release()
    return new Map(
      [...found]
        .toSorted(([a], [b]) => (a < b ? -1 : 1))
        .map(([user, { seen, last }]) => [user, { seen, last: last.toSorted() }]),
    )
  }
}

const sorted = (value: Value | undefined): unknown => [...(value as readonly (readonly [Value, Value])[])].toSorted()

/** A disk, on which a host may die at its next writes. */
class MortalPlace extends SimulatedPlace {
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

const users = Array.from({ length: 30 }, (_, i) => `user ${i}`)
const name = fc.constantFrom('/', '/x', 'a longer name than eight', '')
const change: fc.Arbitrary<Change> = fc.record({
  user: fc.constantFrom(...users),
  gone: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
  clear: fc.integer({ min: 0, max: 7 }).map(n => n === 0),
  seen: fc.array(fc.option(fc.string({ maxLength: 9 }), { nil: null }), { maxLength: 4 }),
  removed: fc.array(name, { maxLength: 2 }),
  last: fc.array(fc.tuple(name, fc.bigInt({ min: -9n, max: 9n })), { maxLength: 3 }),
})
const step = fc.record({
  changes: fc.uniqueArray(change, { maxLength: 6, selector: one => one.user }),
  passMs: fc.constantFrom(0, 50, 400),
  next: fc.constantFrom('cut', 'cut', 'cut', 'go on', 'restart'),
  /** Of a restart: hosts that die in it, each at one of its writes. */
  dying: fc.array(fc.record({ writes: fc.nat(9), kept: fc.boolean() }), { maxLength: 4 }),
})

function note(
  all: All,
  changes: readonly Change[],
  { atMs, sinceMs }: { readonly atMs: number; readonly sinceMs: number },
): void {
  for (const { user, gone, clear, seen, removed, last } of changes) {
    const before = all.get(user) ?? nothing()
    const { n } = living(before, sinceMs)
    const of = gone || clear ? nothing() : before
    of.n = gone ? null : { value: (n ?? 0n) + 1n, atMs }
    of.seen.push(...seen.map(item => ({ item, atMs })))
    for (const each of removed) of.last.delete(each)
    for (const [each, value] of last) of.last.set(each, { value, atMs })
    all.set(user, of)
  }
}

interface Living {
  readonly n: bigint | null
  readonly seen: unknown[]
  readonly last: unknown[]
}

function living(of: Kept | undefined, sinceMs: number): Living {
  const { n, seen, last } = of ?? nothing()
  return {
    n: n === null || n.atMs <= sinceMs ? null : n.value,
    seen: seen.filter(({ atMs }) => atMs > sinceMs).map(({ item }) => item),
    last: [...last]
      .filter(([, { atMs }]) => atMs > sinceMs)
      .map(([key, { value }]) => [key, value])
      .toSorted(),
  }
}

describe('lists and maps larger than memory', () => {
  // Of a key that hardly ever is in memory it takes a while until a block is the only one that has what it had then.
  it.each([
    [1, 80],
    [60_000, 5],
    [400_000, 5],
  ])(
    'with a budget of %s bytes are what they would be without, whoever dies, in %s steps and more',
    async (budgetBytes, stepsMin) => {
      const steps = fc.array(step, { minLength: stepsMin, maxLength: 2 * stepsMin + 30 })
      let [beyond, died] = [0, 0]
      await fc.assert(
        fc.asyncProperty(steps, fc.boolean(), async (run, expires) => {
          const clock = { wallMs: 10_000 }
          const place = new MortalPlace()
          const terms = { budgetBytes, expires, clock }
          let host = await Run.open(place, terms)
          let all: All = new Map()
          let durable: All = new Map()
          for (const { changes, passMs, next, dying } of run) {
            clock.wallMs += passMs
            await host.tick()
            const sinceMs = expires ? clock.wallMs - lifeMs : 0
            const expected = changes.map(({ user }) => living(all.get(user), sinceMs))
            expect(await host.rows(changes)).toEqual(expected)
            note(all, changes, { atMs: clock.wallMs, sinceMs })
            if (next === 'cut') {
              await host.cut()
              durable = copyOf(all)
              beyond = Math.max(beyond, host.entries)
              if (!expires) expect(await host.stored()).toEqual(storedOf(durable))
            } else if (next === 'restart') {
              await place.crash()
              all = copyOf(durable)
              for (const death of dying) died += Number(await place.dies(death, () => Run.open(place, terms)))
              host = await Run.open(place, terms)
            }
          }
          if (expires) await idle(host, clock)
          await host.store.close()
        }),
        { numRuns: budgetBytes === 1 ? 5 : 15, seed: 15, endOnFailure: true },
      )
      if (budgetBytes > 1) return
      expect(beyond).toBeGreaterThan(20)
      expect(died).toBeGreaterThan(20)
    },
  )
})

const storedEntries = (last: Kept['last']): unknown[] => [...last].map(([key, { value }]) => [key, value]).toSorted()

const storedOf = (all: All): unknown =>
  new Map(
    [...all]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([user, { seen, last }]) => [user, { seen: seen.map(({ item }) => item), last: storedEntries(last) }] as const,
      )
      .filter(([, { seen, last }]) => seen.length + last.length > 0),
  )

/** Until everything has expired and is gone, from the disk too. */
async function idle(run: Run, clock: { wallMs: number }): Promise<void> {
  for (let i = 0; i < 60; i++) {
    clock.wallMs += lifeMs / 4
    for (let tick = 0; tick < 8; tick++) await run.tick()
    run.rest()
    await run.cut()
  }
  expect(run.hotKeys).toBe(0)
  expect(run.entries).toBe(0)
}

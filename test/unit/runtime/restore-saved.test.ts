/**
 * A start at a savepoint with a state budget: real savepoints, tables and stores, on a simulated disk, against the same start with
 * all state in memory.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Batch, BufferPool, batchFromRows, rowsOf, setBit, slice } from '../../../src/batch/index.js'
import {
  type Base,
  type EpochRecord,
  encodeRecord,
  openSavepoint,
  writeSavepoint,
} from '../../../src/checkpoint/index.js'
import { KeyedState } from '../../../src/runtime/flow/keyed.js'
import { BeyondKeeper } from '../../../src/runtime/open/beyond-keeper.js'
import { restoreSaved } from '../../../src/runtime/open/restore-saved.js'
import { type Schema, schemaFromJson } from '../../../src/schema/index.js'
import { KeyDigest, type SavedRows, StoredOperator, expectKeys } from '../../../src/state/index.js'
import { StateStore } from '../../../src/state/stores/index.js'
import { SimulatedPlace, type WriteFate } from '../../../src/testing/simulation/store.js'
import { Disk } from '../../support/disk.js'
import { emptyRecord } from '../../support/empty-record.js'

const epoch = 7
const record = (lineage: string): EpochRecord => emptyRecord({ lineage, epoch, begun: null })

const ttl = { ms: 1_000, update: 'on_create_and_write', visibility: 'never_return_expired' } as const
const collections: Schema['fields'] = [
  { name: 'seen', type: { kind: 'list', item: { kind: 'utf8' } }, keep: { as: 'list', reads: true } },
  {
    name: 'last',
    type: { kind: 'map', key: { kind: 'utf8' }, value: { kind: 'int64' } },
    keep: { as: 'map', entries: 'all', ttl },
  },
]
/** A value that expires, a list and a map of which entries do. */
const written: Schema = { fields: [{ name: 'n', type: { kind: 'int32' }, keep: { as: 'value', ttl } }, ...collections] }
/** One column is wider and one is new. */
const evolved: Schema = {
  fields: [
    { name: 'weight', type: { kind: 'float64' }, default: 1.5 },
    { name: 'n', type: { kind: 'int64' }, keep: { as: 'value', ttl } },
    ...collections,
  ],
}
/** What was a number is text. */
const migrated: Schema = { fields: [{ name: 'text', type: { kind: 'utf8' } }, ...collections] }
const beside = schemaFromJson([['sum', 'float64']])

const input = schemaFromJson([['user', 'utf8']])
const operators = ['count', 'count/seen', 'count/last', 'other']

const keyedOf = (state: Schema, budgetBytes: number | null): KeyedState =>
  new KeyedState({
    columns: ['user'],
    nullKeys: 'dead-letter',
    keyGroups: 16,
    lanes: 1,
    operators: new Map([
      [0, { id: 'count', state }],
      [1, { id: 'other', state: beside }],
    ]),
    input,
    clock: { wallMs: 5 },
    budgetBytes,
    memory: new BufferPool(1 << 20),
  })

const openStore = (place: SimulatedPlace, cold: boolean): Promise<StateStore> =>
  StateStore.open({ place, pause: () => Promise.resolve(), cold })

/** What each user has, of one operator or of both. */
interface Has {
  readonly n: number | null
  readonly seen: readonly string[]
  readonly last: readonly string[]
  readonly sum: number | null
}

/** A savepoint of these users, user 0 to the last one. */
async function savepointOf(users: readonly Has[]): Promise<Base> {
  const keyed = keyedOf(written, null)
  const { slots } = keyed.route(
    batchFromRows(
      input,
      users.map((_, i) => ({ user: `user ${i}` })),
    ),
  )
  const of = keyed.collections.get(0) ?? expect.fail('it keeps lists and maps')
  const { listsBack, mapsBack } = of.schemas
  const bits = new Uint8Array(Math.ceil(users.length / 8))
  const without = (isGone: (has: Has) => boolean): Uint8Array => {
    const clear = bits.slice()
    users.forEach((has, i) => isGone(has) && setBit(clear, i))
    return clear
  }
  keyed.apply(slots, {
    operator: 0,
    state: batchFromRows(
      schemaFromJson([['n', 'int32']]),
      users.map(({ n }) => ({ n })),
    ),
    clear: without(({ n }) => n === null),
    written: new Map([['n', bits.slice().fill(255)]]),
    changes: {
      lists: batchFromRows(
        listsBack,
        users.map(({ seen }) => ({ seen: { clear: false, entries: seen } })),
      ),
      maps: batchFromRows(
        mapsBack,
        users.map(({ last }) => ({
          last: { clear: false, removed: [], entries: last.map((name, i) => [name, BigInt(i)]) },
        })),
      ),
    },
  })
  keyed.apply(slots, {
    operator: 1,
    state: batchFromRows(
      beside,
      users.map(({ sum }) => ({ sum })),
    ),
    clear: without(({ sum }) => sum === null),
    written: new Map(),
    changes: null,
  })
  const store = await openStore(new SimulatedPlace('0123456789abcdef'), false)
  await store.prepare(epoch, encodeRecord(record(store.lineage)), keyed.takeDirty(epoch), keyed.states.takeKeys())
  store.finish(epoch)
  const snapshot = (await store.snapshot()) ?? expect.fail('there is an epoch')
  const place = { files: new Disk(), path: '/savepoints/it' }
  place.files.makeDirectory('/savepoints')
  const nothing = (): Promise<void> => Promise.resolve()
  const how = { wallMs: 1, budgetBytes: null, sourceOf: () => null, breathe: nothing, settled: nothing }
  await writeSavepoint({ ...place, ...how, snapshot })
  return openSavepoint(place.files, place.path)
}

/** The same rows, so many at a time. */
const inPages = (base: Base, pageRows: number): Base => ({
  ...base,
  saved: async (operator, into) =>
    base.saved?.(operator, async (form, rows) => {
      for (let from = 0; from < rows.keys.rows; from += pageRows) await into(form, pageOf(rows, from, pageRows))
    }),
})

function pageOf(rows: SavedRows, from: number, most: number): SavedRows {
  const to = Math.min(rows.keys.rows, from + most)
  return {
    ...rows,
    keys: slice(rows.keys, from, to),
    state: slice(rows.state, from, to),
    groups: rows.groups.subarray(from, to),
  }
}

const migrate = (rows: Batch): Promise<Batch> =>
  Promise.resolve(
    batchFromRows(
      schemaFromJson([['text', 'utf8']]),
      rowsOf(rows).map(row => ({ text: `was ${String(row['n'])}` })),
    ),
  )

interface Terms {
  readonly state: Schema
  /** Null: all of it is in memory. */
  readonly budget: number | null
}

/** Answers the most keys that were in memory behind a page. */
async function begin(base: Base, place: SimulatedPlace, { state, budget }: Terms): Promise<number> {
  const keyed = keyedOf(state, budget)
  const store = await openStore(place, budget !== null)
  const keeper = new BeyondKeeper(
    () => store,
    () => expect.fail('nobody runs yet'),
  )
  const beyond = budget === null ? null : keeper
  let most = 0
  const into = {
    coldSides: [keyed.cold ?? []].flat(),
    admit: (...args: Parameters<KeyedState['states']['admit']>) => {
      const goes = keyed.states.admit(...args)
      most = Math.max(most, keyed.index.size)
      return goes
    },
  }
  try {
    for (const operator of base.operators.map(each => each.operator)) {
      const isMigrated = state === migrated && operator === 'count'
      const migration = isMigrated ? { to: schemaFromJson([['text', 'utf8']]), migrate } : null
      await restoreSaved(base, into, { operator, migration, beyond })
    }
    for (const operator of operators) {
      const found = keyed.states.countRestored(operator, store.coldKeysOf(operator)) ?? expect.fail(operator)
      expectKeys({ operator, place: place.path, epoch }, base.digests?.get(operator) ?? new KeyDigest(16), found)
    }
    await expectWhollyThere(keyed, store)
    keyed.states.rewrite(null)
    await store.prepare(epoch, encodeRecord(record(store.lineage)), keyed.takeDirty(epoch), keyed.states.takeKeys())
    store.finish(epoch)
    return most
  } finally {
    await store.close()
  }
}

/** Of a key in memory nothing lies beyond it: nobody would look. */
async function expectWhollyThere({ tables, index }: KeyedState, store: StateStore): Promise<void> {
  const slots = Int32Array.from([...tables.values()].flatMap(table => [...table.presentSlots()]))
  const { values, items } = await store.readCold({
    operators: ['count', 'other'],
    collections: ['count/seen', 'count/last'].map(operator => ({ operator, reach: 'all', named: null })),
    groups: Uint16Array.from(slots, slot => index.groupOf[slot] ?? 0),
    keys: index.packedKeys(slots),
  })
  expect(values.flat()).toEqual([])
  expect(items.flatMap(({ found }) => found)).toEqual([])
}

/** Everything that a store has, operator by operator: what the next start or savepoint reads of it. */
async function contentsOf(place: SimulatedPlace): Promise<Readonly<Record<string, readonly string[]>>> {
  const store = await openStore(place, false)
  await store.checkCold()
  const snapshot = (await store.snapshot()) ?? expect.fail('there is an epoch')
  const all: Record<string, readonly string[]> = {}
  for (const { operator, form } of snapshot.operators) {
    const stored = new StoredOperator(operator, form)
    await snapshot.restore(operator, block => stored.take(block))
    const { keys, state } = stored.rowsOf(stored.slots)
    const states = rowsOf(state)
    all[operator] = rowsOf(keys).map((key, i) => JSON.stringify({ ...key, ...states[i] }, textOfBig))
    const found = new KeyDigest(form.keyGroups)
    stored.countInto(found)
    expectKeys({ operator, place: place.path, epoch }, snapshot.digests?.get(operator) ?? new KeyDigest(16), found)
  }
  snapshot.release()
  await store.close()
  return all
}

const textOfBig = (_: string, value: unknown): unknown => (typeof value === 'bigint' ? String(value) : value)

/** Those between have room for some dozen keys, beside tables and arenas of texts as small as they get. */
const budgets = [1, 240_000, 245_000, 250_000, 1_600_000, 2_800_000, 1e9]
const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd', 'e'), { maxLength: 5 })
const has = fc.record({
  n: fc.option(fc.integer({ min: -9, max: 9 })),
  seen: fc.array(fc.constantFrom('x', 'a longer text that takes some room'), { maxLength: 6 }),
  last: names,
  sum: fc.option(fc.integer({ min: 0, max: 9 })),
})
const many = Array.from({ length: 60 }, (_, i): Has => {
  return { n: i % 7 === 0 ? null : i, seen: ['x', 'y'].slice(0, i % 3), last: ['a'], sum: i % 2 === 0 ? i : null }
})

describe('a start at a savepoint with a state budget', () => {
  test.each([
    ['as it is stored', written],
    ['that evolves', evolved],
    ['that is migrated', migrated],
  ] as const)(
    'stores all state %s as a start without one does, whatever stays in memory',
    { timeout: 120_000 },
    async (_, state) => {
      const met = { beyond: 0, 'in part': 0, 'in memory': 0 }
      await fc.assert(
        fc.asyncProperty(
          fc.array(has, { minLength: 40, maxLength: 80, size: 'max' }),
          fc.constantFrom(1, 3, 7, 1_000),
          fc.constantFrom(...budgets),
          async (users, pageRows, budget) => {
            const base = inPages(await savepointOf(users), pageRows)
            const [within, without] = [new SimulatedPlace('aaaaaaaaaaaaaaaa'), new SimulatedPlace('bbbbbbbbbbbbbbbb')]
            await begin(base, without, { state, budget: null })
            const most = await begin(base, within, { state, budget })
            expect(await contentsOf(within)).toEqual(await contentsOf(without))
            const entries = (within.cold?.size ?? 1) - 1
            if (budget === 1) expect(most).toBe(0)
            met[entries <= 0 ? 'in memory' : most === 0 ? 'beyond' : 'in part'] += 1
          },
        ),
        { numRuns: 40, seed: 20_261_126 },
      )
      for (const [where, times] of Object.entries(met)) expect(times, where).toBeGreaterThan(1)
    },
  )

  test.each([3_500_000, 4_000_000])(
    'of long lists keeps a key wholly in memory or wholly beyond it, with %i bytes',
    async budget => {
      // Behind the values of all keys come lists that have no room beside them.
      const long = Array<string>(8).fill('x'.repeat(10_000))
      const users = Array.from({ length: 90 }, (_, i) => ({ n: i, seen: i < 45 ? long : ['y'], last: [], sum: i }))
      const place = new SimulatedPlace('aaaaaaaaaaaaaaaa')
      expect(await begin(inPages(await savepointOf(users), 20), place, { state: written, budget })).toBeGreaterThan(20)
      expect(place.cold?.size).toBeGreaterThan(20)
    },
  )

  test.each(['lost with the host', 'kept with the host'] as const)(
    'has no epoch before all of it is written, whichever of its writes is %s',
    async fate => {
      const base = inPages(await savepointOf(many), 7)
      const whole = new SimulatedPlace('aaaaaaaaaaaaaaaa')
      await begin(base, whole, { state: evolved, budget: 1 })
      const wanted = await contentsOf(whole)
      // The last one notes that the epoch is finished.
      const ofEpoch = whole.writes - 2
      expect(ofEpoch).toBeGreaterThan(20)
      for (let write = 0; write <= ofEpoch; write += 1) {
        let at = 0
        const place = new SimulatedPlace('aaaaaaaaaaaaaaaa', (): WriteFate => (at++ === write ? fate : 'done'))
        await expect(begin(base, place, { state: evolved, budget: 1 })).rejects.toThrow()
        await place.crash()
        expect(place.disk.size > 0).toBe(fate === 'kept with the host' && write === ofEpoch)
        if (place.disk.size > 0) expect(await contentsOf(place)).toEqual(wanted)
      }
    },
  )

  test('that finds no room on the disk is refused, and has no epoch', async () => {
    const base = inPages(await savepointOf(many), 7)
    let at = 0
    const place = new SimulatedPlace('aaaaaaaaaaaaaaaa', () => (at++ > 10 ? 'refused' : 'done'))
    await expect(begin(base, place, { state: written, budget: 1 })).rejects.toMatchObject({ code: 'ANB6011' })
    expect(place.disk.size).toBe(0)
  })

  test('ends where the run does', async () => {
    const ends = new AbortController()
    const base = inPages(await savepointOf(many), 7)
    const keyed = keyedOf(written, null)
    let pages = 0
    const into = {
      coldSides: [],
      admit: (...args: Parameters<KeyedState['states']['admit']>) => {
        pages += 1
        ends.abort()
        return keyed.states.admit(...args)
      },
    }
    const restored = restoreSaved(base, into, { operator: 'count', migration: null, beyond: null, signal: ends.signal })
    await expect(restored).rejects.toBe(ends.signal.reason)
    expect(pages).toBe(1)
  })
})

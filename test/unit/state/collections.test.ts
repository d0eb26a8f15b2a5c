/** Lists and maps against plain arrays and maps a key, for any order of what calls do to them. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Batch, type Value, batchFromRows, columnOf, rowsOf } from '../../../src/batch/index.js'
import { type Schema } from '../../../src/schema/index.js'
import {
  Collections,
  type EntryState,
  KeyDigest,
  KeyIndex,
  type StateBlock,
  declaredState,
} from '../../../src/state/index.js'
import { Manifest } from '../../../src/state/stores/manifest.js'
import { stored } from './rows-of-state.js'

const schema: Schema = {
  fields: [
    { name: 'log', type: { kind: 'list', item: { kind: 'int64' } }, keep: { as: 'list', reads: false } },
    { name: 'seen', type: { kind: 'list', item: { kind: 'utf8' } }, keep: { as: 'list', reads: true } },
    {
      name: 'last',
      type: { kind: 'map', key: { kind: 'utf8' }, value: { kind: 'int64' } },
      keep: { as: 'map', entries: 'page' },
    },
    {
      name: 'all',
      type: { kind: 'map', key: { kind: 'int64' }, value: { kind: 'utf8' } },
      keep: { as: 'map', entries: 'all' },
    },
  ],
}
const pages = ['/', '/x', 'a longer name than eight', ''] as const
const page = fc.constantFrom(...pages)
const text = fc.option(fc.string({ maxLength: 12 }), { nil: null })

/** What a call does to one key. */
interface Change {
  readonly slot: number
  readonly gone: boolean
  readonly clear: boolean
  readonly seen: readonly (string | null)[]
  readonly removed: readonly string[]
  readonly last: readonly (readonly [string, bigint])[]
  readonly all: readonly (readonly [bigint, string | null])[]
}
const change: fc.Arbitrary<Change> = fc.record({
  slot: fc.oneof({ arbitrary: fc.nat(6), weight: 9 }, fc.integer({ min: 2000, max: 2003 })),
  gone: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
  clear: fc.integer({ min: 0, max: 5 }).map(n => n === 0),
  seen: fc.array(text, { maxLength: 5 }),
  removed: fc.array(page, { maxLength: 2 }),
  last: fc.array(fc.tuple(page, fc.bigInt({ min: -9n, max: 9n })), { maxLength: 4 }),
  all: fc.array(fc.tuple(fc.bigInt({ min: 0n, max: 5n }), text), { maxLength: 4 }),
})
const calls = fc.array(fc.uniqueArray(change, { maxLength: 6, selector: one => one.slot }), { maxLength: 12 })

interface Kept {
  readonly seen: (string | null)[]
  readonly last: Map<string, bigint>
  readonly all: Map<bigint, string | null>
}
const nothing = (): Kept => ({ seen: [], last: new Map(), all: new Map() })

function apply(collections: Collections, changes: readonly Change[]): void {
  const { listsBack, mapsBack } = collections.schemas
  const lists = batchFromRows(
    listsBack,
    changes.map(({ clear, seen }) => ({
      log: { clear, entries: seen.map((_, i) => BigInt(i)) },
      seen: { clear, entries: seen },
    })),
  )
  const maps = batchFromRows(
    mapsBack,
    changes.map(({ clear, removed, last, all }) => ({
      last: { clear, removed, entries: last },
      all: { clear, removed: [], entries: all },
    })),
  )
  const bits = new Uint8Array(Math.ceil(changes.length / 8))
  changes.forEach(({ gone }, i) => {
    if (gone) bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7))
  })
  collections.apply(
    Int32Array.from(changes, one => one.slot),
    { lists, maps },
    bits,
  )
}

function note(kept: Map<number, Kept>, changes: readonly Change[]): void {
  for (const { slot, gone, clear, seen, removed, last, all } of changes) {
    const of = gone || clear ? nothing() : (kept.get(slot) ?? nothing())
    of.seen.push(...seen)
    for (const name of removed) of.last.delete(name)
    for (const [name, value] of last) of.last.set(name, value)
    for (const [name, value] of all) of.all.set(name, value)
    kept.set(slot, of)
  }
}

const sorted = (value: Value | undefined): unknown =>
  (value as readonly (readonly [Value, Value])[])
    .map(([key, of]) => [String(key), of])
    .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))
const sortedMap = (map: ReadonlyMap<unknown, unknown>): unknown =>
  [...map].map(([key, of]) => [String(key), of]).toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))

describe.each([
  ['WebAssembly', false],
  ['plain TypeScript', true],
] as const)('lists and maps in %s', (_, plain) => {
  it('hold what calls appended, set and removed, key by key', () => {
    fc.assert(
      fc.property(calls, all => {
        const collections = new Collections(declaredState(schema), { plain, clock: { wallMs: 0 } })
        const kept = new Map<number, Kept>()
        for (const changes of all) {
          apply(collections, changes)
          note(kept, changes)
        }
        const slots = Int32Array.from([...new Set([...kept.keys(), 3, 500])])
        const { lists, maps } = collections.gather(slots, null)
        expect(lists.schema.fields.map(f => f.name)).toEqual(['seen'])
        const ofSlots = [...slots].map(slot => kept.get(slot) ?? nothing())
        expect(rowsOf(lists).map(row => row['seen'])).toEqual(ofSlots.map(one => one.seen))
        expect(rowsOf(maps).map(row => sorted(row['last']))).toEqual(ofSlots.map(one => sortedMap(one.last)))
        expect(rowsOf(maps).map(row => sorted(row['all']))).toEqual(ofSlots.map(one => sortedMap(one.all)))
      }),
    )
  })

  it('are the same in another process, from the blocks of each epoch', () => {
    const key: Schema = { fields: [{ name: 'user', type: { kind: 'int32' } }] }
    const owner = { key, keyGroups: 16, nullKeys: false }
    const made = (): {
      readonly index: KeyIndex
      readonly collections: Collections
      readonly states: readonly EntryState[]
    } => {
      const index = new KeyIndex({ ...owner, plain })
      const collections = new Collections(declaredState(schema), { plain, clock: { wallMs: 0 } })
      return { index, collections, states: collections.states('count', owner, { index, cold: null }) }
    }
    const users = (slots: readonly number[]): Batch =>
      batchFromRows(
        key,
        slots.map(user => ({ user })),
      )
    fc.assert(
      fc.property(calls, all => {
        const one = made()
        const other = made()
        const kept = new Map<number, Kept>()
        const manifest = new Manifest()
        const written = new Map<string, StateBlock>()
        const counted = new Map<string, KeyDigest>()
        all.forEach((changes, epoch) => {
          const slots = [...one.index.resolve(users(changes.map(({ slot }) => slot)))]
          apply(
            one.collections,
            changes.map((change, i) => ({ ...change, slot: slots[i] ?? 0 })),
          )
          note(kept, changes)
          const blocks = one.states.flatMap(state => state.take(epoch + 1))
          manifest.add(epoch + 1, { blocks, dropped: [] }, () => [])
          for (const change of one.states.flatMap(state => state.takeKeys() ?? [])) {
            const digest = counted.get(change.operator) ?? new KeyDigest(change.keyGroups)
            digest.set(change)
            counted.set(change.operator, digest)
          }
          blocks.forEach((block, number) => written.set(`${epoch + 1}/${number}`, block))
        })
        for (const state of other.states) {
          for (const live of manifest.of(state.operator)) {
            const block = written.get(`${live.epoch}/${live.number}`)
            if (block !== undefined) state.restore(stored(block, live.superseded))
          }
          expect(state.countRestored(null).whole('')).toEqual(
            (counted.get(state.operator) ?? new KeyDigest(16)).whole(''),
          )
        }
        const who = [...kept.keys()]
        const { lists, maps } = other.collections.gather(other.index.resolve(users(who)), null)
        const ofSlots = who.map(slot => kept.get(slot) ?? nothing())
        expect(rowsOf(lists).map(row => row['seen'])).toEqual(ofSlots.map(each => each.seen))
        expect(rowsOf(maps).map(row => sorted(row['last']))).toEqual(ofSlots.map(each => sortedMap(each.last)))
        expect(rowsOf(maps).map(row => sorted(row['all']))).toEqual(ofSlots.map(each => sortedMap(each.all)))
      }),
    )
  })

  it('stand in the order in which a list got its items, in whatever order they are restored', () => {
    const key: Schema = { fields: [{ name: 'user', type: { kind: 'int32' } }] }
    const owner = { key, keyGroups: 16, nullKeys: false }
    const rows = fc
      .uniqueArray(fc.tuple(fc.nat(2), fc.nat(70_000)), { selector: ([user, number]) => `${user} ${number}` })
      .chain(all => fc.tuple(fc.constant(all), fc.nat(all.length)))
    fc.assert(
      fc.property(rows, ([all, first]) => {
        const index = new KeyIndex({ ...owner, plain })
        const collections = new Collections(declaredState(schema), { plain, clock: { wallMs: 0 } })
        const [, seen] = collections.states('count', owner, { index, cold: null })
        const users = index.resolve(
          batchFromRows(
            key,
            [0, 1, 2].map(user => ({ user })),
          ),
        )
        for (const [from, to] of [
          [0, first],
          [first, all.length],
        ]) {
          const some = all.slice(from, to)
          const restored = {
            keys: batchFromRows(
              seen?.form.key ?? key,
              some.map(([user, entry]) => ({ user, entry: BigInt(entry) })),
            ),
            state: batchFromRows(
              seen?.form.state ?? key,
              some.map(([, entry]) => ({ value: `${entry}` })),
            ),
          }
          seen?.restoreRows(seen.form, { epoch: 1, bytes: 0, deleted: new Uint8Array(some.length), ...restored })
          const expected = [0, 1, 2].map(user =>
            all
              .slice(0, to)
              .filter(row => row[0] === user)
              .map(([, number]) => number)
              .toSorted((a, b) => a - b)
              .map(String),
          )
          expect(rowsOf(collections.gather(users, null).lists).map(row => row['seen'])).toEqual(expected)
        }
      }),
    )
  })

  it('write what was appended, however long the list is', () => {
    const index = new KeyIndex({
      key: { fields: [{ name: 'user', type: { kind: 'int32' } }] },
      keyGroups: 16,
      nullKeys: false,
    })
    const owner = {
      key: { fields: [{ name: 'user', type: { kind: 'int32' } as const }] },
      keyGroups: 16,
      nullKeys: false,
    }
    const collections = new Collections(declaredState(schema), { plain, clock: { wallMs: 0 } })
    const [log] = collections.states('count', owner, { index, cold: null })
    const slots = index.resolve(batchFromRows(owner.key, [{ user: 7 }]))
    const append = (count: number): number => {
      const entries = Array.from({ length: count }, (_, i) => BigInt(i))
      const lists = batchFromRows(collections.schemas.listsBack, [
        { log: { clear: false, entries }, seen: { clear: false, entries: [] } },
      ])
      collections.apply(slots, { lists, maps: null }, null)
      return entries.length
    }
    append(20_000)
    log?.take(1)
    append(3)
    const rows = log
      ?.take(2)
      .filter(({ since }) => since === 1)
      .map(block => block.rows)
    expect(rows).toEqual([3])
  })

  it('send of a map the entries that the rows of a key name, and no others', () => {
    const asked = fc.array(fc.tuple(fc.nat(3), fc.option(page, { nil: null })), { minLength: 1, maxLength: 12 })
    fc.assert(
      fc.property(calls, asked, (all, rows) => {
        const collections = new Collections(declaredState(schema), { plain, clock: { wallMs: 0 } })
        const kept = new Map<number, Kept>()
        for (const changes of all) {
          apply(collections, changes)
          note(kept, changes)
        }
        const slots = [...new Set(rows.map(([slot]) => slot))]
        const batch: Batch = {
          schema: { fields: [{ name: 'page', type: { kind: 'utf8' } }] },
          rows: rows.length,
          columns: [
            columnOf(
              { kind: 'utf8' },
              rows.map(([, name]) => name),
            ),
          ],
        }
        const index = Int32Array.from(rows, ([slot]) => slots.indexOf(slot))
        const { maps } = collections.gather(Int32Array.from(slots), { batch, index })
        const expected = slots.map(slot => {
          const names = new Set<string | null>(rows.filter(row => row[0] === slot).map(([, name]) => name))
          return sortedMap(new Map([...(kept.get(slot) ?? nothing()).last].filter(([name]) => names.has(name))))
        })
        expect(rowsOf(maps).map(row => sorted(row['last']))).toEqual(expected)
      }),
    )
  })

  it('forget names that were asked for and have no entry, and keep the others', () => {
    const collections = new Collections(declaredState(schema), { plain, clock: { wallMs: 0 } })
    const { mapsBack } = collections.schemas
    const entries = Array.from({ length: 2_000 }, (_, i) => [`kept ${i}`, BigInt(i)] as const)
    const maps = batchFromRows(mapsBack, [
      { last: { clear: false, removed: [], entries }, all: { clear: false, removed: [], entries: [] } },
    ])
    collections.apply(Int32Array.of(0), { lists: null, maps }, null)
    const before = collections.bytes
    for (let round = 0; round < 40; round++) {
      const names = Array.from({ length: 8_192 }, (_, i) => `absent ${round * 8_192 + i}`)
      const batch: Batch = {
        schema: { fields: [{ name: 'page', type: { kind: 'utf8' } }] },
        rows: names.length,
        columns: [columnOf({ kind: 'utf8' }, names)],
      }
      collections.gather(Int32Array.of(0), { batch, index: new Int32Array(names.length) })
    }
    expect(collections.bytes).toBeLessThan(before + 16 * 2 ** 20)
    const [row] = rowsOf(collections.gather(Int32Array.of(0), null).maps)
    expect(sorted(row?.['last'])).toEqual(sortedMap(new Map(entries)))
  })
})

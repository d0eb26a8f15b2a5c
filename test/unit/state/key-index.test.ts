/** The key index against a map from key text to slot, the golden key bytes, and both forms of the kernels. */
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Batch,
  batchFromRows,
  columnOf,
  concat,
  fixedColumn,
  rowsOf,
  slice,
  utf8Column,
} from '../../../src/batch/index.js'
import { murmur3, plainDistinct } from '../../../src/kernels/index.js'
import { type Schema, parseType, schemaFromJson } from '../../../src/schema/index.js'
import { KeyIndex, distinct, keyBytes, keyGroup, partition } from '../../../src/state/index.js'
import { type Rows, anyValue, flatType, schemaOf, someValue } from '../batch/arbitrary.js'

const forms = [
  ['WebAssembly', false],
  ['plain TypeScript', true],
] as const

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

interface GoldenKey {
  readonly types: readonly string[]
  readonly nullKeys: boolean
  readonly values: Rows[number][string][]
  readonly bytes: string
  readonly hash: number
  readonly group128: number
  readonly group1000: number
}
const golden: readonly GoldenKey[] = JSON.parse(readFileSync('test/golden/keys.json', 'utf8')).keys

describe('the golden keys', () => {
  for (const { types, nullKeys, values, bytes, hash, group128, group1000 } of golden) {
    it(`${types.join(', ')}: ${JSON.stringify(values)} is ${bytes}`, () => {
      const schema = schemaFromJson(types.map((type, c) => [`c${c}`, type]))
      const row = Object.fromEntries(values.map((value, c) => [`c${c}`, value]))
      const batch = batchFromRows(schema, [row])
      expect(hex(keyBytes(batch, 0, nullKeys))).toBe(bytes)
      expect(murmur3(Buffer.from(bytes, 'hex'))).toBe(hash)
      for (const [, plain] of forms) {
        const groups = [128, 1000].map(keyGroups => {
          const index = new KeyIndex({ key: schema, keyGroups, nullKeys, plain })
          return index.groupOf[index.resolve(batch)[0] ?? -1]
        })
        expect(groups).toEqual([group128, group1000])
      }
    })
  }

  it('are hashed as murmur3 has it', () => {
    const texts: readonly (readonly [string, number])[] = [
      ['', 0],
      ['hello', 0x248bfa47],
      ['hello, world', 0x149bbb7f],
      ['The quick brown fox jumps over the lazy dog', 0x2e4ff723],
    ]
    for (const [text, hash] of texts) expect(murmur3(Buffer.from(text))).toBe(hash)
  })
})

/** Batches of keys with few values each, so that most keys come again; nulls where they are keys. */
const keyBatches = fc
  .record({ schema: schemaOf(flatType, 3), nullKeys: fc.boolean() })
  .chain(({ schema, nullKeys }) => {
    const values = schema.fields.map(f =>
      fc.array(nullKeys ? anyValue(f.type) : someValue(f.type), { minLength: 1, maxLength: 4 }),
    )
    return fc.tuple(...values).chain(pools => {
      const row = fc.record(
        Object.fromEntries(schema.fields.map((f, c) => [f.name, fc.constantFrom(...(pools[c] ?? [null]))])),
      )
      const lists = fc.array(fc.array(row, { maxLength: 30 }), { minLength: 1, maxLength: 4 })
      return fc.record({ schema: fc.constant(schema), nullKeys: fc.constant(nullKeys), lists })
    })
  })

describe.each(forms)('a key index in %s', (_, plain) => {
  it('gives each key the next slot, the same one whenever it comes again', () => {
    fc.assert(
      fc.property(keyBatches, ({ schema, nullKeys, lists }) => {
        const index = new KeyIndex({ key: schema, keyGroups: 128, nullKeys, plain })
        const slotOf = new Map<string, number>()
        for (const rows of lists) {
          const batch = batchFromRows(schema, rows)
          const expected = rows.map((_, i) => {
            const key = hex(keyBytes(batch, i, nullKeys))
            const slot = slotOf.get(key) ?? slotOf.size
            slotOf.set(key, slot)
            return slot
          })
          expect([...index.resolve(batch)]).toEqual(expected)
        }
        expect(index.size).toBe(slotOf.size)
        for (const [key, slot] of slotOf) expect(index.groupOf[slot]).toBe(keyGroup(Buffer.from(key, 'hex'), 128))
      }),
      { numRuns: 300, seed: 3 },
    )
  })

  it('gives the key columns of a slot back, and sorts slots by key bytes', () => {
    fc.assert(
      fc.property(keyBatches, ({ schema, nullKeys, lists }) => {
        const index = new KeyIndex({ key: schema, keyGroups: 7, nullKeys, plain })
        const batch = concat(lists.map(rows => batchFromRows(schema, rows)))
        const slots = index.resolve(batch)
        const back = index.keysOf(slots)
        const bytes = [...slots].map((_, i) => hex(keyBytes(batch, i, nullKeys)))
        expect([...slots].map((_, i) => hex(keyBytes(back, i, nullKeys)))).toEqual(bytes)
        const sorted = index.sorted(Int32Array.from(new Set(slots)))
        const keys = [...sorted].map(slot => bytes[slots.indexOf(slot)])
        expect(keys).toEqual([...new Set(bytes)].sort())
      }),
      { numRuns: 300, seed: 4 },
    )
  })

  it('routes each row to the lane of its key group, in order', () => {
    fc.assert(
      fc.property(keyBatches, fc.integer({ min: 1, max: 5 }), ({ schema, nullKeys, lists }, lanes) => {
        const index = new KeyIndex({ key: schema, keyGroups: 16, nullKeys, plain })
        const laneOfGroup = Uint16Array.from({ length: 16 }, (_, g) => g % lanes)
        const batch = concat(lists.map(rows => batchFromRows(schema, rows)))
        const routed = index.route(batch, laneOfGroup, lanes)
        expect(routed.slots).toEqual(index.resolve(batch))
        expect(routed.lanes).toEqual(partition(routed.slots, index.groupOf, laneOfGroup, lanes))
        const expected = Array.from({ length: lanes }, (_, lane) =>
          [...routed.slots.keys()].filter(i => keyGroup(keyBytes(batch, i, nullKeys), 16) % lanes === lane),
        )
        expect(routed.lanes.map(rows => [...rows])).toEqual(expected)
      }),
      { numRuns: 100, seed: 5 },
    )
  })

  it('grows with its keys and keeps them all', () => {
    for (const key of [longs, texts]) {
      const index = new KeyIndex({ key: key(0, 1).schema, keyGroups: 128, nullKeys: false, plain })
      for (let from = 0; from < 60_000; from += 7000) {
        const batch = key(from, 7000)
        expect([...index.resolve(batch)]).toEqual(Array.from({ length: 7000 }, (_, i) => from + i))
      }
      expect([...index.resolve(key(100, 20_000))]).toEqual(Array.from({ length: 20_000 }, (_, i) => 100 + i))
      expect(rowsOf(index.keysOf(Int32Array.of(5, 62_999)))).toEqual([
        ...rowsOf(slice(key(0, 10), 5, 6)),
        ...rowsOf(slice(key(62_990, 10), 9, 10)),
      ])
      expect(index.size).toBe(63_000)
    }
  })

  it('takes keys of many lengths, megabytes among them', () => {
    const key = schemaFromJson([['k', 'utf8']])
    const values = Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + i).repeat(i * i * 700))
    const index = new KeyIndex({ key, keyGroups: 128, nullKeys: false, plain })
    const batch: Batch = { schema: key, rows: 40, columns: [utf8Column(values)] }
    const twice = concat([batch, batch])
    expect([...index.resolve(twice)]).toEqual([...values.keys(), ...values.keys()])
    expect(rowsOf(index.keysOf(Int32Array.of(39, 0, 17))).map(r => r['k'])).toEqual([values[39], '', values[17]])
  })

  it('holds that 0 is -0, and that every NaN is NaN', () => {
    const odd = new BigUint64Array([0n, 1n << 63n, 0x7ff8n << 48n, 0xfff8n << 48n, 0x7ff0000000000001n])
    for (const more of [[], ['n']]) {
      const key = schemaFromJson([['k', 'float64'], ...more.map((name): [string, string] => [name, 'int32'])])
      const columns = [fixedColumn({ kind: 'float64' }, odd), columnOf({ kind: 'int32' }, [1, 1, 1, 1, 1])]
      const index = new KeyIndex({ key, keyGroups: 128, nullKeys: false, plain })
      const batch = { schema: key, rows: 5, columns: columns.slice(0, key.fields.length) }
      expect([...index.resolve(batch)]).toEqual([0, 0, 1, 1, 1])
      expect(odd[1]).toBe(1n << 63n)
    }
  })
})

const long = { fields: [{ name: 'k', type: parseType('int64') }] }
function longs(from: number, rows: number): Batch {
  const values = BigInt64Array.from({ length: rows }, (_, i) => BigInt(from + i) * 1_000_003n)
  return { schema: long, rows, columns: [fixedColumn({ kind: 'int64' }, values)] }
}
const text: Schema = { fields: [{ name: 'k', type: parseType('utf8') }] }
function texts(from: number, rows: number): Batch {
  const values = Array.from({ length: rows }, (_, i) => `user-${from + i}`)
  return { schema: text, rows, columns: [utf8Column(values)] }
}

describe('a key index', () => {
  it.each([300_000, 1_000_000, 3_000_000])('of %i bytes has room for the keys that it says', bytes => {
    const index = new KeyIndex({ key: schemaFromJson([['k', 'int64']]), keyGroups: 16, nullKeys: false, dense: true })
    const most = index.slotsWithin(bytes, 0)
    for (let from = 0; from < most; from += 1_000) {
      const keys = Array.from({ length: Math.min(1_000, most - from) }, (_, i) => ({ k: BigInt(from + i) }))
      index.resolve(batchFromRows(schemaFromJson([['k', 'int64']]), keys))
    }
    expect(index.size).toBe(most)
    // Memory comes by pages, and with room for a piece of a batch.
    expect(index.bytes - index.groupOf.byteLength).toBeLessThan(1.25 * bytes + 200_000)
  })

  it('knows the rows that have a null in any key column', () => {
    const key = schemaFromJson([
      ['a', 'int64'],
      ['b', 'utf8'],
    ])
    const index = new KeyIndex({ key, keyGroups: 128, nullKeys: false })
    const rows = [
      { a: 1, b: 'x' },
      { a: null, b: 'x' },
      { a: 1, b: null },
      { a: null, b: null },
      { a: 2, b: '' },
    ]
    expect(index.nullRows(batchFromRows(key, rows))).toEqual(Int32Array.of(1, 2, 3))
    expect(index.nullRows(batchFromRows(key, rows.slice(0, 1)))).toBeNull()
    expect(() => index.resolve(batchFromRows(key, rows))).toThrow('rows with a null key are taken out before')
  })

  it('refuses other columns than those of its key, and nested ones', () => {
    const index = new KeyIndex({ key: long, keyGroups: 128, nullKeys: false })
    expect(() => index.resolve(texts(0, 1))).toThrow('the columns are those of the key')
    const nested = schemaFromJson([['k', 'list<int64>']])
    expect(() => new KeyIndex({ key: nested, keyGroups: 128, nullKeys: false })).toThrow('"k" has a nested type')
  })

  it('answers no slots for no rows', () => {
    const index = new KeyIndex({ key: text, keyGroups: 128, nullKeys: true })
    expect(index.resolve(texts(0, 0))).toEqual(new Int32Array(0))
    expect(index.keysOf(new Int32Array(0)).rows).toBe(0)
    expect(index.sorted(new Int32Array(0))).toEqual(new Int32Array(0))
  })
})

describe('the distinct slots of a batch', () => {
  it('come in order of first appearance, with the rows of each in order', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(12), fc.nat(2000)), { maxLength: 60 }), numbers => {
        const slots = Int32Array.from(numbers, n => n * 1_000_003)
        const { k, uniq, index, order, starts } = distinct(slots)
        expect(plainDistinct(slots)).toEqual({ k, uniq, index, order, starts })
        const seen = [...new Set(slots)]
        expect([...uniq]).toEqual(seen)
        expect(k).toBe(seen.length)
        expect([...index]).toEqual([...slots].map(s => seen.indexOf(s)))
        const groups = seen.map(s => [...slots.keys()].filter(i => slots[i] === s))
        expect([...order]).toEqual(groups.flat())
        expect(seen.map((_, c) => [...order.subarray(starts[c], starts[c + 1])])).toEqual(groups)
        expect(starts[k]).toBe(slots.length)
      }),
      { numRuns: 300, seed: 6 },
    )
  })
})

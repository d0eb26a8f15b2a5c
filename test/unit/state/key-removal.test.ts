/** Keys that are taken out of a key index, against a map from key text to slot. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Batch, batchFromRows, fixedColumn, rowsOf, utf8Column } from '../../../src/batch/index.js'
import { type Schema, parseType } from '../../../src/schema/index.js'
import { KeyIndex, keyBytes, keyGroup } from '../../../src/state/index.js'

const fieldOf = (type: string): Schema => ({ fields: [{ name: 'k', type: parseType(type) }] })
const longs = (ids: readonly number[]): Batch => ({
  schema: fieldOf('int64'),
  rows: ids.length,
  columns: [
    fixedColumn(
      { kind: 'int64' },
      BigInt64Array.from(ids, id => BigInt(id) * 1_000_003n),
    ),
  ],
})
const texts = (ids: readonly number[]): Batch => ({
  schema: fieldOf('utf8'),
  rows: ids.length,
  columns: [utf8Column(ids.map(id => `${'.'.repeat(id % 40)}${id}`))],
})
const orNull = (ids: readonly number[]): Batch =>
  batchFromRows(
    fieldOf('int32'),
    ids.map(id => ({ k: id === 52 ? null : id })),
  )

const kinds = [
  ['numbers', longs, false],
  ['texts', texts, false],
  ['numbers or null', orNull, true],
] as const
const forms = [
  ['WebAssembly', false],
  ['plain TypeScript', true],
] as const

const steps = fc.array(
  fc.record({
    keys: fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 120 }),
    /** Of the keys that are there, every how many goes. */
    every: fc.integer({ min: 1, max: 7 }),
  }),
  { minLength: 1, maxLength: 12 },
)

describe.each(forms)('keys taken out of an index in %s', (_, plain) => {
  it.each(kinds)('of %s leave their slots to later keys, and every other key keeps its own', (_, batchOf, nullKeys) => {
    fc.assert(
      fc.property(steps, run => {
        const key = batchOf([]).schema
        const index = new KeyIndex({ key, keyGroups: 128, nullKeys, plain })
        const slotOf = new Map<string, number>()
        index.takeFresh()
        for (const { keys, every } of run) {
          const batch = batchOf(keys)
          const names = keys.map((_, i) => Buffer.from(keyBytes(batch, i, nullKeys)).toString('hex'))
          const slots = index.resolve(batch)
          const fresh = new Set<number>()
          names.forEach((name, i) => {
            const slot = slots[i] ?? -1
            if (!slotOf.has(name)) {
              expect([...slotOf.values()]).not.toContain(slot)
              slotOf.set(name, slot)
              fresh.add(slot)
            }
            expect(slot).toBe(slotOf.get(name))
            expect(index.groupOf[slot]).toBe(keyGroup(Buffer.from(name, 'hex'), 128))
          })
          expect(new Set(index.takeFresh())).toEqual(fresh)
          expect(rowsOf(index.keysOf(slots))).toEqual(rowsOf(batch))
          const gone = [...slotOf].filter((_, i) => i % every === 0)
          index.remove(Int32Array.from(gone, ([, slot]) => slot))
          for (const [name] of gone) slotOf.delete(name)
          expect(index.size).toBe(slotOf.size)
        }
      }),
      { numRuns: 40, seed: 6 },
    )
  })

  it.each(kinds)('of %s cost no memory when others take their place', (_, batchOf, nullKeys) => {
    const index = new KeyIndex({ key: batchOf([]).schema, keyGroups: 128, nullKeys, plain })
    const round = (from: number): void => {
      const batch = batchOf(Array.from({ length: 10_000 }, (_, i) => 51 * (from + i) + 1))
      index.remove(new Int32Array(new Set(index.resolve(batch))))
    }
    for (let i = 0; i < 20; i++) round(10_000 * i)
    const { bytes } = index
    for (let i = 20; i < 50; i++) round(10_000 * i)
    expect(index.bytes).toBeLessThan(1.5 * bytes)
  })

  it.each(kinds)('of %s are not there after the table has grown', (_, batchOf, nullKeys) => {
    const index = new KeyIndex({ key: batchOf([]).schema, keyGroups: 128, nullKeys, plain })
    const ids = Array.from({ length: 3_000 }, (_, i) => 51 * i + 1)
    const slots = index.resolve(batchOf(ids))
    index.remove(slots.slice(1_000))
    index.resolve(batchOf(Array.from({ length: 20_000 }, (_, i) => 51 * (i + 10_000) + 1)))
    expect(index.size).toBe(21_000)
    expect(index.resolve(batchOf(ids.slice(0, 1_000)))).toEqual(slots.slice(0, 1_000))
    expect(index.size).toBe(21_000)
  })
})

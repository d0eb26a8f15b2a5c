import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Value, rowsOf } from '../../../src/batch/index.js'
import { type Schema } from '../../../src/schema/index.js'
import { isWhole, sumOf } from '../../../src/state/block.js'
import { blockBytesMax } from '../../../src/state/delta.js'
import { readBlock } from '../../../src/state/restore.js'
import { anyValue, flatType } from '../batch/arbitrary.js'
import { KeyedRows, countsByUser, deletedRows, stored } from './rows-of-state.js'

const columns = (prefix: string, from: number): fc.Arbitrary<Schema> =>
  fc.array(flatType, { minLength: from, maxLength: 3 }).map(types => ({
    fields: types.map((type, i) => ({ name: `${prefix}${i}`, type })),
  }))

const row = (schema: Schema): fc.Arbitrary<Record<string, Value>> =>
  fc.record(Object.fromEntries(schema.fields.map(field => [field.name, anyValue(field.type)])))

describe('deltas of keyed state', () => {
  it('restore what was applied, for any columns, in any number of epochs', () => {
    const jobs = fc
      .record({ key: columns('k', 1), state: columns('s', 1), plain: fc.boolean() })
      .chain(({ key, state, plain }) => {
        const entry = fc.record({ key: row(key), state: fc.option(row(state), { freq: 4 }) })
        const epochs = fc.array(
          fc.uniqueArray(entry, { selector: each => JSON.stringify(each.key, text), maxLength: 9 }),
          {
            maxLength: 5,
          },
        )
        return fc.record({
          form: fc.constant({ key, state, keyGroups: 7, nullKeys: true }),
          plain: fc.constant(plain),
          epochs,
        })
      })
    fc.assert(
      fc.property(jobs, ({ form, plain, epochs }) => {
        const before = new KeyedRows('op', form, { plain })
        const after = new KeyedRows('op', form, { plain })
        epochs.forEach((entries, epoch) => {
          before.set(entries)
          for (const block of before.take(epoch + 1)) after.restore(stored(block))
          expect(after.all()).toEqual(before.all())
          expect(after.take(epoch + 1)).toEqual([])
        })
      }),
      { numRuns: 150, seed: 5 },
    )
  })

  it('have only what changed since the last cut, and say what was cleared', () => {
    const rows = new KeyedRows('counts', countsByUser)
    rows.count({ ann: 1, bob: 1, cid: 1 })
    expect(rows.take(1).map(block => block.rows)).toEqual([3])
    expect(rows.take(2)).toEqual([])
    rows.count({ bob: null, cid: 2 })
    rows.count({ cid: 3 })
    const [block, ...more] = rows.take(3)
    expect(more).toEqual([])
    expect(block).toMatchObject({ operator: 'counts', epoch: 3, since: 2, rows: 2 })
    expect(block === undefined ? 0 : deletedRows(block)).toBe(1)
  })

  it('are one small block of all its key groups, in their order', () => {
    const rows = new KeyedRows('counts', countsByUser)
    const users = Array.from({ length: 40 }, (_, i) => [`user ${i}`, i])
    rows.count(Object.fromEntries(users))
    rows.take(1)
    rows.count(Object.fromEntries(users.slice(5)))
    const blocks = rows.take(2)
    expect(blocks.length).toBe(1)
    const groups = blocks.flatMap(block => readBlock(stored(block)).header.groups)
    expect(groups.length).toBeGreaterThan(8)
    expect(groups.map(each => each.group)).toEqual(groups.map(each => each.group).toSorted((a, b) => a - b))
    expect(blocks[0]).toMatchObject({ firstGroup: groups[0]?.group, lastGroup: groups.at(-1)?.group })
  })

  it('are all there is where every key changed', () => {
    const rows = new KeyedRows('counts', countsByUser)
    rows.count({ ann: 1, bob: 1 })
    expect(rows.take(8)).toMatchObject([{ since: 0, firstGroup: 0, lastGroup: 15, rows: 2 }])
    rows.count({ ann: 2, bob: null })
    expect(rows.take(9)).toMatchObject([{ since: 0, firstGroup: 0, lastGroup: 15, rows: 2 }])
  })

  it('are cut into blocks of at most a MiB, at the ends of key groups where that is possible', () => {
    const rows = new KeyedRows('counts', countsByUser)
    const long = 'x'.repeat(300)
    rows.count(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`${long} ${i}`, i])))
    const blocks = rows.take(1)
    expect(blocks.reduce((sum, block) => sum + block.rows, 0)).toBe(20_000)
    expect(Math.max(...blocks.map(block => block.bytes.length))).toBeLessThanOrEqual(blockBytesMax)
    expect(blocks.length).toBeLessThan(30)
    const after = new KeyedRows('counts', countsByUser)
    for (const block of blocks) after.restore(stored(block))
    expect(after.counts()).toEqual(rows.counts())
  })

  it('leave out the groups of which a later block has everything', () => {
    const rows = new KeyedRows('counts', countsByUser)
    rows.count({ ann: 1, bob: 2, cid: 3, dan: 4 })
    const blocks = rows.take(1)
    const groupOf = (user: string): number => {
      const { header, keys } = readBlock(stored(blocks[0] ?? expect.fail('there is a block')))
      const at = rowsOf(keys).findIndex(key => key['user'] === user)
      return header.groups.find(each => each.from <= at && at < each.to)?.group ?? -1
    }
    const after = new KeyedRows('counts', countsByUser)
    for (const block of blocks) after.restore(stored(block, new Set([groupOf('bob')])))
    expect(after.counts()).toEqual({ ann: 1, cid: 3, dan: 4 })
  })

  it('give all memory back but that of their blocks', () => {
    const rows = new KeyedRows('counts', countsByUser)
    for (let epoch = 1; epoch <= 40; epoch++) {
      rows.count({ ann: epoch, [`user ${epoch}`]: 1, [`user ${epoch - 3}`]: null })
      const blocks = rows.take(epoch)
      expect(rows.memory.out).toBe(blocks.reduce((bytes, block) => bytes + block.bytes.length, 0))
      for (const { loan } of blocks) loan?.release()
      expect(rows.memory.out).toBe(0)
    }
  })

  it('have bytes that never change', () => {
    const rows = new KeyedRows('counts', countsByUser)
    rows.count({ ann: 1, bob: 2, zoë: 3 })
    rows.count({ bob: null })
    const bytes = rows.take(7).map(block => Buffer.from(block.bytes).toString('base64'))
    expect({ bytes }).toEqual(JSON.parse(readFileSync('test/golden/state-block.json', 'utf8')))
  })

  it('are refused with any bit flipped', () => {
    const rows = new KeyedRows('counts', countsByUser)
    rows.count({ ann: 1, bob: 2 })
    const [block] = rows.take(1)
    if (block === undefined) return expect.fail('there is a block')
    for (let bit = 0; bit < block.bytes.length * 8; bit += 3) {
      const bytes = block.bytes.slice()
      bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      // Its first word is not in the sum, and says that it is a block.
      const read = (): unknown => isWhole(bytes, sumOf(block.bytes)) && readBlock({ ...stored(block), bytes })
      if (bit < 32) expect(read).toThrow(expect.objectContaining({ code: 'ANB6010' }))
      else expect(read()).toBe(false)
    }
    for (const length of [0, 10, 64, 100, block.bytes.length - 1]) {
      const bytes = block.bytes.slice(0, length)
      expect(() => readBlock({ ...stored(block), bytes })).toThrow(expect.objectContaining({ code: 'ANB6010' }))
    }
    expect(() => readBlock({ ...stored(block), operator: 'other' })).toThrow('belongs to another operator')
  })
})

const text = (_: string, value: unknown): unknown =>
  typeof value === 'bigint' || value instanceof Uint8Array || Object.is(value, -0) || typeof value === 'number'
    ? String(value)
    : value

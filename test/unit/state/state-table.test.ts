/** The state table against a map from slot to an object, for any schema and any order of gather, apply and clear. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Batch, type Value, batchFromRows, bitAt, concat, rowsOf, setBit } from '../../../src/batch/index.js'
import { type Field, type Schema, schemaFromJson } from '../../../src/schema/index.js'
import { StateTable } from '../../../src/state/index.js'
import { type Rows, anyValue, flatType } from '../batch/arbitrary.js'
import { brokenPromise } from '../batch/shape.js'

const forms = [
  ['WebAssembly', false],
  ['plain TypeScript', true],
] as const

/** Flat columns, some with a default, as JSON has them: of a kind whose default is easy to say. */
const withDefault: readonly Field[] = [
  { name: 'count', type: { kind: 'int64' }, default: 7 },
  { name: 'label', type: { kind: 'utf8' }, default: 'none yet' },
  { name: 'open', type: { kind: 'bool' }, default: true },
  { name: 'mean', type: { kind: 'float64' }, default: 0.5 },
]
const defaults: Readonly<Record<string, Value>> = { count: 7n, label: 'none yet', open: true, mean: 0.5 }

const stateSchema: fc.Arbitrary<Schema> = fc
  .record({ some: fc.subarray([...withDefault]), types: fc.array(flatType, { maxLength: 9 }) })
  .map(({ some, types }) => ({ fields: [...types.map((type, i) => ({ name: `c${i}`, type })), ...some] }))
  .filter(schema => schema.fields.length > 0)

interface Step {
  readonly slots: readonly number[]
  readonly rows: Rows
  readonly cleared: readonly boolean[]
}

/** Steps that each write some slots, near and far, and clear some of them. */
const steps = (schema: Schema): fc.Arbitrary<readonly Step[]> => {
  const row = fc.record(Object.fromEntries(schema.fields.map(f => [f.name, anyValue(f.type)])))
  const slot = fc.oneof({ arbitrary: fc.nat(20), weight: 9 }, fc.integer({ min: 1000, max: 9000 }))
  const step = fc.uniqueArray(slot, { maxLength: 12 }).chain(slots =>
    fc.record({
      slots: fc.constant(slots),
      rows: fc.array(row, { minLength: slots.length, maxLength: slots.length }),
      cleared: fc.array(fc.boolean(), { minLength: slots.length, maxLength: slots.length }),
    }),
  )
  return fc.array(step, { maxLength: 8 })
}

const bitmapOf = (bits: readonly boolean[]): Uint8Array => {
  const bitmap = new Uint8Array(Math.ceil(bits.length / 8))
  bits.forEach((bit, i) => bit && setBit(bitmap, i))
  return bitmap
}

describe.each(forms)('a state table in %s', (_, plain) => {
  it('answers what was last applied, else the defaults', () => {
    const any = stateSchema.chain(schema => fc.record({ schema: fc.constant(schema), list: steps(schema) }))
    fc.assert(
      fc.property(any, ({ schema, list }) => {
        const table = new StateTable(schema, { plain })
        const model = new Map<number, Rows[number]>()
        const absent = Object.fromEntries(schema.fields.map(f => [f.name, defaults[f.name] ?? null]))
        const expectSlots = (slots: readonly number[]): void => {
          const { state, isNew } = table.gather(Int32Array.from(slots))
          expect(brokenPromise(state)).toBeNull()
          expect(rowsOf(state)).toEqual(slots.map(slot => model.get(slot) ?? absent))
          expect(slots.map((_, i) => bitAt(isNew, i) === 1)).toEqual(slots.map(slot => !model.has(slot)))
          expect(isNew).toEqual(bitmapOf(slots.map(slot => !model.has(slot))))
        }
        for (const { slots, rows, cleared } of list) {
          const clear = cleared.includes(true) ? bitmapOf(cleared) : null
          table.apply(Int32Array.from(slots), batchFromRows(schema, rows), clear)
          slots.forEach((slot, i) => {
            const row = rows[i]
            if (cleared[i] === true || row === undefined) model.delete(slot)
            else model.set(slot, row)
          })
          expectSlots([...slots, 0, 1, 2, 10_000_000])
        }
        expectSlots(Array.from({ length: 25 }, (_, i) => 24 - i))
        expect([...table.presentSlots()]).toEqual([...model.keys()].sort((a, b) => a - b))
        expect([5, 2000].map(slot => table.present(slot))).toEqual([5, 2000].map(slot => model.has(slot)))
      }),
      { numRuns: 250, seed: 8 },
    )
  })

  it('moves more rows than fit in one piece', () => {
    const schema = schemaFromJson([
      ['n', 'int64'],
      ['s', 'utf8', { default: 'new' }],
      ['b', 'bool'],
    ])
    const table = new StateTable(schema, { plain })
    const rows = Array.from({ length: 10_000 }, (_, i) => ({
      n: i % 7 === 0 ? null : BigInt(i),
      s: i > 9000 ? null : `state of ${i}`,
      b: i < 5000 ? null : i % 2 === 0,
    }))
    const slots = Int32Array.from(rows, (_, i) => (i * 7919) % 30_011)
    table.apply(slots, batchFromRows(schema, rows), null)
    expect(rowsOf(table.gather(slots).state)).toEqual(rows)
    expect(table.presentSlots().length).toBe(10_000)
    const { state, isNew } = table.gather(Int32Array.from({ length: 30_011 }, (_, i) => i))
    expect(brokenPromise(state)).toBeNull()
    expect(rowsOf(state).filter(r => r['s'] === 'new').length).toBe(20_011)
    expect(isNew.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0)).toBe(20_011)
  })

  it('keeps every text while it is rewritten, and gives the room of old ones back', () => {
    const schema = schemaFromJson([
      ['a', 'utf8', { default: 'a default that is a text as well' }],
      ['b', 'binary'],
    ])
    const table = new StateTable(schema, { plain })
    const slots = Int32Array.from({ length: 500 }, (_, i) => i)
    const rowsAt = (round: number): Rows =>
      Array.from(slots, slot => ({
        a: `${slot} in round ${round}, ${'x'.repeat((slot * round) % 900)}`,
        b: (slot + round) % 5 === 0 ? null : new Uint8Array((slot * 31 + round * 17) % 3000).fill(slot),
      }))
    let bytesBefore = 0
    for (let round = 1; round <= 60; round++) {
      table.apply(slots, batchFromRows(schema, rowsAt(round)), null)
      if (round === 20) bytesBefore = table.bytes
    }
    expect(rowsOf(table.gather(slots).state)).toEqual(rowsAt(60))
    expect(rowsOf(table.gather(Int32Array.of(700)).state)[0]?.['a']).toBe('a default that is a text as well')
    expect(table.bytes).toBeLessThan(bytesBefore * 2)
  })

  it('takes one text larger than a chunk of its arena', () => {
    const schema = schemaFromJson([['s', 'utf8']])
    const table = new StateTable(schema, { plain })
    const large = 'ab'.repeat(3 << 20)
    const one = (s: string | null): Batch => batchFromRows(schema, [{ s }])
    table.apply(Int32Array.of(1), one('before'), null)
    table.apply(Int32Array.of(2), one(large), null)
    table.apply(Int32Array.of(3), one('after'), null)
    const read = (): Value[] => rowsOf(table.gather(Int32Array.of(1, 2, 3)).state).map(r => r['s'] ?? null)
    expect(read()).toEqual(['before', large, 'after'])
    table.apply(Int32Array.of(2), one('small'), null)
    expect(read()).toEqual(['before', 'small', 'after'])
  })

  it('gives unchanged state back as it came, to the bit', () => {
    const schema = schemaFromJson([
      ['f', 'float64'],
      ['n', 'int64'],
    ])
    const table = new StateTable(schema, { plain })
    const odd = new BigUint64Array([0x7ff0000000000001n, 0xfff8000000000123n, 1n << 63n, 0x7fffffffffffffffn])
    const bytes = new Uint8Array(odd.buffer)
    const columns = schema.fields.map(({ type }) => ({
      type,
      length: 4,
      nullCount: 0,
      validity: null,
      offsets: null,
      values: bytes,
      children: [],
    }))
    const slots = Int32Array.of(3, 1, 2, 0)
    table.apply(slots, { schema, rows: 4, columns }, null)
    expect(table.gather(slots).state.columns.map(c => c.values)).toEqual([bytes, bytes])
  })
})

describe('a state table', () => {
  it('refuses state of another shape', () => {
    const table = new StateTable(schemaFromJson([['n', 'int64']]))
    const other = batchFromRows(schemaFromJson([['n', 'int32']]), [{ n: 1 }])
    expect(() => table.apply(Int32Array.of(0), other, null)).toThrow('state has the declared columns')
    const fit = batchFromRows(table.schema, [{ n: 1 }])
    expect(() => table.apply(Int32Array.of(0, 1), concat([fit, fit, fit]), null)).toThrow('3 rows, 2 keys')
    expect(() => new StateTable(schemaFromJson([['l', 'list<int64>']]))).toThrow('"l" has a nested type')
    expect(() => new StateTable(schemaFromJson([['n', 'int8', { default: 300 }]]))).toThrow('int8')
  })

  it('starts small', () => {
    expect(new StateTable(schemaFromJson([['n', 'int64']])).bytes).toBeLessThan(1 << 20)
  })
})

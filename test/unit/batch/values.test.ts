/** Batches as values: every operation, on any type with nulls, does what the same on plain arrays does. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Batch,
  batchFromRows,
  byteLength,
  columnOf,
  concat,
  emptyBatch,
  fillBits,
  filterRows,
  jsonAt,
  nullColumn,
  rowsOf,
  select,
  setBit,
  slice,
  take,
  utf8Column,
  valueAt,
  withColumns,
} from '../../../src/batch/index.js'
import { parseType, schemaFromJson } from '../../../src/schema/index.js'
import { anyBatch, anyType, rowsFor, schemaOf } from './arbitrary.js'
import { brokenPromise } from './shape.js'

const runs = { numRuns: 300, seed: 7 }

function expectRows(batch: Batch, rows: unknown): void {
  expect(brokenPromise(batch)).toBeNull()
  expect(rowsOf(batch)).toEqual(rows)
}

describe('a batch of any types', () => {
  it('gives back the values that it was made of', () => {
    fc.assert(
      fc.property(anyBatch(), ({ rows, batch }) => expectRows(batch, rows)),
      runs,
    )
  })

  it('has in a slice the rows of the slice, and in a slice of that too', () => {
    fc.assert(
      fc.property(anyBatch(40), fc.array(fc.nat(40), { minLength: 4, maxLength: 4 }), ({ rows, batch }, cuts) => {
        const [from, to] = range(cuts.slice(0, 2), batch.rows)
        const part = slice(batch, from, to)
        expectRows(part, rows.slice(from, to))
        const [again, end] = range(cuts.slice(2), part.rows)
        expectRows(slice(part, again, end), rows.slice(from, to).slice(again, end))
      }),
      runs,
    )
  })

  it('joins with others of its schema in order', () => {
    const parts = schemaOf(anyType(3)).chain(schema =>
      fc.record({ schema: fc.constant(schema), lists: fc.array(rowsFor(schema), { minLength: 1, maxLength: 4 }) }),
    )
    fc.assert(
      fc.property(parts, ({ schema, lists }) =>
        expectRows(concat(lists.map(rows => batchFromRows(schema, rows))), lists.flat()),
      ),
      runs,
    )
  })

  it('joins slices to what was cut', () => {
    fc.assert(
      fc.property(anyBatch(40), fc.nat(40), ({ rows, batch }, at) => {
        const cut = Math.min(at, batch.rows)
        expectRows(concat([slice(batch, 0, cut), slice(batch, cut, batch.rows)]), rows)
      }),
      runs,
    )
  })

  it('takes rows in any order, as often as asked for', () => {
    fc.assert(
      fc.property(anyBatch(), fc.array(fc.nat(1000), { maxLength: 40 }), ({ rows, batch }, picks) => {
        const numbers = batch.rows === 0 ? [] : picks.map(p => p % batch.rows)
        expectRows(
          take(batch, Int32Array.from(numbers)),
          numbers.map(n => rows[n]),
        )
      }),
      runs,
    )
  })

  it('keeps the rows of a mask', () => {
    fc.assert(
      fc.property(anyBatch(), fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), ({ rows, batch }, keep) => {
        const mask = new Uint8Array(3)
        keep.forEach((yes, i) => yes && setBit(mask, i))
        expectRows(
          filterRows(batch, mask),
          rows.filter((_, i) => keep[i]),
        )
      }),
      runs,
    )
  })

  it('says no bytes where it has no rows, and grows with them', () => {
    fc.assert(
      fc.property(anyBatch(), ({ schema, batch }) => {
        expectRows(emptyBatch(schema), [])
        expect(byteLength(concat([batch, batch]))).toBeGreaterThanOrEqual(byteLength(batch))
      }),
      runs,
    )
  })

  it('can be all null', () => {
    fc.assert(
      fc.property(schemaOf(anyType(3)), fc.nat(20), (schema, rows) => {
        const columns = schema.fields.map(f => nullColumn(f.type, rows))
        const row = Object.fromEntries(schema.fields.map(f => [f.name, null]))
        expectRows({ schema, rows, columns }, Array<object>(rows).fill(row))
      }),
      runs,
    )
  })
})

function range(cuts: readonly number[], rows: number): [number, number] {
  const [a = 0, b = 0] = cuts.map(c => Math.min(c, rows)).sort((x, y) => x - y)
  return [a, b]
}

describe('columns in and out of a batch', () => {
  const schema = schemaFromJson([
    ['a', 'int32'],
    ['b', 'utf8'],
  ])
  const batch = batchFromRows(schema, [
    { a: 1, b: 'x' },
    { a: 2, b: null },
  ])

  it('are picked and renamed', () => {
    expectRows(select(batch, ['b', { a: 'n' }]), [
      { b: 'x', n: 1 },
      { b: null, n: 2 },
    ])
  })

  it('replace one of the same name in its place and come last otherwise', () => {
    const added = batchFromRows(
      schemaFromJson([
        ['c', 'bool'],
        ['a', 'utf8'],
      ]),
      [
        { c: true, a: 'one' },
        { c: null, a: 'two' },
      ],
    )
    const joined = withColumns(batch, added)
    expect(joined.schema.fields.map(f => f.name)).toEqual(['a', 'b', 'c'])
    expectRows(joined, [
      { a: 'one', b: 'x', c: true },
      { a: 'two', b: null, c: null },
    ])
  })

  it('may be called as JavaScript calls its own', () => {
    const odd = schemaFromJson([
      ['constructor', 'int32'],
      ['__proto__', 'int32'],
    ])
    expect(rowsOf(batchFromRows(odd, [{}]))[0]?.['constructor']).toBeNull()
  })
})

describe('a slice of aligned numbers', () => {
  it('copies no byte', () => {
    const batch = batchFromRows(schemaFromJson([['n', 'int64']]), Array(64).fill({ n: 5n }))
    expect(slice(batch, 7, 64).columns[0]?.values.buffer).toBe(batch.columns[0]?.values.buffer)
  })

  it('of four bytes is copied where it would begin between them', () => {
    const batch = batchFromRows(schemaFromJson([['n', 'int32']]), Array(64).fill({ n: 5 }))
    expect(slice(batch, 8, 64).columns[0]?.values.buffer).toBe(batch.columns[0]?.values.buffer)
    expectRows(slice(batch, 7, 9), [{ n: 5 }, { n: 5 }])
  })
})

describe('bits', () => {
  it('are filled from and to any place', () => {
    for (let at = 0; at < 18; at++) {
      for (let length = 0; length < 20; length++) {
        const bits = new Uint8Array(8)
        fillBits(bits, at, length)
        const text = [...bits].map(b => [...b.toString(2).padStart(8, '0')].reverse().join('')).join('')
        expect(text).toBe(('0'.repeat(at) + '1'.repeat(length)).padEnd(64, '0'))
      }
    }
  })
})

describe('a value as JSON', () => {
  const cases: readonly (readonly [string, Parameters<typeof columnOf>[1][number], unknown])[] = [
    ['int64', 2n ** 53n - 1n, 9007199254740991],
    ['int64', 2n ** 53n, '9007199254740992'],
    ['int64', -(2n ** 63n), '-9223372036854775808'],
    ['uint64', 2n ** 64n - 1n, '18446744073709551615'],
    ['float64', Number.NaN, 'NaN'],
    ['float64', Number.NEGATIVE_INFINITY, '-Infinity'],
    ['binary', Uint8Array.of(1, 255), 'Af8='],
    ['date32', -1, '1969-12-31'],
    ['date32', 19782, '2024-02-29'],
    ['date32', -719_529, '-000001-12-31'],
    ['timestamp[s, UTC]', 0n, '1970-01-01T00:00:00Z'],
    ['timestamp[ms]', -1n, '1969-12-31T23:59:59.999'],
    ['timestamp[us, UTC]', 1_709_168_523_500_001n, '2024-02-29T01:02:03.500001Z'],
    ['timestamp[ns]', -(2n ** 63n), '1677-09-21T00:12:43.145224192'],
    ['timestamp[s]', 2n ** 63n - 1n, '+292277026596-12-04T15:30:07'],
    ['duration[ms]', 1500n, 1500],
    ['decimal128(5, 2)', '-0.05', '-0.05'],
    ['decimal128(38, 0)', '9'.repeat(38), '9'.repeat(38)],
    ['list<timestamp[s, UTC]>', [0n, null], ['1970-01-01T00:00:00Z', null]],
    ['struct<d: date32>', { d: 0 }, { d: '1970-01-01' }],
    ['map<utf8, binary>', [['k', Uint8Array.of(0)]], { k: 'AA==' }],
    ['map<int32, bool>', [[1, true]], [[1, true]]],
    ['utf8', '\uFEFFa\u0000b', '\uFEFFa\u0000b'],
  ]
  for (const [type, value, json] of cases) {
    it(`of ${type} ${String(value).slice(0, 30)} reads ${JSON.stringify(json)}, and reads back`, () => {
      const column = columnOf(parseType(type), [value])
      expect(jsonAt(column, 0)).toEqual(json)
      if (Array.isArray(json) || typeof json === 'object') return
      expect(columnOf(parseType(type), [jsonAt(column, 0)]).values).toEqual(column.values)
    })
  }

  it('is refused where it does not fit its type', () => {
    const misfits: readonly (readonly [string, Parameters<typeof columnOf>[1][number]])[] = [
      ['int8', 128],
      ['int8', 1.5],
      ['uint8', -1],
      ['int64', 'x'],
      ['bool', 1],
      ['utf8', 5],
      ['date32', '2023-02-29'],
      ['timestamp[s]', '2024-01-01T25:00:00Z'],
      ['decimal128(3, 1)', '100.0'],
      ['decimal128(3, 1)', '1.25'],
      ['list<int8>', 1],
      ['struct<a: int8>', 1],
      ['binary', '?'],
      ['float64', 'x'],
    ]
    for (const [type, value] of misfits) expect(() => columnOf(parseType(type), [value]), type).toThrow(TypeError)
  })

  it('of a row that is not there is a programming error', () => {
    const column = utf8Column(['a'])
    expect(valueAt(column, 0)).toBe('a')
    for (const row of [-1, 1]) expect(() => valueAt(column, row)).toThrow(RangeError)
  })

  it('keeps the offset of a time zone', () => {
    const column = columnOf(parseType('timestamp[s, UTC]'), ['2024-01-01T01:30:00+01:30'])
    expect(jsonAt(column, 0)).toBe('2024-01-01T00:00:00Z')
  })
})

describe('text', () => {
  it('is cut between characters of any length', () => {
    const column = utf8Column(['a', 'é', '水', '🜄', ''])
    expect([...(column.offsets ?? [])]).toEqual([0, 1, 3, 6, 10, 10])
  })
})

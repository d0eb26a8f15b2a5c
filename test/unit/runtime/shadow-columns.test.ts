/** In which rows two columns differ, and which rows of two outputs belong together. */
import { describe, expect, test } from 'vitest'
import { type Value, columnOf } from '../../../src/batch/index.js'
import { emptyBatch } from '../../../src/batch/index.js'
import { eachDifference } from '../../../src/runtime/shadow/columns.js'
import { pairsOf } from '../../../src/runtime/shadow/compare.js'
import { type DataType } from '../../../src/schema/index.js'

const decimal: DataType = { kind: 'decimal128', precision: 10, scale: 2 }
const listOf = (item: DataType): DataType => ({ kind: 'list', item })
const plain = (
  kind: 'bool' | 'int8' | 'int16' | 'int32' | 'int64' | 'float32' | 'float64' | 'utf8' | 'binary' | 'date32',
): DataType => ({ kind })
const struct: DataType = {
  kind: 'struct',
  fields: [
    { name: 'a', type: plain('int32') },
    { name: 'b', type: listOf(plain('float64')) },
  ],
}

function differ(type: DataType, a: readonly Value[], b: readonly Value[], tolerance = 0): readonly number[] {
  const found: number[] = []
  const pairs = { count: a.length, a: null, b: null }
  eachDifference(columnOf(type, a), columnOf(type, b), { pairs, tolerance }, row => found.push(row))
  return found
}

describe('columns are compared value by value', () => {
  test.each<readonly [string, DataType, readonly Value[], readonly Value[], readonly number[]]>([
    ['equal ones differ nowhere', plain('int64'), [1n, 2n, null], [1n, 2n, null], []],
    ['a null is no zero', plain('int32'), [0, null, null], [null, 0, null], [0, 1]],
    ['the high word of an int64 counts', plain('int64'), [1n, 1n], [1n, 1n + (1n << 32n)], [1]],
    ['bools are bits', plain('bool'), [true, false, true], [true, true, true], [1]],
    ['int8 and int16 have a byte or two', plain('int16'), [1, 256], [1, 512], [1]],
    ['NaN equals NaN, 0.0 equals -0.0', plain('float64'), [Number.NaN, 0, 1], [Number.NaN, -0, Number.NaN], [2]],
    ['infinity is no number near it', plain('float32'), [Infinity, 1], [-Infinity, 1], [0]],
    ['texts differ in length and letters', plain('utf8'), ['a', 'ab', ''], ['b', 'a', ''], [0, 1]],
    ['a decimal has 16 bytes', decimal, ['1.00', '2.50'], ['1.00', '-2.50'], [1]],
    ['lists differ in length and items', listOf(plain('int32')), [[1, 2], [1], []], [[1, 3], [1, 1], []], [0, 1]],
    [
      'structs differ in any member',
      struct,
      [{ a: 1, b: [Number.NaN] }, { a: 1, b: [2] }, null],
      [{ a: 1, b: [Number.NaN] }, { a: 1, b: [3] }, null],
      [1],
    ],
    [
      'maps differ in their entries',
      { kind: 'map', key: plain('utf8'), value: plain('int32') },
      [{ x: 1 }, { x: 1 }],
      [{ x: 1 }, { y: 1 }],
      [1],
    ],
  ])('%s', (_, type, a, b, rows) => {
    expect(differ(type, a, b)).toEqual(rows)
    expect(differ(type, b, a)).toEqual(rows)
  })

  test('floats may differ by a part of the larger one, where that is allowed', () => {
    const [a, b] = [
      [100, 100, 1e-9],
      [100.5, 102, 0],
    ]
    expect(differ(plain('float64'), a, b)).toEqual([0, 1, 2])
    expect(differ(plain('float64'), a, b, 0.01)).toEqual([1, 2])
    expect(differ(plain('float64'), [1, Infinity], [Number.NaN, -Infinity], 1)).toEqual([0, 1])
  })
})

describe('rows of two outputs meet where they were made of the same row of the call', () => {
  const given = (rows: number, parent: readonly number[] | null) => ({
    batch: { ...emptyBatch({ fields: [] }), rows },
    parent: parent === null ? null : Int32Array.from(parent),
  })
  const pairs = (old: readonly number[] | 3, next: readonly number[] | 3) => {
    const of = (rows: readonly number[] | 3) => (rows === 3 ? given(3, null) : given(rows.length, rows))
    const found = pairsOf(of(old), of(next))
    const { count, a, b } = found.pairs
    const text = Array.from({ length: count }, (_, n) => `${a?.[n] ?? n}-${b?.[n] ?? n}`).join(' ')
    return [text, found.missing, found.more]
  }

  test.each([
    ['as many rows as came: each with its own', 3, 3, '0-0 1-1 2-2', 0, 0],
    ['a filter that keeps less', [0, 1, 2], [0, 2], '0-0 2-1', 1, 0],
    ['a filter that keeps another row', [0, 1], [0, 2], '0-0', 1, 1],
    ['children of one row in their order', [0, 0, 2], [0, 0, 0, 2], '0-0 1-1 2-3', 0, 1],
    ['rows against none', [0, 1], [], '', 2, 0],
    ['all that came against some', 3, [1], '1-0', 2, 0],
  ] as const)('%s', (_, old, next, text, missing, more) => {
    expect(pairs(old, next)).toEqual([text, missing, more])
  })
})

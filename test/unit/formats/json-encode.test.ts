/** JSON lines out: how each type is written, that both writers write the same, and that what is written reads back. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Batch, type Column } from '../../../src/batch/index.js'
import { jsonDecoder } from '../../../src/formats/json/decoder.js'
import { jsonEncoder } from '../../../src/formats/json/encoder.js'
import { type Schema } from '../../../src/schema/index.js'
import { at, readAll, rowsOf, schema } from './rows.js'

const kernels = ['wasm', 'plain'] as const

function batchOf(of: Schema, lines: string): Batch {
  const decoder = jsonDecoder(of)
  const bytes = new TextEncoder().encode(lines)
  decoder.space(bytes.length).set(bytes)
  decoder.filled(bytes.length)
  decoder.finish()
  const part = decoder.next(1_000_000)
  if (part === null || part.dead.length > 0) throw new Error(`the test's lines do not parse: ${part?.dead[0]?.message}`)
  return part.batch
}

function textOf(batch: Batch, kernel: 'wasm' | 'plain'): string {
  return new TextDecoder().decode(jsonEncoder(batch.schema, { kernel }).encode(batch))
}

describe('a value is written', () => {
  it.each([
    ['bool', 'true', 'true'],
    ['int8', '-128', '-128'],
    ['int64', '-9223372036854775808', '-9223372036854775808'],
    ['uint64', '18446744073709551615', '18446744073709551615'],
    ['uint32', '4294967295', '4294967295'],
    ['float64', '1e21', '1e+21'],
    ['float64', '123456789012345680000', '123456789012345680000'],
    ['float64', '0.000001', '0.000001'],
    ['float64', '1e-7', '1e-7'],
    ['float64', '-0.0', '-0'],
    ['float64', '100', '100'],
    ['float64', '-12.50', '-12.5'],
    ['float32', '0.1', '0.1'],
    ['float32', '3448743.25', '3448743.2'],
    ['utf8', '"a\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/é😀\\u2028"', '"a\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/é😀\u2028"'],
    ['binary', '"AP8="', '"AP8="'],
    ['date32', '"2024-02-29"', '"2024-02-29"'],
    ['date32', '2932897', '2932897'],
    ['timestamp[ms, UTC]', '"2024-01-02T03:04:05.678+01:00"', '"2024-01-02T02:04:05.678Z"'],
    ['timestamp[ms, Europe/Berlin]', '0', '"1970-01-01T00:00:00Z"'],
    ['timestamp[us]', '1', '"1970-01-01T00:00:00.000001"'],
    ['timestamp[ns, UTC]', '-1', '"1969-12-31T23:59:59.999999999Z"'],
    ['timestamp[s]', '253402300800', '253402300800'],
    ['duration[ms]', '-5', '-5'],
    ['decimal128(10, 2)', '12.5', '12.50'],
    ['decimal128(10, 2)', '-0.05', '-0.05'],
    ['decimal128(38, 0)', '"99999999999999999999999999999999999999"', '99999999999999999999999999999999999999'],
    ['decimal128(5, -2)', '12300', '12300'],
    ['list<utf8>', '["a", null, []]'.replace(', []', ''), '["a",null]'],
    ['struct<x: int32, "y z": bool>', '{"y z":true}', '{"x":null,"y z":true}'],
    ['map<utf8, int8>', '{"a":1,"b":null}', '{"a":1,"b":null}'],
    ['map<int8, list<bool>>', '[[1,[true]],[2,null]]', '[[1,[true]],[2,null]]'],
    ['int64', 'null', 'null'],
    ['utf8', 'null', 'null'],
    ['list<int8>', 'null', 'null'],
  ])('%s %s as %s', (type, value, text) => {
    const batch = batchOf(schema(['v', type]), `{"v":${value}}\n`)
    for (const kernel of kernels) expect(textOf(batch, kernel)).toBe(`{"v":${text}}\n`)
  })

  it('NaN and infinities as null, since JSON has none', () => {
    const values = new Uint8Array(Float64Array.of(Number.NaN, Infinity, -Infinity, 1).buffer)
    const column: Column = {
      type: { kind: 'float64' },
      length: 4,
      nullCount: 0,
      validity: null,
      offsets: null,
      values,
      children: [],
    }
    const batch = { schema: schema(['x', 'float64']), rows: 4, columns: [column] }
    for (const kernel of kernels) expect(textOf(batch, kernel)).toBe('{"x":null}\n{"x":null}\n{"x":null}\n{"x":1}\n')
  })

  it('under a long name, and one that needs escapes', () => {
    const names = ['a name of more than sixteen bytes, much more', '"\\\n']
    const batch = batchOf(
      schema(...names.map(name => [name, 'int8'] as const)),
      `${JSON.stringify(Object.fromEntries(names.map(name => [name, 1])))}\n`,
    )
    for (const kernel of kernels)
      expect(textOf(batch, kernel)).toBe(`${JSON.stringify(Object.fromEntries(names.map(name => [name, 1])))}\n`)
  })

  it('a batch without rows or without columns', () => {
    const none = { schema: schema(), rows: 2, columns: [] }
    for (const kernel of kernels) {
      expect(textOf(none, kernel)).toBe('{}\n{}\n')
      expect(textOf({ ...batchOf(schema(['v', 'utf8']), '{"v":"a"}\n'), rows: 0 }, kernel)).toBe('')
    }
  })

  it('a string of 5 MB that is all escapes', () => {
    const text = '\u0001'.repeat(5_000_000)
    const line = `{"v":${JSON.stringify(text)}}\n`
    expect(textOf(batchOf(schema(['v', 'utf8']), line), 'wasm') === line).toBe(true)
  })
})

describe('a float is written as JavaScript writes it', () => {
  const text = (values: Float64Array): string[] => {
    const bytes = new Uint8Array(values.buffer)
    const column: Column = {
      type: { kind: 'float64' },
      length: values.length,
      nullCount: 0,
      validity: null,
      offsets: null,
      values: bytes,
      children: [],
    }
    const lines = textOf({ schema: schema(['x', 'float64']), rows: values.length, columns: [column] }, 'wasm')
    return lines
      .split('\n')
      .slice(0, -1)
      .map(line => line.slice(5, -1))
  }
  const asJavaScript = (value: number): string =>
    Object.is(value, -0) ? '-0' : Number.isFinite(value) ? String(value) : 'null'
  const edges = [
    2 ** 53,
    2 ** 53 + 2,
    5e-324,
    2.2250738585072014e-308,
    1.7976931348623157e308,
    9007199254740993e3,
    1e22,
    1e23,
    4.35,
    0.3,
    2 / 3,
  ]

  it('at the edges, and beside each power of two and ten', () => {
    const powers = Array.from({ length: 2098 }, (_, i) => 2 ** (i - 1074))
    const tens = Array.from({ length: 617 }, (_, i) => Number(`1e${i - 308}`))
    const values = Float64Array.from([...edges, ...powers, ...tens].flatMap(x => [x, -x, next(x, 1n), next(x, -1n)]))
    expect(text(values)).toEqual([...values].map(asJavaScript))
  })

  it('whatever bits it has, and however many decimals', () => {
    const bits = fc
      .bigInt({ min: 0n, max: 2n ** 64n - 1n })
      .map(raw => at(new Float64Array(BigUint64Array.of(raw).buffer), 0))
    const decimal = fc
      .tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 20 }))
      .map(([n, digits]) => n / 10 ** digits)
    const property = fc.property(
      fc.array(fc.oneof(bits, decimal, fc.double()), { minLength: 100, maxLength: 200 }),
      items => {
        const values = Float64Array.from(items)
        expect(text(values)).toEqual([...values].map(asJavaScript))
      },
    )
    fc.assert(property, { numRuns: 150 })
  })
})

/** The float64 that is some steps above. */
function next(value: number, steps: bigint): number {
  const bits = new BigInt64Array(Float64Array.of(value).buffer)
  bits[0] = at(bits, 0) + steps
  return at(new Float64Array(bits.buffer), 0)
}

const text = fc.string({ unit: 'grapheme', maxLength: 30 })
const int = (bits: number, signed: boolean): fc.Arbitrary<string> => {
  const half = 2n ** BigInt(signed ? bits - 1 : bits)
  return fc.bigInt({ min: signed ? -half : 0n, max: half - 1n }).map(String)
}
const float = fc
  .double({ noNaN: true, noDefaultInfinity: true })
  .map(x => (Object.is(x, -0) ? '-0' : JSON.stringify(x)))
const decimal = fc
  .tuple(fc.bigInt({ min: -999_999n, max: 999_999n }), fc.nat(2))
  .map(([n, digits]) => `${n}e-${digits}`)

/** A type, and JSON of its values. */
const types: readonly (readonly [string, fc.Arbitrary<string>])[] = [
  ['bool', fc.boolean().map(String)],
  ['int8', int(8, true)],
  ['int16', int(16, true)],
  ['int32', int(32, true)],
  ['int64', int(64, true)],
  ['uint8', int(8, false)],
  ['uint16', int(16, false)],
  ['uint32', int(32, false)],
  ['uint64', int(64, false)],
  ['float32', fc.float({ noNaN: true, noDefaultInfinity: true }).map(x => JSON.stringify(x))],
  ['float64', float],
  ['utf8', text.map(value => JSON.stringify(value))],
  ['binary', fc.uint8Array({ maxLength: 20 }).map(bytes => JSON.stringify(Buffer.from(bytes).toString('base64')))],
  ['date32', int(32, true)],
  ['timestamp[s, UTC]', int(40, true)],
  ['timestamp[ms]', int(64, true)],
  ['timestamp[us, UTC]', int(64, true)],
  ['timestamp[ns, UTC]', int(64, true)],
  ['duration[ns]', int(64, true)],
  ['decimal128(8, 2)', decimal],
  ['list<float64>', fc.array(fc.option(float), { maxLength: 4 }).map(items => `[${items.map(String).join(',')}]`)],
  ['struct<x: int8, y: utf8>', fc.tuple(int(8, true), text).map(([x, y]) => `{"x":${x},"y":${JSON.stringify(y)}}`)],
  [
    'map<utf8, int8>',
    fc
      .array(fc.tuple(text, int(8, true)), { maxLength: 3 })
      .map(pairs => `{${pairs.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(',')}}`),
  ],
  [
    'map<int16, bool>',
    fc
      .array(fc.tuple(int(16, true), fc.boolean()), { maxLength: 3 })
      .map(pairs => JSON.stringify(pairs).replaceAll(/"(-?\d+)"/g, '$1')),
  ],
]

describe('what is written', () => {
  const all = schema(...types.map(([type], i) => [`c${i}`, type] as const))
  const row = fc.tuple(...types.map(([, value]) => fc.option(value, { nil: 'null' })))
  const lines = fc.array(row, { minLength: 1, maxLength: 12 }).map(rows => {
    return rows.map(values => `{${values.map((value, i) => `"c${i}":${value}`).join(',')}}\n`).join('')
  })

  it('reads back as the same rows, of all types, and both writers write the same', () => {
    const property = fc.property(lines, input => {
      const batch = batchOf(all, input)
      const written = textOf(batch, 'wasm')
      expect(textOf(batch, 'plain')).toBe(written)
      const read = readAll(jsonDecoder(all), written)
      expect(read.dead).toEqual([])
      expect(read.rows).toEqual(rowsOf(batch))
      for (const line of written.split('\n').slice(0, -1)) JSON.parse(line)
    })
    fc.assert(property, { numRuns: 150 })
  })

  it('stays right when one encoder writes batch after batch of growing size', () => {
    const encoder = jsonEncoder(schema(['v', 'utf8'], ['n', 'int64']))
    for (const rows of [1, 10, 50_000, 3]) {
      const input = Array.from({ length: rows }, (_, i) => `{"v":"${'x'.repeat(i % 50)}","n":${i}}\n`).join('')
      expect(
        new TextDecoder().decode(encoder.encode(batchOf(schema(['v', 'utf8'], ['n', 'int64']), input))) === input,
      ).toBe(true)
    }
  })
})

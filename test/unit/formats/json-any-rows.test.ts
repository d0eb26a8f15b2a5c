/** JSON lines in, at random: the same rows as JSON.parse, whichever kernel reads them and however they are cut. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonDecoder } from '../../../src/formats/json/decoder.js'
import { readAll, schema } from './rows.js'

const kernels = ['wasm', 'plain', 'none'] as const

const fields = schema(
  ['i', 'int64'],
  ['f', 'float64'],
  ['s', 'utf8'],
  ['b', 'bool'],
  ['n', 'int32'],
  ['g', 'float32'],
  ['u', 'uint16'],
)
const anyText = fc.string({ unit: 'grapheme', maxLength: 40 })
const anyRow = fc.record({
  i: fc.option(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
  f: fc.option(
    fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.integer().map(n => n / 1000),
    ),
  ),
  s: fc.option(anyText),
  b: fc.option(fc.boolean()),
  n: fc.option(fc.integer()),
  g: fc.option(fc.float({ noNaN: true, noDefaultInfinity: true })),
  u: fc.option(fc.nat(65_535)),
  extra: fc.option(fc.jsonValue({ maxDepth: 3 })),
})
type Row = typeof anyRow extends fc.Arbitrary<infer T> ? T : never

/** A line for a row, written in one of the ways that JSON allows. */
function lineOf(row: Row, style: { spaced: boolean; rotate: number; escape: boolean; drop: boolean }): string {
  const entries = Object.entries(row).filter(
    ([key, value]) => !(style.drop && value === null) && (key !== 'extra' || value !== null),
  )
  const turned = [...entries.slice(style.rotate), ...entries.slice(0, style.rotate)]
  const [comma, colon] = style.spaced ? [', ', ': '] : [',', ':']
  const text = (value: unknown): string => {
    if (typeof value === 'bigint') return String(value)
    const json = JSON.stringify(value)
    const bare = typeof value === 'string' && style.escape
    return bare ? json.replace(/[^ -~]/g, c => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`) : json
  }
  return `{${turned.map(([key, value]) => `${JSON.stringify(key)}${colon}${text(value)}`).join(comma)}}`
}

const anyStyle = fc.record({
  spaced: fc.boolean(),
  rotate: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(3)),
  escape: fc.boolean(),
  drop: fc.boolean(),
})

describe('any rows, written in any way, cut anywhere', () => {
  it('are read as JSON.parse reads them, int64 exactly', () => {
    const property = fc.property(
      fc.array(fc.tuple(anyRow, anyStyle), { maxLength: 30 }),
      fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 300 })),
      fc.integer({ min: 1, max: 20 }),
      fc.constantFrom(...kernels),
      (lines, piece, rowsMax, kernel) => {
        const text = lines.map(([row, style]) => `${lineOf(row, style)}\n`).join('')
        const { rows, dead } = readAll(jsonDecoder(fields, { kernel }), text, { piece, rowsMax })
        expect(dead).toEqual([])
        expect(rows).toEqual(lines.map(([row, style]) => expectedRow(row, lineOf(row, style))))
      },
    )
    fc.assert(property, { numRuns: 200 })
  })

  it('bytes at random, and lines with bytes changed, are the same to every kernel and to the slow way', () => {
    const mutated = fc.tuple(anyRow, anyStyle, fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 3 }))
    const property = fc.property(
      fc.array(mutated, { maxLength: 8 }),
      fc.uint8Array({ maxLength: 60 }),
      (lines, noise) => {
        const parts = lines.map(([row, style, changes]) => {
          const bytes = Buffer.from(`${lineOf(row, style)}\n`)
          for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte
          return bytes
        })
        const bytes = Buffer.concat([...parts, noise, Buffer.from('\n'), ...parts])
        const [wasm, plain, none] = kernels.map(kernel => readAll(jsonDecoder(fields, { kernel }), bytes))
        expect(wasm).toEqual(none)
        expect(plain).toEqual(none)
      },
    )
    fc.assert(property, { numRuns: 200 })
  })
})

function expectedRow(row: Row, line: string): Record<string, unknown> {
  const parsed = JSON.parse(line) as Record<string, unknown>
  const g = parsed['g'] ?? null
  return {
    i: row.i,
    f: parsed['f'] ?? null,
    s: parsed['s'] ?? null,
    b: parsed['b'] ?? null,
    n: parsed['n'] ?? null,
    g: typeof g === 'number' ? Math.fround(g) : null,
    u: parsed['u'] ?? null,
  }
}

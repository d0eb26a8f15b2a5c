/** Text lines in: each line is a row as it stands, whatever it says. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { textDecoder } from '../../../src/formats/text/decoder.js'
import { readAll } from './rows.js'

const kernels = ['wasm', 'plain'] as const

describe('text lines', () => {
  const read = (input: string | Uint8Array, feed = {}): string[] =>
    kernels.map(kernel => {
      const { rows, lines, dead } = readAll(textDecoder({ kernel }), input, feed)
      return `${rows.map((row, i) => `${lines[i]}:${String(row['line'])}`).join('|')} dead ${dead.map(line => `${line.position} ${line.message}`).join('|')}`
    })

  it.each([
    ['lines end at newlines and CRLF', 'a\nb\r\nc', '1:a|2:b|3:c dead '],
    ['a carriage return inside a line stays', 'a\rb\n', '1:a\rb dead '],
    ['empty lines count and are skipped', '\na\n\n\r\nb\n', '2:a|5:b dead '],
    ['a byte order mark is skipped', '\ufeffa\n', '1:a dead '],
    ['JSON is text like other text', '{"a":\t1}\n', '1:{"a":\t1} dead '],
  ])('%s', (_, text, expected) => {
    for (const piece of [1, 3, 1000])
      for (const rowsMax of [1, 2, 100]) expect(read(text, { piece, rowsMax })).toEqual([expected, expected])
  })

  it('a line that is not UTF-8 is dead, its neighbours live', () => {
    const expected = '1:a|3:é dead 2 expected UTF-8, got byte 0xff at byte 2'
    expect(read(Buffer.concat([Buffer.from('a\nx'), Buffer.of(0xff), Buffer.from('\né\n')]))).toEqual([
      expected,
      expected,
    ])
  })

  it('any text comes back as it was, cut anywhere', () => {
    const line = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 60 }).filter(text => !/[\r\n\ufeff]/.test(text))
    const property = fc.property(
      fc.array(line, { maxLength: 30 }),
      fc.integer({ min: 1, max: 100 }),
      fc.integer({ min: 1, max: 9 }),
      (lines, piece, rowsMax) => {
        for (const kernel of kernels) {
          const { rows } = readAll(textDecoder({ kernel }), lines.join('\n'), { piece, rowsMax })
          expect(rows.map(row => row['line'])).toEqual(lines)
        }
      },
    )
    fc.assert(property, { numRuns: 100 })
  })

  it('a line of 5 MB between short ones', () => {
    const big = 'y'.repeat(5_000_000)
    for (const kernel of kernels) {
      const { rows } = readAll(textDecoder({ kernel }), `a\n${big}\nb\n`)
      expect(rows.map(row => String(row['line']).length)).toEqual([1, 5_000_000, 1])
    }
  })
})

/** What a process prints, as lines for the log: cut, limited, counted. */
import { describe, expect, it } from 'vitest'
import { Lines } from '../../../src/workers/start/lines.js'

/** What comes out for chunks at milliseconds. */
function lines(chunks: readonly [number, string | Uint8Array][]): string[] {
  const out: string[] = []
  const drain = new Lines('stdout', line => out.push(line))
  for (const [ms, chunk] of chunks) drain.take(typeof chunk === 'string' ? new TextEncoder().encode(chunk) : chunk, ms)
  drain.end()
  return out
}

describe('lines of a process', () => {
  const rows: readonly [string, [number, string | Uint8Array][], string[]][] = [
    ['whole lines', [[0, 'a\nb\n']], ['a', 'b']],
    [
      'a line in pieces',
      [
        [0, 'he'],
        [1, 'llo\nwor'],
        [2, 'ld'],
      ],
      ['hello', 'world'],
    ],
    ['empty lines and CRLF', [[0, '\n\r\nx\r\n']], ['', '', 'x']],
    [
      'a character in two pieces',
      [
        [0, new Uint8Array([0xc3])],
        [1, new Uint8Array([0xa9, 10])],
      ],
      ['é'],
    ],
    ['bytes that are no text', [[0, new Uint8Array([0xff, 0x41, 10])]], ['\ufffdA']],
    ['nothing', [], []],
  ]
  for (const [name, chunks, expected] of rows) it(name, () => expect(lines(chunks)).toEqual(expected))

  it('cuts a line at 8 KiB and goes on with its rest', () => {
    expect(lines([[0, `${'x'.repeat(20_000)}\ny\n`]]).map(line => line.length)).toEqual([8_192, 8_192, 3_616, 1])
  })

  it('passes 200 lines a second, counts the rest, and begins anew at a line', () => {
    const out = lines([
      [0, 'line\n'.repeat(1_000)],
      [10, 'half a '],
      [1_500, 'line\nnext\n'],
    ])
    expect(out).toHaveLength(203)
    // 800 lines and the half one; what follows within the next second is told later.
    expect(out.slice(200)).toEqual([
      '4,007 bytes of stdout dropped: over 200 lines a second',
      'next',
      '4 bytes of stdout dropped: over 200 lines a second',
    ])
  })

  it('bounds what a flood without any newline leaves', () => {
    const out = lines(Array.from({ length: 100 }, (_, i): [number, Uint8Array] => [i, new Uint8Array(65_536).fill(65)]))
    expect(out).toHaveLength(201)
    expect(out[200]).toMatch(/^4,915,200 bytes of stdout dropped/)
  })

  it('keeps the last 16 KiB for the post-mortem, whatever the rate', () => {
    const drain = new Lines('stderr', () => undefined)
    for (let i = 0; i < 5_000; i += 1) drain.take(new TextEncoder().encode(`line ${i}\n`), 0)
    expect(drain.tail().endsWith('line 4998\nline 4999')).toBe(true)
    expect(drain.tail().length).toBeLessThanOrEqual(16_384)
    expect(drain.tail().length).toBeGreaterThan(16_000)
  })
})

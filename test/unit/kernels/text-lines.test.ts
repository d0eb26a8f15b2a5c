/** The scanner of text lines in WebAssembly leaves the same lines in memory as its plain twin. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type TextScanner, textFreeAt, textPosition, textScanner, utf8Fault } from '../../../src/kernels/index.js'

const valuesAt = textFreeAt
const offsetsAt = 40_000
const behind = 64

function scan({ memory, scan: run }: TextScanner, input: Uint8Array, limit: number): object {
  const bytes = new Uint8Array(memory.buffer)
  const view = new DataView(memory.buffer)
  const end = bytes.length - behind
  bytes.fill(0)
  bytes.set(input, end - input.length)
  const rows = run(end - input.length, end, limit, valuesAt, offsetsAt)
  const ends = Array.from({ length: rows + 1 }, (_, i) => view.getUint32(offsetsAt + i * 4, true))
  const text = Buffer.from(bytes.subarray(valuesAt, valuesAt + (ends[rows] ?? 0))).toString('hex')
  return { rows, ends, text, stopped: view.getUint32(textPosition, true) - (end - input.length) }
}

const wasm = textScanner(1)
const plain = textScanner(1, true)

it('copies lines up to one that is empty or not UTF-8', () => {
  const input = Buffer.from('one\r\nsixteen bytes and é more\n\nlast\n')
  const expected = {
    rows: 2,
    ends: [0, 3, 28],
    text: Buffer.from('onesixteen bytes and é more').toString('hex'),
    stopped: 31,
  }
  expect(scan(wasm, input, 10)).toEqual(expected)
  expect(scan(plain, input, 10)).toEqual(expected)
})

it('agrees with its twin on any bytes', () => {
  const piece = fc.oneof(fc.constantFrom('\n', '\r\n', '\r', ''), fc.string({ unit: 'binary', maxLength: 40 }))
  const text = fc.array(piece, { maxLength: 12 }).map(parts => Buffer.from(parts.join('')))
  const input = fc.oneof(text, fc.uint8Array({ maxLength: 80 })).map(bytes => Buffer.concat([bytes, Buffer.from('\n')]))
  const property = fc.property(input, fc.integer({ min: 1, max: 8 }), (bytes, limit) => {
    expect(scan(wasm, bytes, limit)).toEqual(scan(plain, bytes, limit))
  })
  fc.assert(property, { numRuns: 2000 })
})

it('knows UTF-8 as the platform does', () => {
  const decoder = new TextDecoder('utf-8', { fatal: true })
  const isText = (bytes: Uint8Array): boolean => {
    try {
      decoder.decode(bytes)
      return true
    } catch {
      return false
    }
  }
  const near = fc.array(
    fc.constantFrom(0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xef, 0xf0, 0xf4, 0xf5),
    { maxLength: 6 },
  )
  const property = fc.property(near, items => {
    const bytes = Uint8Array.from(items)
    expect(utf8Fault(bytes, 0, bytes.length) < 0).toBe(isText(bytes))
    const line = Buffer.concat([Buffer.from('x'), bytes, Buffer.from('\n')])
    expect(scan(wasm, line, 1)).toMatchObject({ rows: isText(bytes) ? 1 : 0 })
  })
  fc.assert(property, { numRuns: 1500 })
})

/** The JSON scanner in WebAssembly leaves the same rows, positions and bytes in memory as its plain twin. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type JsonScanner,
  jsonScanner,
  nullable,
  nullsAt,
  pageBytes,
  position,
  spelling,
  step,
  stepBytes,
  stepKind,
  stepsAt,
  styleAt,
} from '../../../src/kernels/index.js'

const rowsMax = 64
const kinds = Object.entries(stepKind)
const placeBytes = 2048
const placesAt = stepsAt + kinds.length * stepBytes
/** The input ends this many bytes before memory does. */
const behind = 64

interface Scanned {
  readonly rows: number
  readonly stopped: number
  readonly style: number
  readonly nulls: number
  readonly columns: readonly string[]
}

/** A scanner whose columns are one of each kind, called `a`, `b`, ... */
function prepare(scanner: JsonScanner): void {
  const view = new DataView(scanner.memory.buffer)
  for (const [i, [, kind]] of kinds.entries()) {
    const at = stepsAt + i * stepBytes
    const place = placesAt + i * placeBytes * 3
    view.setInt32(at + step.kind, kind, true)
    view.setUint32(at + step.values, place, true)
    view.setUint32(at + step.offsets, place + placeBytes, true)
    view.setUint32(at + step.validity, place + placeBytes * 2, true)
    view.setUint32(at + step.flags, i % 4 === 3 ? 0 : nullable, true)
    view.setUint32(at + step.digits, 3, true)
    for (const style of [0, 1]) {
      const text = `${i === 0 ? '{' : ','}${style === 1 && i > 0 ? ' ' : ''}"${nameOf(i)}":${style === 1 ? ' ' : ''}`
      const from = at + step.spelling + style * spelling.bytes
      view.setUint32(from + spelling.mask, (1 << text.length) - 1, true)
      view.setUint32(from + spelling.length, text.length, true)
      view.setUint32(from + spelling.text, from + spelling.head, true)
      new Uint8Array(view.buffer).set(Buffer.from(text), from + spelling.head)
    }
  }
}

const nameOf = (i: number): string => String.fromCharCode(97 + i)

function scan(scanner: JsonScanner, input: Uint8Array, limit: number): Scanned {
  const { buffer } = scanner.memory
  const bytes = new Uint8Array(buffer)
  const view = new DataView(buffer)
  const end = bytes.length - behind
  bytes.fill(0, placesAt)
  bytes.set(input, end - input.length)
  view.setUint32(nullsAt, 0, true)
  const source = end - input.length
  const rows = scanner.scan(source, end, 0, limit, stepsAt, kinds.length, 0)
  return {
    rows,
    stopped: view.getUint32(position, true) - source,
    style: view.getUint32(styleAt, true),
    nulls: view.getUint32(nullsAt, true),
    columns: kinds.map(([, kind], i) => columnText(bytes, placesAt + i * placeBytes * 3, kind, rows)),
  }
}

/** What a run left of one column, as text. */
function columnText(bytes: Uint8Array, place: number, kind: number, rows: number): string {
  const part = (from: number, count: number): string => Buffer.from(bytes.subarray(from, from + count)).toString('hex')
  const bits = (from: number): string => {
    return Array.from({ length: rows }, (_, i) => ((bytes[from + (i >> 3)] ?? 0) >> (i & 7)) & 1).join('')
  }
  const offsets = place + placeBytes
  const ends = new DataView(bytes.buffer).getUint32(offsets + rows * 4, true)
  const width = kind === stepKind.float32 || kind === stepKind.date32 ? 4 : kind < 16 ? 8 : kind & 15
  const values =
    kind === stepKind.utf8
      ? part(offsets, rows * 4 + 4) + part(place, ends)
      : kind === stepKind.bool
        ? bits(place)
        : part(place, rows * width)
  return `${bits(place + placeBytes * 2)} ${values}`
}

const pages = Math.ceil((placesAt + kinds.length * placeBytes * 3) / pageBytes) + 1
const wasm = jsonScanner(pages)
const plain = jsonScanner(pages, true)
prepare(wasm)
prepare(plain)

const number = fc.oneof(
  fc.integer().map(String),
  fc.bigInt({ min: -(2n ** 64n), max: 2n ** 64n }).map(String),
  fc.double().map(String),
  fc.stringMatching(/^-?\d{1,20}(\.\d{1,20})?([eE][+-]?\d{1,3})?$/),
  fc.nat(300).map(String),
)
const time = fc
  .tuple(
    fc.date({ noInvalidDate: true, min: new Date('0000-01-01'), max: new Date('9999-12-31') }),
    fc.constantFrom('Z', '+05:30', '-23:59', '', '1Z', 'z'),
  )
  .map(([date, zone]) => `"${date.toISOString().slice(0, -1)}${zone}"`)
const value = fc.oneof(
  number,
  time,
  time.map(text => `${text.slice(0, 11)}"`),
  fc.constantFrom(
    'null',
    'true',
    'false',
    '"2023-02-29"',
    '"2100-02-29T00:00:00Z"',
    '01',
    '-',
    '1.',
    '""',
    'nul',
    'tru',
  ),
  fc.string({ unit: 'grapheme', maxLength: 40 }).map(text => JSON.stringify(text)),
)
const right: Readonly<Record<string, fc.Arbitrary<string>>> = {
  utf8: fc.string({ unit: 'grapheme', maxLength: 40 }).map(text => JSON.stringify(text)),
  bool: fc.constantFrom('true', 'false'),
  date32: fc.constantFrom('"2024-02-29"', '0', '"0000-01-01"', '-5'),
  timestamp: time,
  float64: number,
  float32: number,
}
const member = (i: number, kind: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 12, arbitrary: (right[kind] ?? fc.nat(127).map(String)).map(text => `"${nameOf(i)}":${text}`) },
    { weight: 1, arbitrary: value.map(text => `"${nameOf(i)}":${text}`) },
    { weight: 1, arbitrary: fc.constant('') },
  )
const line = fc
  .tuple(
    fc.tuple(...kinds.map(([kind], i) => member(i, kind))),
    fc.constantFrom('\n', '\n', '\r\n', ' \n'),
    fc.boolean(),
  )
  .map(([members, end, spaced]) => {
    const text = `{${members.filter(part => part !== '').join(',')}}${end}`
    return spaced ? text.replaceAll(/,"(.)":/g, ', "$1": ').replace(/^\{"a":/, '{"a": ') : text
  })

describe('the scanner and its twin', () => {
  it('agree on a line of each kind', () => {
    const text =
      '{"a":"é","b":-1.5e3,"c":-7,"d":true,"e":0.1,"f":"2024-01-02T03:04:05.678Z","g":"1970-01-02","h":-128,"i":1,"j":2,"k":255,"l":3,"m":4,"n":5}\n'
    const one = scan(wasm, Buffer.from(text), rowsMax)
    expect(one.rows).toBe(1)
    expect(one).toEqual(scan(plain, Buffer.from(text), rowsMax))
  })

  it('agree on lines with mistakes in them', () => {
    const property = fc.property(fc.array(line, { maxLength: 12 }), fc.integer({ min: 1, max: 12 }), (lines, limit) => {
      const input = Buffer.from(lines.join(''))
      expect(scan(wasm, input, limit)).toEqual(scan(plain, input, limit))
    })
    fc.assert(property, { numRuns: 1500 })
  })

  it('agree on lines with bytes changed, and stay inside memory', () => {
    const changes = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 })
    const property = fc.property(fc.array(line, { minLength: 1, maxLength: 4 }), changes, (lines, edits) => {
      const input = Buffer.from(lines.join(''))
      for (const [at, byte] of edits) if (at < input.length - 1) input[at] = byte
      expect(scan(wasm, input, rowsMax)).toEqual(scan(plain, input, rowsMax))
    })
    fc.assert(property, { numRuns: 1500 })
  })

  it('agree on bytes at random', () => {
    const property = fc.property(fc.uint8Array({ maxLength: 200 }), noise => {
      const input = Buffer.concat([Buffer.from('{"a":"'), noise, Buffer.from('\n')])
      expect(scan(wasm, input, rowsMax)).toEqual(scan(plain, input, rowsMax))
    })
    fc.assert(property, { numRuns: 500 })
  })
})

/** Frames: what is written is read again, the bytes are those of the golden file, and whatever else comes is refused. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { ProtocolError } from '../../../src/base/index.js'
import {
  type CallEnvelope,
  type Envelope,
  type TablePart,
  Message,
  Table,
  bytesPart,
  decodeEnvelope,
  encodeEnvelope,
  inlineFrame,
  jsonPart,
  mappedFrame,
  readEnvelope,
  readFrame,
} from '../../../src/transport/index.js'

const call: CallEnvelope = {
  kind: Message.call,
  job: '0123456789abcdef',
  incarnation: 7,
  lane: 11,
  sequence: 2 ** 33 + 5,
  attempt: 2,
  rows: 3,
  stage: 1,
}
const done: CallEnvelope = { ...call, kind: Message.done }
const output = (text: string, at = 0): TablePart =>
  bytesPart({ kind: Table.output, output: at, schemaId: 2 + at, rows: 3 }, new TextEncoder().encode(text))
const measures: TablePart = bytesPart(
  { kind: Table.measures, schemaId: 0, rows: 0 },
  new TextEncoder().encode('{"us":1}'),
)
const parent: TablePart = bytesPart(
  { kind: Table.parent, schemaId: 0, rows: 2 },
  new Uint8Array([0, 0, 0, 0, 2, 0, 0, 0]),
)
const clear: TablePart = bytesPart({ kind: Table.clear, schemaId: 0, rows: 9 }, new Uint8Array([255, 1]))

describe('an envelope', () => {
  it('comes back as it was written, with whole numbers up to 2^53 and the job as hex text', () => {
    const envelope: Envelope = { ...call, flags: 1, tables: 2, length: Number.MAX_SAFE_INTEGER, at: 2 ** 40 }
    const bytes = new Uint8Array(80)
    encodeEnvelope(envelope, bytes, 8)
    expect(decodeEnvelope(bytes.subarray(8))).toEqual(envelope)
  })

  it('names its expectation when it is refused', () => {
    expect(() => decodeEnvelope(new Uint8Array(63))).toThrow(
      'expected a message of at least 64 bytes in a frame, 63 came',
    )
    expect(() => decodeEnvelope(new Uint8Array(64))).toThrow('expected the text ANB1 at the start')
  })
})

describe('a frame', () => {
  it('gives its tables back, each at a multiple of 64, with zeros between them', () => {
    const message = inlineFrame(done, [output('abc'), output('side', 1), measures])
    const frame = readFrame(message)
    expect(frame.envelope).toMatchObject({ ...done, flags: 0, tables: 3, at: 0 })
    expect(frame.tables.map(t => [t.kind, t.output, t.schemaId, t.rows, new TextDecoder().decode(t.bytes)])).toEqual([
      [Table.output, 0, 2, 3, 'abc'],
      [Table.output, 1, 3, 3, 'side'],
      [Table.measures, 0, 0, 0, '{"us":1}'],
    ])
    expect(frame.tables.map(t => (t.bytes.byteOffset - frame.body.byteOffset) % 64)).toEqual([0, 0, 0])
    expect(message.subarray(64 + 128 + 3, 64 + 192).every(byte => byte === 0)).toBe(true)
  })

  it('can be read wherever in memory it begins, its body 8-byte aligned', () => {
    const message = inlineFrame(done, [output('abcdefgh'), measures])
    for (let shift = 0; shift < 9; shift += 1) {
      const moved = new Uint8Array(message.length + shift)
      moved.set(message, shift)
      const frame = readFrame(moved.subarray(shift))
      expect(frame.body.byteOffset % 8).toBe(0)
      expect(new TextDecoder().decode(frame.tables[0]?.bytes)).toBe('abcdefgh')
    }
  })

  it('has the bytes of the golden file', () => {
    const golden = JSON.parse(readFileSync(new URL('../../golden/frames.json', import.meta.url), 'utf8')) as Record<
      string,
      string
    >
    const zero = { ...call, lane: 0, sequence: 0, attempt: 0, rows: 0, stage: 0 }
    const rows = bytesPart({ kind: Table.rows, schemaId: 1, rows: 3 }, new TextEncoder().encode('arrow'))
    const frames: Record<string, Uint8Array> = {
      hello: inlineFrame({ ...zero, kind: Message.hello }, [jsonPart({ token: 'secret', pid: 1, protocol: 1 })]),
      open: inlineFrame({ ...zero, kind: Message.open }, [jsonPart({ role: 'user', stages: [] })]),
      stop: inlineFrame({ ...zero, kind: Message.stop }, []),
      call: inlineFrame(call, [
        rows,
        bytesPart({ kind: Table.starts, schemaId: 0, rows: 2 }, new Uint8Array([0, 0, 0, 0, 3, 0, 0, 0])),
      ]),
      callInMapping: mappedFrame(call, { tables: 1, length: 69, at: 4096 }, { at: 8192, bytes: 65_536 }),
      done: inlineFrame(done, [output('arrow'), parent, clear, measures]),
    }
    const hex = Object.fromEntries(
      Object.entries(frames).map(([name, bytes]) => [name, Buffer.from(bytes).toString('hex')]),
    )
    expect(hex).toEqual(golden)
  })
})

describe('what a worker may not send is refused with the reason', () => {
  const good = (): Buffer => Buffer.from(inlineFrame(done, [output('abc'), parent, clear, measures]))
  const patch = (at: number, bytes: number[]): Buffer => {
    const frame = good()
    frame.set(bytes, at)
    return frame
  }
  const entry = (table: number, at: number, bytes: number[]): Buffer => patch(64 + table * 32 + at, bytes)
  const withTail = (frame: Buffer): Buffer => {
    frame.writeUInt32LE(frame.readUInt32LE(48) + 8, 48)
    return Buffer.concat([frame, Buffer.alloc(8)])
  }
  const max = [255, 255, 255, 255]
  const rows: readonly [string, Buffer | Uint8Array, RegExp][] = [
    ['an empty message', new Uint8Array(0), /at least 64 bytes/],
    ['a truncated frame', good().subarray(0, -1), /message of \d+ bytes/],
    ['a longer frame', Buffer.concat([good(), Buffer.alloc(1)]), /message of \d+ bytes/],
    ['another magic', patch(0, [0]), /ANB1/],
    ['another version', patch(4, [2]), /protocol version 1/],
    ['a message of the host', patch(6, [4]), /a worker may send/],
    ['an unknown message', patch(6, [200]), /a worker may send/],
    ['an unknown flag', patch(34, [2]), /flags/],
    ['a body in the mapping that is also in the frame', patch(34, [1]), /message of 64 bytes/],
    ['more tables than the body holds', patch(44, [200]), /holds 200 tables/],
    ['more tables than the limit', patch(44, max), /at most 1024 tables/],
    ['a giant body', patch(48, [0, 0, 0, 0, 1]), /at most \d+ bytes/],
    ['a length above 2^53', patch(48, [0, 0, 0, 0, 0, 0, 32, 0]), /below 2\^53/],
    ['an offset without a mapping', patch(56, [64]), /offset 0/],
    ['a table that this message has not', entry(0, 0, [Table.index]), /may hold/],
    ['an unknown table', entry(0, 0, [99]), /may hold/],
    ['a reserved field', entry(0, 6, [1]), /reserved/],
    ['an unaligned table', entry(0, 16, [65]), /table at 128/],
    ['a table over the directory', entry(0, 16, [64]), /table at 128/],
    ['a table over another one', entry(2, 16, [128, 0]), /table at 256/],
    ['a table behind the end', entry(3, 16, [0, 4]), /table at 320/],
    ['a body longer than its tables', withTail(good()), /ends with its last table/],
    ['a table less than the body holds', patch(44, [3]), /ends with its last table|table at/],
    ['a table longer than the body', entry(0, 24, [255, 255]), /inside the body/],
    ['Arrow without a schema', entry(0, 8, [0]), /schema/],
    ['a schema where nothing is Arrow', entry(1, 8, [2]), /schema/],
    ['too many rows', entry(0, 12, max), /rows/],
    ['parents that are not 4 bytes a row', entry(1, 12, [3]), /parents/],
    ['a bitmap of another size', entry(2, 12, [17]), /bitmap/],
    ['rows in JSON', entry(3, 12, [1]), /JSON/],
    ['the same table twice', inlineFrame(done, [output('a'), output('b')]), /twice/],
  ]
  for (const [name, bytes, reason] of rows) {
    it(name, () => {
      expect(() => readFrame(bytes)).toThrow(ProtocolError)
      expect(() => readFrame(bytes)).toThrow(reason)
    })
  }

  it('a reply in the mapping passes only as 64 bytes', () => {
    const mapped = Buffer.alloc(64)
    encodeEnvelope({ ...done, flags: 1, tables: 1, length: 128, at: 64 }, mapped, 0)
    expect(readEnvelope(mapped)).toMatchObject({ flags: 1, at: 64, length: 128 })
    expect(() => readFrame(mapped)).toThrow(/body in the message/)
  })
})

describe('20,000 mutants of good frames', () => {
  it('are read in bounds or refused as ProtocolError, nothing else, and quickly', () => {
    const seeds = [
      inlineFrame(done, [output('some arrow bytes'), output('side', 1), parent, clear, measures]),
      inlineFrame({ ...done, kind: Message.failed }, [
        bytesPart({ kind: Table.error, schemaId: 0, rows: 0 }, new Uint8Array(30)),
      ]),
      inlineFrame({ ...done, kind: Message.hello }, [jsonPart({ token: 'secret' })]),
    ]
    const random = lcg(20_000)
    const outcomes = { read: 0, refused: 0 }
    const before = performance.now()
    for (let i = 0; i < 20_000; i += 1) {
      const mutant = mutate(Buffer.from(seeds[i % seeds.length] ?? new Uint8Array(0)), random)
      try {
        const frame = readFrame(mutant)
        outcomes.read += 1
        for (const table of frame.tables) {
          const at = table.bytes.byteOffset - frame.body.byteOffset
          expect(at >= 0 && at + table.bytes.length <= frame.body.length).toBe(true)
        }
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        outcomes.refused += 1
      }
    }
    expect(outcomes.refused).toBeGreaterThan(10_000)
    expect(outcomes.read).toBeGreaterThan(100)
    expect(performance.now() - before).toBeLessThan(10_000)
  })
})

/** One to three faults: a bit, a byte, a 32-bit field, a cut, a longer end. Most hit envelope and directory. */
function mutate(frame: Buffer, random: (below: number) => number): Buffer {
  let mutant = frame
  for (let faults = 1 + random(3); faults > 0; faults -= 1) {
    const at = random(4) === 0 ? random(Math.max(1, mutant.length)) : random(Math.min(mutant.length, 224) || 1)
    switch (random(6)) {
      case 0:
        mutant = mutant.subarray(0, at)
        break
      case 1:
        mutant = Buffer.concat([mutant, Buffer.alloc(1 + random(300), random(256))])
        break
      case 2:
        if (at + 4 <= mutant.length) mutant.writeUInt32LE([0, 1, 0xffffffff, 0x7fffffff, 64][random(5)] ?? 0, at)
        break
      case 3:
        if (at < mutant.length) mutant[at] = random(256)
        break
      default:
        if (at < mutant.length) mutant[at] = (mutant[at] ?? 0) ^ (1 << random(8))
    }
  }
  return mutant
}

function lcg(seed: number): (below: number) => number {
  let state = seed >>> 0
  return below => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * below)
  }
}

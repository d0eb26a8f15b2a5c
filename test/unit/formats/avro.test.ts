/** Avro containers, both ways, with avsc as the other side: what it writes we read, what we write it reads. */
import { deflateRawSync } from 'node:zlib'
import avro from 'avsc'
import { describe, expect, test } from 'vitest'
import { batchFromRows } from '../../../src/batch/index.js'
import { ConnectorError } from '../../../src/base/index.js'
import { avroDecoder, avroEncoder } from '../../../src/formats/index.js'
import { readAll, rowsOf, schema, show } from './rows.js'

const marker = Buffer.alloc(16, 7)
const long = (value: number | bigint): Buffer => {
  let raw = BigInt.asUintN(64, (BigInt(value) << 1n) ^ (BigInt(value) >> 63n))
  const bytes: number[] = []
  for (; raw >= 0x80n; raw >>= 7n) bytes.push(Number(raw & 0x7fn) | 0x80)
  return Buffer.from([...bytes, Number(raw)])
}
const sized = (bytes: Buffer): Buffer => Buffer.concat([long(bytes.length), bytes])

function header(written: unknown, codec = 'null'): Buffer {
  const parts = ['avro.schema', JSON.stringify(written), 'avro.codec', codec].map(part => sized(Buffer.from(part)))
  return Buffer.concat([Buffer.from('Obj\u0001'), long(2), ...parts, long(0), marker])
}
const block = (records: number, bytes: Buffer): Buffer => Buffer.concat([long(records), sized(bytes), marker])
const record = (type: unknown): avro.schema.RecordType => ({
  type: 'record',
  name: 'R',
  fields: [{ name: 'v', type: type as avro.Schema }],
})

/** A file with one record a value, the values encoded by avsc. */
function fileOf(type: unknown, values: readonly unknown[]): Buffer {
  const written = avro.Type.forSchema(record(type), { wrapUnions: 'never' })
  const bytes = Buffer.concat(values.map(v => written.toBuffer({ v })))
  return Buffer.concat([header(record(type)), block(values.length, bytes)])
}

function told(file: Uint8Array, declared: string, feed = {}): string {
  const read = readAll(avroDecoder(schema(['v', declared])), file, feed)
  const rows = read.rows.map((row, i) => `${read.lines[i]}:${show(row['v'])}`)
  return [...rows, ...read.dead.map(one => `dead ${one.position} ${one.message}`)].join(' ')
}

describe('a value that avsc wrote becomes what the column says', () => {
  test.each<readonly [written: unknown, values: readonly unknown[], declared: string, expected: string]>([
    ['boolean', [true, false], 'bool', '1:true 2:false'],
    ['int', [-1, 2_147_483_647], 'int32', '1:-1 2:2147483647'],
    ['int', [127, 128], 'int8', '1:127 dead 2 column "v": expected int8, got 128'],
    ['int', [-1, 7], 'uint64', '2:"7n" dead 1 column "v": expected uint64, got -1'],
    ['long', [2 ** 52, -(2 ** 52)], 'int64', '1:"4503599627370496n" 2:"-4503599627370496n"'],
    ['int', [3], 'float64', '1:3'],
    ['float', [0.5], 'float64', '1:0.5'],
    ['double', [0.1], 'float64', '1:0.1'],
    ['string', ['', 'é😀'], 'utf8', '1:"" 2:"é😀"'],
    ['bytes', [Buffer.from('hi')], 'binary', '1:"6869"'],
    ['bytes', [Buffer.from([0xff])], 'utf8', 'dead 1 column "v": expected utf8, got bytes that are not UTF-8'],
    [{ type: 'fixed', name: 'F', size: 2 }, [Buffer.from('hi')], 'binary', '1:"6869"'],
    [{ type: 'enum', name: 'E', symbols: ['RED', 'BLUE'] }, ['BLUE'], 'utf8', '1:"BLUE"'],
    [['null', 'long'], [null, 5], 'int64', '1:null 2:"5n"'],
    [['string', 'null'], ['a', null], 'utf8', '1:"a" 2:null'],
    [{ type: 'array', items: ['null', 'int'] }, [[1, null], []], 'list<int32>', '1:[1,null] 2:[]'],
    [{ type: 'map', values: 'double' }, [{ a: 1.5 }], 'map<utf8, float64>', '1:[["a",1.5]]'],
    [
      {
        type: 'record',
        name: 'P',
        fields: [
          { name: 'y', type: 'int' },
          { name: 'x', type: 'string' },
        ],
      },
      [{ y: 1, x: 'a' }],
      'struct<x: utf8, y: int32>',
      '1:{"x":"a","y":1}',
    ],
    [{ type: 'int', logicalType: 'date' }, [19_782], 'date32', '1:19782'],
    [{ type: 'long', logicalType: 'timestamp-millis' }, [5], 'timestamp[us, UTC]', '1:"5000n"'],
    [{ type: 'long', logicalType: 'local-timestamp-micros' }, [5], 'timestamp[us]', '1:"5n"'],
    ['long', [5], 'duration[ms]', '1:"5n"'],
    [
      { type: 'bytes', logicalType: 'decimal', precision: 4, scale: 1 },
      [Buffer.from([0xff, 0x85])],
      'decimal128(6, 2)',
      '1:"-1230n"',
    ],
  ])('%j %j as %s', (written, values, declared, expected) => {
    const file = fileOf(written, values)
    for (const piece of [1, 7, 1 << 20]) {
      for (const rowsMax of [1, 100]) expect(told(file, declared, { piece, rowsMax })).toBe(expected)
    }
  })

  test('longs beyond 2^53 keep all their digits, which avsc alone would not', () => {
    const values = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n]
    const file = Buffer.concat([header(record('long')), block(3, Buffer.concat(values.map(long)))])
    expect(told(file, 'int64')).toBe(values.map((v, i) => `${i + 1}:"${v}n"`).join(' '))
  })
})

describe('the schema that was written against the one declared', () => {
  const written = {
    type: 'record',
    name: 'Order',
    fields: [
      { name: 'note', type: ['null', { type: 'array', items: { type: 'map', values: ['null', 'Order'] } }] },
      { name: 'item', type: 'string' },
      { name: 'price', type: 'double' },
    ],
  } as const
  const misfits = (...fields: readonly (readonly [string, string])[]): readonly string[] | null => {
    const decoder = avroDecoder(schema(...fields))
    const bytes = header(written)
    decoder.space(bytes.length).set(bytes)
    decoder.filled(bytes.length)
    return decoder.misfits
  }

  test('fields are found by name, others are passed over, even those that hold themselves', () => {
    const type = avro.Type.forSchema(written as never, { wrapUnions: 'always' })
    const inner = { note: null, item: 'in', price: 1 }
    const bytes = type.toBuffer({ note: { array: [{ a: { Order: inner }, b: null }] }, item: 'rope', price: 4.5 })
    const file = Buffer.concat([header(written), block(1, bytes)])
    const { rows } = readAll(avroDecoder(schema(['price', 'float64'], ['item', 'utf8'])), file)
    expect(rows).toEqual([{ price: 4.5, item: 'rope' }])
  })

  test('a column that the file does not have is its default', () => {
    const declared = {
      fields: [
        { name: 'v', type: { kind: 'int64' } },
        { name: 'w', type: { kind: 'int64' }, default: 7 },
      ],
    } as const
    expect(readAll(avroDecoder(declared), fileOf('long', [1])).rows).toEqual([{ v: 1n, w: 7n }])
  })

  test.each([
    [['item', 'utf8'], []],
    [['item', 'int64'], ['column "item" is declared as int64, but the file has string']],
    [['price', 'float32'], ['column "price" is declared as float32, but the file has double']],
    [['qty', 'int64'], ['column "qty" is declared as int64, but the file does not have it']],
    [
      ['note', 'list<utf8>'],
      ['column "note" is declared as list<utf8>, but the file has null or array of map of null or record Order'],
    ],
  ] as const)('%j', (field, expected) => expect(misfits(field)).toEqual(expected))
})

/** The message of what reading these bytes throws. */
function refused(file: Uint8Array, declared = 'list<int32>'): string {
  try {
    told(file, declared)
  } catch (error) {
    if (error instanceof ConnectorError) return `${error.code} ${error.message}`
    throw error
  }
  return 'was read'
}

describe('what strangers send', () => {
  const hollow = { type: 'array', items: { type: 'record', name: 'Empty', fields: [] } }
  test.each<readonly [name: string, file: Buffer, expected: string]>([
    ['no container', Buffer.from('{"v":1}\n'), 'ANB4002 is no Avro container: it does not begin with Obj and 1'],
    [
      'a cut file',
      fileOf({ type: 'array', items: 'int' }, [[1]]).subarray(0, -3),
      'ANB4002 is cut off: it ends inside a header or a block',
    ],
    [
      'a schema that is none',
      Buffer.concat([header('what')]),
      'ANB4002 has a schema that cannot be read: undefined type name: what',
    ],
    ['values that are no records', header('int'), 'ANB4002 holds values of type int, not records'],
    [
      'a codec that nobody has',
      header(record('int'), 'xz'),
      'ANB4002 is packed with "xz", expected null, deflate or snappy',
    ],
    [
      'five bytes that claim 20 million items without bytes',
      Buffer.concat([
        header({
          type: 'record',
          name: 'R',
          fields: [
            { name: 'v', type: { type: 'array', items: 'int' } },
            { name: 'w', type: hollow },
          ],
        }),
        block(1, Buffer.concat([long(0), long(20_000_000), long(0)])),
      ]),
      'ANB4002 is damaged: a list claims 20000000 items that its block has no room for',
    ],
    [
      'more items than bytes',
      Buffer.concat([header(record({ type: 'array', items: 'int' })), block(1, Buffer.concat([long(1_000), long(1)]))]),
      'ANB4002 is damaged: a list claims 1000 items that its block has no room for',
    ],
    [
      'a billion records without bytes',
      Buffer.concat([header(record({ type: 'array', items: 'int' })), block(1_000_000_000, Buffer.alloc(4))]),
      'ANB4002 is damaged: a block claims 1000000000 records that it has no room for',
    ],
    [
      'a block that inflates without end',
      Buffer.concat([
        header(record({ type: 'array', items: 'int' }), 'deflate'),
        block(1, deflateRawSync(Buffer.alloc(80 << 20))),
      ]),
      'ANB4002 is damaged: a block cannot be inflated to at most 67108864 bytes',
    ],
    [
      'a block that lost its marker',
      Buffer.concat([fileOf({ type: 'array', items: 'int' }, [[1]]).subarray(0, -16), Buffer.alloc(16)]),
      'ANB4002 has a block without its marker',
    ],
    [
      'a string that leads out of its block',
      Buffer.concat([
        header(record({ type: 'array', items: 'string' })),
        block(1, Buffer.concat([long(1), long(500)])),
      ]),
      'ANB4002 is damaged: a value of 500 bytes leads out of its block',
    ],
  ])('%s', (name, file, expected) => {
    expect(refused(file, name.startsWith('a string') ? 'list<utf8>' : 'list<int32>')).toBe(expected)
  })

  test('whatever byte is changed, the answer is rows or a refusal', () => {
    const file = fileOf({ type: 'array', items: ['null', 'int'] }, [
      [1, null],
      [2, 3],
    ])
    for (let at = 0; at < file.length; at++) {
      for (const bit of [1, 128]) {
        const changed = Buffer.from(file)
        changed[at] = (changed[at] ?? 0) ^ bit
        expect(refused(changed)).toMatch(/^(was read|ANB4002 )/)
      }
    }
  })
})

describe('packed blocks', () => {
  const bytes = Buffer.concat([long(5), long(6)])
  test.each([
    ['deflate', deflateRawSync(bytes)],
    // A literal of two bytes, then the checksum, which is not looked at.
    ['snappy', Buffer.from([2, 4, 10, 12, 0, 0, 0, 0])],
  ])('%s', (codec, packed) => {
    const file = Buffer.concat([header(record('long'), codec), block(2, packed)])
    expect(told(file, 'int64')).toBe('1:"5n" 2:"6n"')
  })

  test('snappy copies from what came out before, also over itself', () => {
    const packed = Buffer.from([9, 0, 10, 0b0001_0001, 1, 0, 0, 0, 0])
    const file = Buffer.concat([header(record('long'), 'snappy'), block(9, packed)])
    expect(told(file, 'int64')).toBe(Array.from({ length: 9 }, (_, i) => `${i + 1}:"5n"`).join(' '))
    const outside = Buffer.from([5, 0, 10, 0b0000_0001, 2, 0, 0, 0, 0])
    expect(refused(Buffer.concat([header(record('long'), 'snappy'), block(5, outside)]), 'int64')).toContain(
      'leads out of it',
    )
  })
})

test('what we write avsc reads, block by block, with logical types', () => {
  const fields = schema(['user', 'utf8'], ['n', 'int64'], ['at', 'timestamp[ms, UTC]'], ['tags', 'list<utf8>'])
  const rows = [
    { user: 'a', n: 2n ** 40n, at: 1_700_000_000_123n, tags: ['x', null] },
    { user: null, n: null, at: null, tags: null },
  ]
  const encoder = avroEncoder(fields, 'deflate')
  const batch = batchFromRows(fields, rows)
  const file = Buffer.concat([encoder.head, Buffer.from(encoder.encode(batch)), Buffer.from(encoder.encode(batch))])
  const blocks = new avro.streams.BlockDecoder()
  const found: unknown[] = []
  blocks.on('data', value => found.push({ ...value }))
  blocks.end(file)
  return new Promise<void>(resolve => blocks.on('end', resolve)).then(() => {
    const plain = [
      { user: 'a', n: 2 ** 40, at: 1_700_000_000_123, tags: ['x', null] },
      { user: null, n: null, at: null, tags: null },
    ]
    expect(found).toEqual([...plain, ...plain])
    expect(readAll(avroDecoder(fields), file).rows).toEqual([...rowsOf(batch), ...rowsOf(batch)])
  })
})

test('a dead record is shown as JSON, with its row', () => {
  const { dead } = readAll(avroDecoder(schema(['v', 'int8'])), fileOf('int', [1, 300]))
  expect(dead.map(({ position, text, code }) => [position, text, code])).toEqual([[2, '{"v":300}', 'ANB2003']])
})

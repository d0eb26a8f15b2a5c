/** CSV, both ways: what each field becomes, which records are dead and where they are, and reading what was written. */
import fc from 'fast-check'
import { describe, expect, it, test } from 'vitest'
import { batchFromRows } from '../../../src/batch/index.js'
import { csvDecoder, csvEncoder } from '../../../src/formats/index.js'
import { type CsvDialect } from '../../../src/plan/index.js'
import { type Schema, schemaFromJson } from '../../../src/schema/index.js'
import { plainCsv } from '../../support/connectors.js'
import { readAll, rowsOf, schema, show } from './rows.js'

const bare: CsvDialect = { ...plainCsv, header: false }

/** What one field of a type becomes: the value, or the message of the dead record. A second column stands behind it. */
function check(table: readonly (readonly [type: string, field: string, becomes: string])[]): void {
  it.each(table)('%s: %j is %s', (type, field, becomes) => {
    const read = readAll(csvDecoder(schema(['v', type], ['w', 'utf8']), bare), `${field},w\n`)
    expect(read.dead[0]?.message ?? show(read.rows[0]?.['v'])).toBe(becomes)
  })
}

describe('a field becomes what its column says', () => {
  check([
    ['utf8', 'plain', '"plain"'],
    ['utf8', ' spaces stay ', '" spaces stay "'],
    ['utf8', '', 'null'],
    ['utf8', '""', '""'],
    ['utf8', '"a,b"', '"a,b"'],
    ['utf8', '"say ""hi"""', '"say \\"hi\\""'],
    ['utf8', '"two\r\nlines"', '"two\\r\\nlines"'],
    ['utf8', '6" pipe', '"6\\" pipe"'],
    ['utf8', 'é😀', '"é😀"'],
    ['int64', '-12', '"-12n"'],
    ['int64', '"7"', '"7n"'],
    ['int64', '9223372036854775807', '"9223372036854775807n"'],
    ['int64', '9007199254740993', '"9007199254740993n"'],
    ['int64', '1e3', '"1000n"'],
    ['int64', '2.0', '"2n"'],
    ['int64', '', 'null'],
    ['int64', '""', 'column "v": expected int64, got ""'],
    ['int64', 'many', 'column "v": expected int64, got "many"'],
    ['int64', '1.5', 'column "v": expected int64, got "1.5"'],
    ['int64', '9223372036854775808', 'column "v": expected int64, got "9223372036854775808"'],
    ['int8', '127', '127'],
    ['int8', '128', 'column "v": expected int8, got "128"'],
    ['uint64', '18446744073709551615', '"18446744073709551615n"'],
    ['uint8', '-1', 'column "v": expected uint8, got "-1"'],
    ['float64', '0.1', '0.1'],
    ['float64', '-0.0', '"-0"'],
    ['float64', '0.30000000000000004', '0.30000000000000004'],
    ['float64', '1.7976931348623157e308', '1.7976931348623157e+308'],
    ['float64', '1e999', 'column "v": expected float64, got "1e999"'],
    ['float64', '1.', 'column "v": expected float64, got "1."'],
    ['float64', '.5', 'column "v": expected float64, got ".5"'],
    ['float64', '0x10', 'column "v": expected float64, got "0x10"'],
    ['float32', '0.1', '0.10000000149011612'],
    ['bool', 'True', 'true'],
    ['bool', '0', 'false'],
    ['bool', 'yes', 'column "v": expected bool as true or false, got "yes"'],
    ['date32', '2024-02-29', '19782'],
    ['date32', '2023-02-29', 'column "v": expected date32 as YYYY-MM-DD or days, got "2023-02-29"'],
    ['timestamp[ms, UTC]', '2024-01-02T03:04:05.678Z', '"1704164645678n"'],
    ['timestamp[ms, UTC]', '1704164645678', '"1704164645678n"'],
    ['duration[us]', '-5', '"-5n"'],
    ['decimal128(10, 2)', '-12.5', '"-1250n"'],
    ['decimal128(4, 2)', '123.45', 'column "v": expected decimal128(4, 2), got "123.45"'],
    ['binary', 'aGk=', '"6869"'],
    ['binary', 'a', 'column "v": expected binary as base64, got "a"'],
  ])

  test('NaN and infinities have names', () => {
    const { rows } = readAll(csvDecoder(schema(['v', 'float64']), bare), 'nan\nNaN\ninf\n-Infinity\n')
    expect(rows.map(row => row['v'])).toEqual([
      Number.NaN,
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
    ])
  })

  test('a null is the default of its column, or dead where the column is required', () => {
    const fields = schemaFromJson([
      ['a', 'int64', { default: 7 }],
      ['b', 'utf8', { required: true }],
    ])
    const { rows, dead } = readAll(csvDecoder(fields, bare), ',x\n1,\n')
    expect([rows, dead.map(one => one.message)]).toEqual([
      [{ a: 7n, b: 'x' }],
      ['column "b": expected UTF-8, got a null'],
    ])
  })
})

/** `line:a|b` of each row, then the dead records as `line message`. */
function told(text: string | Uint8Array, more: Partial<CsvDialect> = {}, feed = {}): string {
  const read = readAll(csvDecoder(schema(['a', 'utf8'], ['b', 'int64']), { ...plainCsv, ...more }), text, feed)
  const rows = read.rows.map((row, i) => `${read.lines[i]}:${String(row['a'])}|${String(row['b'])}`)
  return [...rows, ...read.dead.map(one => `dead ${one.position} ${one.message}`)].join('; ')
}

describe('records and the lines they begin at', () => {
  test.each<readonly [name: string, text: string, expected: string, dialect: Partial<CsvDialect>]>([
    ['columns are found by name', 'b,more,a\n1,x,one\n', '2:one|1', {}],
    ['a byte order mark is no part of a name', '\uFEFFa,b\nx,1\n', '2:x|1', {}],
    ['names may stand in quotes', '"a","b"\nx,1\n', '2:x|1', {}],
    ['the last line needs no end', 'a,b\nx,1', '2:x|1', {}],
    ['lines may end in CRLF', 'a,b\r\nx,1\r\n\r\ny,2\r\n', '2:x|1; 4:y|2', {}],
    ['a record over two lines is at its first', 'a,b\n"x\ny",1\nz,2\n', '2:x\ny|1; 4:z|2', {}],
    [
      'too few and too many fields are dead',
      'a,b\nx\ny,1,2\nz,3\n',
      '4:z|3; dead 2 expected 2 fields, got 1; dead 3 expected 2 fields, got 3',
      {},
    ],
    [
      'text behind a closing quote is dead',
      'a,b\n"x"y,1\nz,2\n',
      '3:z|2; dead 2 expected a delimiter after the closing quote of field 1, got "y"',
      {},
    ],
    [
      'an open quote kills its line alone',
      'a,b\n"x,1\ny,2\n',
      '3:y|2; dead 2 expected a closing quote, got the end of the file',
      {},
    ],
    ['no rows', 'a,b\n', '', {}],
    ['nothing at all', '', '', {}],
    [
      'another dialect',
      "a;b\n'x;''y';NA\nNA;3\n",
      "2:x;'y|null; 3:null|3",
      { delimiter: ';', quote: "'", nullValue: 'NA' },
    ],
    ['tabs', 'a\tb\nx y\t1\n', '2:x y|1', { delimiter: '\t' }],
  ])('%s', (_, text, expected, dialect) => {
    for (const piece of [1, 3, 1000]) {
      for (const rowsMax of [1, 1000]) expect(told(text, dialect, { piece, rowsMax }), `piece ${piece}`).toBe(expected)
    }
  })

  test('bytes that are no text are dead, with the bytes shown', () => {
    expect(told(Buffer.from([97, 44, 98, 10, 0xff, 44, 49, 10]))).toBe(
      'dead 2 column "a": expected UTF-8, got "\uFFFD"',
    )
  })

  test('an empty line in a file of one column is a null', () => {
    const { rows, lines } = readAll(csvDecoder(schema(['a', 'utf8']), plainCsv), 'a\nx\n\ny\n')
    expect([rows, lines]).toEqual([
      [{ a: 'x' }, { a: null }, { a: 'y' }],
      [2, 3, 4],
    ])
  })

  test('a dead record shows its text over all of its lines', () => {
    const { dead } = readAll(csvDecoder(schema(['a', 'utf8'], ['b', 'int64']), bare), '"x\ny",many\n')
    expect(dead.map(({ position, text, code }) => [position, text, code])).toEqual([[1, '"x\ny",many', 'ANB2003']])
  })

  test('a record of many pieces is not walked again for each of them', () => {
    const decoder = csvDecoder(schema(['a', 'utf8']), bare)
    const piece = Buffer.from(`${'x'.repeat(1023)}\n`)
    decoder.space(1).set([34])
    decoder.filled(1)
    for (let i = 0; i < 20_000; i++) {
      decoder.space(piece.length).set(piece)
      decoder.filled(piece.length)
      expect(decoder.next(1)).toBeNull()
    }
    decoder.space(2).set([34, 10])
    decoder.filled(2)
    decoder.finish()
    expect(decoder.next(1)?.batch.rows).toBe(1)
  })
})

describe('a header that does not fit', () => {
  const misfits = (header: string): readonly string[] | null => {
    const decoder = csvDecoder(schema(['a', 'utf8'], ['b', 'int64']), plainCsv)
    decoder.space(header.length).set(Buffer.from(header))
    decoder.filled(header.length)
    return decoder.misfits
  }

  test.each([
    ['a,b\n', []],
    ['a,b', null],
    ['a,c\n', ['column "b" is declared, but the header names only "a", "c"']],
    ['a,b,a\n', ['column "a" is declared, and the header names it 2 times']],
  ])('%j', (header, expected) => expect(misfits(header)).toEqual(expected))
})

describe('what is written is read back', () => {
  const flat: Schema = schema(
    ['u', 'utf8'],
    ['i', 'int64'],
    ['s', 'int16'],
    ['n', 'uint64'],
    ['f', 'float64'],
    ['g', 'float32'],
    ['o', 'bool'],
    ['d', 'date32'],
    ['t', 'timestamp[us, UTC]'],
    ['p', 'duration[ms]'],
    ['m', 'decimal128(20, 3)'],
    ['y', 'binary'],
  )
  const nullable = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | null> => fc.option(value, { nil: null })
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('', 'NA', '"', ';', '\r', '\n', '\uFEFFx', 'nan'),
  )
  const row = fc.record({
    u: nullable(text),
    i: nullable(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    s: nullable(fc.integer({ min: -32_768, max: 32_767 })),
    n: nullable(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    f: nullable(fc.double()),
    g: nullable(fc.float()),
    o: nullable(fc.boolean()),
    d: nullable(fc.integer({ min: -1_000_000, max: 4_000_000 })),
    t: nullable(fc.bigInt({ min: -(10n ** 17n), max: 10n ** 18n })),
    p: nullable(fc.bigInt({ min: -(10n ** 12n), max: 10n ** 12n })),
    m: nullable(fc.integer().map(n => `${n}.125`)),
    y: nullable(fc.uint8Array({ maxLength: 9 })),
  })
  const dialects = fc.constantFrom<CsvDialect>(
    plainCsv,
    bare,
    { header: true, delimiter: ';', quote: "'", nullValue: 'NA' },
    { header: false, delimiter: '/', quote: '=', nullValue: 'nan' },
  )

  test('in every dialect, whatever the values are', () => {
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 20 }), dialects, (rows, dialect) => {
        const batch = batchFromRows(flat, rows)
        const encoder = csvEncoder(flat, dialect)
        const bytes = Buffer.concat([encoder.head, encoder.encode(batch)])
        const read = readAll(csvDecoder(flat, dialect), bytes)
        expect(read.dead).toEqual([])
        expect(read.rows).toEqual(rowsOf(batch))
      }),
      { numRuns: 300 },
    )
  })

  test('as people write it: quotes only where they are needed', () => {
    const fields = schema(['name', 'utf8'], ['at', 'timestamp[ms, UTC]'], ['x', 'float64'])
    const encoder = csvEncoder(fields, plainCsv)
    const rows = [
      { name: 'rope, long', at: 0n, x: 4.5 },
      { name: null, at: null, x: Number.NaN },
      { name: '', at: 1n, x: null },
    ]
    expect(
      `${Buffer.from(encoder.head).toString()}${Buffer.from(encoder.encode(batchFromRows(fields, rows))).toString()}`,
    ).toBe('name,at,x\n"rope, long",1970-01-01T00:00:00Z,4.5\n,,nan\n"",1970-01-01T00:00:00.001Z,\n')
  })
})

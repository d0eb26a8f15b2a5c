/** JSON lines in: what each line becomes, or the message of the dead line, whichever kernel reads it. */
import { describe, expect, it } from 'vitest'
import { jsonDecoder } from '../../../src/formats/json/decoder.js'
import { readAll, schema, show } from './rows.js'

const kernels = ['wasm', 'plain', 'none'] as const

/** What one line under a schema becomes: the row, or the message of the dead line; the same by every kernel. */
function check(table: readonly (readonly [type: string, value: string, becomes: string])[]): void {
  for (const [type, value, becomes] of table) {
    it(`${type}: ${value} is ${becomes}`, () => {
      for (const kernel of kernels) {
        const read = readAll(jsonDecoder(schema(['v', type]), { kernel }), `{"v":${value}}\n`)
        expect(read.dead[0]?.message ?? show(read.rows[0]?.['v']), kernel).toBe(becomes)
      }
    })
  }
}

describe('a value becomes what its column says', () => {
  check([
    ['bool', 'true', 'true'],
    ['bool', 'null', 'null'],
    ['int8', '-128', '-128'],
    ['uint8', '255', '255'],
    ['int16', '-32768', '-32768'],
    ['uint16', '65535', '65535'],
    ['int32', '2147483647', '2147483647'],
    ['uint32', '4294967295', '4294967295'],
    ['int64', '9223372036854775807', '"9223372036854775807n"'],
    ['int64', '-9223372036854775808', '"-9223372036854775808n"'],
    ['int64', '9007199254740993', '"9007199254740993n"'],
    ['int64', '-0', '"0n"'],
    ['int64', '1e3', '"1000n"'],
    ['int64', '12.00', '"12n"'],
    ['int64', '120e-1', '"12n"'],
    ['uint64', '18446744073709551615', '"18446744073709551615n"'],
    ['float64', '0.1', '0.1'],
    ['float64', '-0.0', '"-0"'],
    ['float64', '1e23', '1e+23'],
    ['float64', '5e-324', '5e-324'],
    ['float64', '2.2250738585072011e-308', '2.225073858507201e-308'],
    ['float64', '1.7976931348623157e308', '1.7976931348623157e+308'],
    ['float64', '9007199254740993', '9007199254740992'],
    ['float64', '0.30000000000000004', '0.30000000000000004'],
    ['float64', '123456789012345678901234567890.5', '1.2345678901234568e+29'],
    ['float64', '1e-400', '0'],
    // The mantissa is 2^64: a kernel once took the wrapped 0 for leading zeros.
    ['float64', '18446744073709551616', '18446744073709552000'],
    ['float32', '0.1', '0.10000000149011612'],
    ['float32', '16777217', '16777216'],
    ['utf8', '"a\\u00e9\\ud83d\\ude00\\n\\/\\\\"', '"aé😀\\n/\\\\"'],
    ['utf8', '"é😀 sixteen bytes and more of it"', '"é😀 sixteen bytes and more of it"'],
    ['utf8', '""', '""'],
    ['binary', '"aGk="', '"6869"'],
    ['binary', '"aGk"', '"6869"'],
    ['binary', '"\\/+8="', '"ffef"'],
    ['date32', '"1970-01-02"', '1'],
    ['date32', '"0000-03-01"', '-719468'],
    ['date32', '"2024-02-29"', '19782'],
    ['date32', '-7', '-7'],
    ['timestamp[ms, UTC]', '1732270000000', '"1732270000000n"'],
    ['timestamp[ms, UTC]', '"2024-01-02T03:04:05.678Z"', '"1704164645678n"'],
    ['timestamp[us, UTC]', '"2024-01-02T03:04:05.678901+05:30"', '"1704144845678901n"'],
    ['timestamp[ns]', '"1969-12-31 23:59:59.999999999"', '"-1n"'],
    ['timestamp[s]', '"2024-01-02"', '"1704153600n"'],
    ['timestamp[s]', '"2024-01-02T03:04"', '"1704164640n"'],
    ['timestamp[ms]', '"1969-12-31T23:59:59.9999"', '"-1n"'],
    ['duration[us]', '-5', '"-5n"'],
    ['decimal128(10, 2)', '12.5', '"1250n"'],
    ['decimal128(10, 2)', '"-0.05"', '"-5n"'],
    ['decimal128(10, 2)', '12.500', '"1250n"'],
    ['decimal128(38, 0)', '99999999999999999999999999999999999999', '"99999999999999999999999999999999999999n"'],
    ['decimal128(5, -2)', '12300', '"123n"'],
    ['list<int32>', '[1,null,3]', '[1,null,3]'],
    ['list<list<utf8>>', '[[],null,["a"]]', '[[],null,["a"]]'],
    ['struct<x: int32, y: utf8>', '{"y":"b","x":1}', '{"x":1,"y":"b"}'],
    ['struct<x: int32, y: utf8>', '{"z":[{}]}', '{"x":null,"y":null}'],
    ['map<utf8, float64>', '{"a":1.5,"b":null}', '[["a",1.5],["b",null]]'],
    ['map<int32, utf8>', '[[1,"a"],[2,null]]', '[[1,"a"],[2,null]]'],
  ])
})

describe('a value of another type makes a dead line that says so', () => {
  check([
    ['bool', '1', 'column "v": expected bool, got 1'],
    ['int8', '128', 'column "v": expected int8, got 128'],
    ['uint8', '-1', 'column "v": expected uint8, got -1'],
    ['int64', '9223372036854775808', 'column "v": expected int64, got 9223372036854775808'],
    ['int64', '-9223372036854775809', 'column "v": expected int64, got -9223372036854775809'],
    ['int64', '1e999999999', 'column "v": expected int64, got 1e999999999'],
    ['int64', '1.5', 'column "v": expected int64, got 1.5'],
    ['int64', '"1"', 'column "v": expected int64, got the string "1"'],
    ['int64', 'true', 'column "v": expected int64, got true'],
    ['uint64', '18446744073709551616', 'column "v": expected uint64, got 18446744073709551616'],
    ['float64', '"1.5"', 'column "v": expected float64, got the string "1.5"'],
    ['float64', '1e999', 'column "v": expected float64, got 1e999'],
    ['float32', '1e39', 'column "v": expected float32, got 1e39'],
    ['float64', 'NaN', 'expected a value, got "N" at byte 6'],
    ['float64', '-Infinity', 'expected a value, got "-" at byte 6'],
    ['float64', '01', 'expected "," or "}", got "1" at byte 7'],
    ['float64', '1.', 'expected a digit after ".", got "}" at byte 8'],
    ['float64', '.5', 'expected a value, got "." at byte 6'],
    ['float64', '+1', 'expected a value, got "+" at byte 6'],
    ['float64', '1e', 'expected a digit in the exponent, got "}" at byte 8'],
    ['utf8', '5', 'column "v": expected utf8, got 5'],
    ['utf8', '{"a":1}', 'column "v": expected utf8, got an object'],
    ['utf8', '"a\tb"', 'expected no control character inside a string, got byte 0x09 at byte 8'],
    ['utf8', '"\\x"', 'expected an escape that JSON has, got "x" at byte 8'],
    ['utf8', '"\\u12g4"', 'expected four hexadecimal digits, got "u" at byte 8'],
    ['utf8', '"\\ud800"', 'expected a pair of surrogates, got one alone before byte 13'],
    ['utf8', '"abc', 'expected a closing quote, got the end of the line'],
    ['utf8', '"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"x', 'expected "," or "}", got "x" at byte 61'],
    ['binary', '"aGk=="', 'column "v": expected binary as base64 text, got the string "aGk=="'],
    ['binary', '"a"', 'column "v": expected binary as base64 text, got the string "a"'],
    ['date32', '"2023-02-29"', 'column "v": expected date32 as "YYYY-MM-DD" or days, got the string "2023-02-29"'],
    [
      'timestamp[s]',
      '"noon"',
      'column "v": expected timestamp[s] as ISO-8601 text or a whole number of s, got the string "noon"',
    ],
    [
      'timestamp[ns]',
      '"2300-01-01"',
      'column "v": expected timestamp[ns] as ISO-8601 text or a whole number of ns, got the string "2300-01-01"',
    ],
    ['decimal128(4, 2)', '123.45', 'column "v": expected decimal128(4, 2), got 123.45'],
    ['decimal128(4, 2)', '1.234', 'column "v": expected decimal128(4, 2), got 1.234'],
    ['list<int32>', '[1,"a"]', 'column "v": expected int32, got the string "a"'],
    ['list<int32>', '[1,]', 'expected a value, got "]" at byte 9'],
    ['struct<x: int32>', '{"x":"a"}', 'column "v.x": expected int32, got the string "a"'],
    ['struct<x: int32>', '{"x":1', 'expected "," or "}", got the end of the line'],
    ['map<int32, utf8>', '{"a":1}', 'column "v": expected map<int32, utf8>, got an object'],
    ['map<int32, utf8>', '[[null,"a"]]', 'column "v": expected a key of map<int32, utf8>, got null'],
    ['map<int32, utf8>', '[[1]]', 'column "v": expected [key, value] of a map, got an array'],
    ['utf8', '[1', 'expected "," or "]", got "}" at byte 8'],
    ['utf8', '"a"} x', 'expected the end of the line, got "x" at byte 11'],
    ['utf8', '"a", "w":1,}', 'expected a key in double quotes, got "}" at byte 17'],
    ['utf8', '"a", "w"', 'expected ":" after a key, got "}" at byte 14'],
  ])

  it('a line that is not an object', () => {
    const dead = (text: string): string | undefined =>
      readAll(jsonDecoder(schema(['v', 'int64'])), text).dead[0]?.message
    expect(dead('[1]\n')).toBe('expected a JSON object, got an array')
    expect(dead('hello\n')).toBe('expected a value, got "h" at byte 1')
    // A mark that begins a file is passed over; one that a file was appended with is seen, though nobody can see it.
    expect(dead('\ufeff\ufeff{}\n')).toMatch(/^expected a value, got U\+FEFF at byte /)
    expect(dead('"v"\n')).toBe('expected a JSON object, got the string "v"')
  })

  it('bytes that are not UTF-8, inside a short string and behind 16 bytes', () => {
    for (const kernel of kernels) {
      for (const pad of ['', 'sixteen bytes and more']) {
        const line = Buffer.from(`{"v":"${pad}\xff"}\n{"v":"ok"}\n`, 'latin1')
        const read = readAll(jsonDecoder(schema(['v', 'utf8']), { kernel }), line)
        expect(read.dead).toEqual([
          {
            position: 1,
            code: 'ANB2003',
            text: `{"v":"${pad}\ufffd"}`,
            message: `expected UTF-8, got byte 0xff at byte ${7 + pad.length}`,
          },
        ])
        expect(read.rows).toEqual([{ v: 'ok' }])
      }
    }
  })

  it('nesting of more than 64 values, however deep', () => {
    const bomb = (depth: number): string => `{"v":null,"x":${'['.repeat(depth)}${']'.repeat(depth)}}\n`
    expect(readAll(jsonDecoder(schema(['v', 'int64'])), bomb(63)).rows).toHaveLength(1)
    for (const depth of [64, 1_000_000]) {
      const read = readAll(jsonDecoder(schema(['v', 'int64'])), bomb(depth))
      expect(read.dead[0]?.message).toBe('expected at most 64 nested values, got more')
    }
  })
})

describe('keys', () => {
  const two = schema(['a', 'int64'], ['b', 'utf8'])
  const rows = (text: string, of = two): string =>
    kernels
      .map(kernel => show(readAll(jsonDecoder(of, { kernel }), text).rows))
      .reduce((one, other) => (one === other ? one : `${one} is not ${other}`))

  it.each([
    ['{"a":1,"b":"x"}', '[{"a":"1n","b":"x"}]'],
    ['{"a": 1, "b": "x"}', '[{"a":"1n","b":"x"}]'],
    ['{ "a" : 1 ,"b" :\t"x" } ', '[{"a":"1n","b":"x"}]'],
    ['{"b":"x","a":1}', '[{"a":"1n","b":"x"}]'],
    ['{"b":"x"}', '[{"a":null,"b":"x"}]'],
    ['{"a":1}', '[{"a":"1n","b":null}]'],
    ['{}', '[{"a":null,"b":null}]'],
    ['{"a":1,"b":"x","c":{"a":2}}', '[{"a":"1n","b":"x"}]'],
    ['{"a":1,"a":2,"b":"x","b":null}', '[{"a":"2n","b":null}]'],
    ['{"\\u0061":1,"b":"x"}', '[{"a":"1n","b":"x"}]'],
    ['{"a":null,"b":null}', '[{"a":null,"b":null}]'],
  ])('%s is %s', (line, row) => expect(rows(`${line}\n`)).toBe(row))

  it('spaced and compact lines may take turns', () => {
    const lines = Array.from({ length: 50 }, (_, i) => (i % 3 === 0 ? `{"a": ${i}, "b": "x"}` : `{"a":${i},"b":"x"}`))
    expect(rows(lines.join('\n'))).toBe(show(lines.map((_, i) => ({ a: BigInt(i), b: 'x' }))))
  })

  it('long names, and names that need escapes', () => {
    const names = ['a name of more than sixteen bytes', 'and one that has the same first sixteen bytes', 'é"\\\n😀']
    const of = schema(...names.map(name => [name, 'int32'] as const))
    const line = `{${names.map((name, i) => `${JSON.stringify(name)}:${i}`).join(',')}}\n`
    expect(rows(line + line, of)).toBe(show([0, 1].map(() => Object.fromEntries(names.map((name, i) => [name, i])))))
  })

  it('a default stands for a missing key, not for null', () => {
    const of = {
      fields: [
        { name: 'n', type: { kind: 'int64' }, default: '9007199254740993' },
        { name: 't', type: { kind: 'utf8' }, default: 'none' },
      ],
    } as const
    expect(rows('{}\n{"n":1,"t":null}\n{"t":"x"}\n', of)).toBe(
      show([
        { n: 9007199254740993n, t: 'none' },
        { n: 1n, t: null },
        { n: 9007199254740993n, t: 'x' },
      ]),
    )
  })

  it('null and a missing key where none may be are dead lines', () => {
    const of = { fields: [{ name: 'n', type: { kind: 'int64' }, required: true }] } as const
    for (const kernel of kernels) {
      const { dead, rows: good } = readAll(jsonDecoder(of, { kernel }), '{"n":null}\n{}\n{"n":1}\n')
      expect(good).toEqual([{ n: 1n }])
      expect(dead.map(line => line.message)).toEqual([
        'column "n": expected int64, got null',
        'column "n": expected int64, got no such key',
      ])
    }
  })
})

describe('lines', () => {
  const one = schema(['a', 'int64'])
  const read = (text: string | Uint8Array, feed = {}): string => {
    const { rows, lines, dead } = readAll(jsonDecoder(one), text, feed)
    return `${rows.map((row, i) => `${lines[i]}:${String(row['a'])}`).join(' ')} dead ${dead.map(line => line.position).join(' ')}`
  }

  it.each([
    ['a byte order mark is skipped', '\ufeff{"a":1}\n', '1:1 dead '],
    ['only the first one', '\ufeff{"a":1}\n\ufeff{"a":2}\n', '1:1 dead 2'],
    ['CRLF ends a line', '{"a":1}\r\n{"a":2}\r\n', '1:1 2:2 dead '],
    ['empty lines count and are skipped', '\n\n{"a":1}\n \t\r\n{"a":2}\n\n', '3:1 5:2 dead '],
    ['the last line needs no newline', '{"a":1}\n{"a":2}', '1:1 2:2 dead '],
    ['dead lines count', 'x\n{"a":1}\ny\nz\n{"a":2}\n', '2:1 5:2 dead 1 3 4'],
    ['an empty file has no rows', '', ' dead '],
    ['a file of newlines has no rows', '\n\n', ' dead '],
    ['an unfinished last line is dead', '{"a":1}\n{"a":', '1:1 dead 2'],
  ])('%s', (_, text, expected) => {
    expect(read(text)).toBe(expected)
    for (const piece of [1, 2, 7]) for (const rowsMax of [1, 2]) expect(read(text, { piece, rowsMax })).toBe(expected)
    expect(read(text, { piece: 3, late: true })).toBe(expected)
  })

  it('a line of 200 MB is dead, its neighbours live, and memory stays bounded', () => {
    const decoder = jsonDecoder(one)
    const give = (bytes: Uint8Array): void => {
      decoder.space(bytes.length).set(bytes)
      decoder.filled(bytes.length)
    }
    const text = new TextEncoder()
    const filler = new Uint8Array(4 << 20).fill(120)
    give(text.encode('{"a":1}\n{"a":"'))
    for (let i = 0; i < 50; i++) give(filler)
    give(text.encode('"}\n{"a":2}\n'))
    decoder.finish()
    const part = decoder.next(10)
    expect(part?.batch.rows).toBe(2)
    expect([...(part?.positions ?? [])]).toEqual([1, 3])
    expect(part?.dead.map(({ position, code, message }) => ({ position, code, message }))).toEqual([
      { position: 2, code: 'ANB4009', message: `expected a line of at most 67108864 bytes, got ${50 * (4 << 20) + 8}` },
    ])
    expect(part?.dead[0]?.text).toHaveLength(4096)
    expect(decoder.space(1).length).toBeLessThan(160 << 20)
    expect(decoder.next(10)).toBeNull()
  })

  it('a line of 30 MB is a row', () => {
    const big = 'x'.repeat(30_000_000)
    const { rows, lines } = readAll(jsonDecoder(schema(['a', 'utf8'])), `{"a":"y"}\n{"a":"${big}"}\n{"a":"z"}\n`)
    expect(rows.map(row => String(row['a']).length)).toEqual([1, 30_000_000, 1])
    expect(lines).toEqual([1, 2, 3])
  })

  it('more lines than one run of the kernel holds', () => {
    const count = 70_000
    const text = Array.from({ length: count }, (_, i) => `{"a":${i}}`).join('\n')
    const { rows } = readAll(jsonDecoder(one), text, { rowsMax: 1_000_000 })
    expect(rows.length).toBe(count)
    expect(rows.every((row, i) => row['a'] === BigInt(i))).toBe(true)
  })
})

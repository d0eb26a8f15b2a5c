/**
 * The property of positions: a source that is left behind any batch, and gone on with by a new one from what that batch
 * said, gives exactly what it would have given, with the same places and the same dead rows. For every format, packing and
 * limit, and left several times.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { batchFromRows } from '../../src/batch/index.js'
import { silent } from '../../src/base/index.js'
import { OwnDecoder, type Polled, type Source, type SourcePosition, filesSource } from '../../src/connectors/index.js'
import { type Decoder, type MarkedDecoder, avroEncoder, decoderOf, jsonDecoder } from '../../src/formats/index.js'
import { type FormatNode } from '../../src/plan/index.js'
import { realFiles } from '../../src/runtime/open/files.js'
import { type SchemaJson, schemaFromJson } from '../../src/schema/index.js'
import {
  HandClock,
  lay,
  numberedSchema,
  plainCsv,
  standInParquet,
  standInWork,
  temporaryFolder,
} from '../support/connectors.js'
import { given, limits, packed, packings, read } from '../support/going-on.js'

const schema: SchemaJson = [
  ['n', 'int32', { required: true }],
  ['word', 'utf8'],
]

/** Pieces of lines; a name begins the same few texts, so that many rows look alike and only places tell them apart. */
const word = fc.constantFrom('a', 'ä b', '', 'x'.repeat(300), '🚣', 'y'.repeat(70_000))
const ends = fc.constantFrom('\n', '\r\n')
const oneOf = (good: fc.Arbitrary<string>, ...odd: readonly string[]): fc.Arbitrary<string> =>
  fc.oneof({ weight: 6, arbitrary: good }, { weight: 2, arbitrary: fc.constantFrom(...odd) })

const numberedWord = fc.tuple(fc.nat(9), word)
const jsonLine = oneOf(
  numberedWord.map(([n, text]) => JSON.stringify({ n, word: text })),
  ...[
    '',
    '   ',
    '{"n": "x"}',
    'no json',
    '{"n": 1, "word": "unterminated',
    '{"n":1,"more":[1,{"a":2}],"word":null}',
    '\u0000',
  ],
)
const csvLine = oneOf(
  numberedWord.map(([n, text]) => `${n},"${text}"`),
  ...['', 'x,1', '1,"two\nlines"', '2,"quo""ted\r\n\r\nends"', '1', '1,2,3', '3,"left open', '4,"a"b', ',none'],
)
const textLine = oneOf(word, '', 'plain', '\u0000')

/** Lines with ends of both kinds; the last one may have none, and a byte order mark may stand before all. */
const lines = (line: fc.Arbitrary<string>, head = ''): fc.Arbitrary<Buffer> =>
  fc
    .tuple(fc.constantFrom('', '\ufeff'), fc.array(fc.tuple(line, ends), { maxLength: 40 }), line, fc.boolean())
    .map(([mark, all, last, closed]) => {
      const body = all.map(([text, end]) => text + end).join('') + (closed ? '' : last)
      return Buffer.from(body === '' ? '' : mark + head + body)
    })
const mangled = (content: fc.Arbitrary<Buffer>): fc.Arbitrary<Buffer> =>
  fc.tuple(content, fc.nat(), fc.boolean()).map(([bytes, at, spoil]) => {
    if (spoil && bytes.length > 0) bytes[at % bytes.length] = 0xff
    return bytes
  })

/** Blocks of rows; a null in the required column is a dead row. */
const container = fc
  .tuple(
    fc.constantFrom('null' as const, 'deflate' as const),
    fc.array(fc.array(fc.tuple(fc.option(fc.nat(9)), word), { maxLength: 12 }), { maxLength: 6 }),
  )
  .map(([codec, blocks]) => {
    const encoder = avroEncoder(numberedSchema, codec)
    const batches = blocks.map(rows =>
      batchFromRows(
        numberedSchema,
        rows.map(([n, text]) => ({ n, word: text })),
      ),
    )
    return Buffer.concat([encoder.head, ...batches.map(batch => Buffer.from(encoder.encode(batch)))])
  })

const json: FormatNode = { kind: 'json', schema }
const csv: FormatNode = { kind: 'csv', schema, ...plainCsv }

/** A decoder of a user that gives no marks: it is read again from its first byte. */
function unmarked(): MarkedDecoder {
  const decoder = jsonDecoder(schemaFromJson(schema))
  const plain: Decoder = {
    space: bytes => decoder.space(bytes),
    filled: bytes => decoder.filled(bytes),
    finish: () => decoder.finish(),
    next: rowsMax => decoder.next(rowsMax),
    pendingBytes: 0,
    misfits: [],
  }
  return new OwnDecoder({ name: 'plain', schema: schemaFromJson(schema), decoder: plain })
}

interface Kind {
  readonly format: FormatNode
  readonly content: fc.Arbitrary<Buffer>
  readonly decoder?: () => MarkedDecoder
}
const kinds: Readonly<Record<string, Kind>> = {
  'JSON lines': { format: json, content: mangled(lines(jsonLine)) },
  'CSV with a header': { format: csv, content: lines(csvLine, 'n,word\r\n') },
  'CSV without a header': { format: { ...csv, header: false }, content: mangled(lines(csvLine)) },
  text: { format: { kind: 'text' }, content: mangled(lines(textLine)) },
  'Avro containers': { format: { kind: 'avro', schema }, content: container },
  'a format of the user without marks': { format: json, content: lines(jsonLine), decoder: unmarked },
}

const leaving = fc.record({
  limits,
  later: limits,
  /** Batches after which it is left, one time after the other. */
  stops: fc.array(fc.nat(12), { minLength: 1, maxLength: 4 }),
})

/** What the uninterrupted source gives, and what it gives when it is left and gone on with. */
async function both(make: () => Source, way: typeof leaving extends fc.Arbitrary<infer W> ? W : never) {
  const whole = await read(make(), null, { limits: way.limits, batches: Number.POSITIVE_INFINITY })
  const parts: Polled[] = []
  let from: SourcePosition | null = null
  for (const batches of [...way.stops, Number.POSITIVE_INFINITY]) {
    const part = await read(make(), from, { limits: batches % 2 === 0 ? way.limits : way.later, batches })
    parts.push(...part.polled)
    from = part.next
  }
  return { whole: given(whole.polled), parts: given(parts) }
}

describe('a source that is left and gone on with gives what it would have given', () => {
  test.for(Object.entries(kinds))('%s', { timeout: 120_000 }, async ([, { format, content, decoder }]) => {
    const met = new Set<string>()
    const files = fc.array(fc.tuple(content, fc.constantFrom(...packings)), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(files, leaving, async (contents, way) => {
        const folder = temporaryFolder()
        lay(folder, Object.fromEntries(contents.map(([bytes, packing], i) => [`${i}.in`, packed(bytes, packing)])))
        const make = (): Source =>
          filesSource({
            glob: '*.in',
            folder,
            format,
            files: realFiles,
            clock: new HandClock(),
            observer: silent,
            tables: null,
            decoder: decoder ?? decoderOf(format),
            tail: false,
            needed: null,
          })
        const { whole, parts } = await both(make, way)
        expect(parts).toEqual(whole)
        for (const [, packing] of contents) met.add(packing)
        if (whole.dead.length > 0) met.add('dead')
        if (whole.rows.length > 20) met.add('rows')
      }),
      { numRuns: 60, seed: 20_261_126 },
    )
    expect([...met].sort()).toEqual(['dead', 'gzip', 'plain', 'rows', 'zstd'])
  })

  test('tables', { timeout: 60_000 }, async () => {
    const groups = fc.array(fc.array(numberedWord, { maxLength: 9 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(fc.array(groups, { minLength: 1, maxLength: 3 }), leaving, async (files, way) => {
        const folder = temporaryFolder()
        const rowsOf = (group: readonly (readonly [number, string])[]) => group.map(([n, text]) => ({ n, word: text }))
        const columns: SchemaJson = [
          ['n', 'int32'],
          ['word', 'utf8'],
        ]
        lay(folder, Object.fromEntries(files.map((one, i) => [`${i}.in`, standInParquet(columns, one.map(rowsOf))])))
        const make = (): Source =>
          filesSource({
            glob: '*.in',
            folder,
            format: { kind: 'parquet', schema: columns },
            files: realFiles,
            clock: new HandClock(),
            observer: silent,
            tables: standInWork(schemaFromJson(columns)),
            decoder: null,
            tail: false,
            needed: null,
          })
        const { whole, parts } = await both(make, way)
        expect(whole.rows).toHaveLength(files.flat(2).length)
        expect(parts).toEqual(whole)
      }),
      { numRuns: 60, seed: 20_261_126 },
    )
  })
})

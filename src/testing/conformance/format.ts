/**
 * What every format keeps: what it writes it reads, of every type that it can hold; the same rows however the bytes
 * arrive and however many are asked for; an end that stays the end.
 */
import { deepStrictEqual, ok, strictEqual } from 'node:assert/strict'
import { type Batch, batchFromRows, type Value } from '../../batch/index.js'
import { type Decoder, type Encoder, type Mark, type MarkedDecoder } from '../../formats/index.js'
import { type DataType, formatType, parseType, type Schema } from '../../schema/index.js'
import { type Case, numberedBatch, numberedRows, numberedSchema, rowsIn } from './cases.js'

export interface FormatUnderTest {
  /** One with `mark` and `resume` is held to them too. */
  readonly decoder: (schema: Schema) => Decoder | MarkedDecoder
  readonly encoder: (schema: Schema) => Encoder
  /** Text of the types that it cannot hold, such as `'list<int64>'`; all others of the suite are tried. */
  readonly without?: readonly string[]
}

/** Values at the ends of each type's range; a null stands among them. */
const values: Readonly<Record<string, readonly Value[]>> = {
  bool: [true, null, false],
  int8: [-128, null, 127],
  int16: [-32_768, null, 32_767],
  int32: [-(2 ** 31), null, 2 ** 31 - 1],
  int64: [-(2n ** 63n), null, 2n ** 63n - 1n, 2n ** 53n + 1n],
  uint8: [0, null, 255],
  uint16: [0, null, 65_535],
  uint32: [0, null, 2 ** 32 - 1],
  uint64: [0n, null, 2n ** 64n - 1n],
  float32: [0.5, null, -1.5],
  float64: [0.1, null, -1.7976931348623157e308, 5e-324],
  utf8: ['', null, 'a "quoted", line\nwith ends\tand ünïcode 🚣'],
  binary: [new Uint8Array(0), null, Uint8Array.of(0, 255, 10)],
  date32: [-1, null, 20_000],
  'decimal128(10, 2)': ['-12.30', null, '0.01'],
  'timestamp[ms, UTC]': [0n, null, 1_700_000_000_123n],
  'timestamp[us]': [-1n, null, 1_700_000_000_123_456n],
  'duration[ms]': [0n, null, 5_000n],
  'list<int64>': [[1n, null, 3n], null, []],
  'struct<a: int32, b: utf8>': [{ a: 1, b: 'x' }, null, { a: null, b: '' }],
  'map<utf8, int32>': [[['k', 1]], null, []],
}

export function formatCases(format: FormatUnderTest): readonly Case[] {
  const types = Object.entries(values).filter(([text]) => format.without?.includes(text) !== true)
  const held = types.map(([text, some]) => ({
    name: `a column of ${text} reads as it was written`,
    run: async () => readsAsWritten(format, parseType(text), some),
  }))
  const cut = [1, 3, 64, 1 << 20].map(bytes => ({
    name: `bytes that arrive ${bytes} at a time give the same rows`,
    run: async () => {
      const rows = numberedRows(0, 200)
      deepStrictEqual(rowsIn(decoded(format, { bytes, rowsMax: 1_000 })), rows)
    },
  }))
  return [
    ...held,
    ...cut,
    { name: 'never more rows come than were asked for', run: async () => keepsTheLimit(format) },
    { name: 'the end stays the end', run: async () => endsOnce(format) },
    { name: 'another decoder goes on at each mark, where it gives marks', run: async () => goesOn(format) },
    { name: 'no rows are written as nothing to read', run: async () => emptyReadsEmpty(format) },
  ]
}

function readsAsWritten(format: FormatUnderTest, type: DataType, some: readonly Value[]): void {
  const schema: Schema = {
    fields: [
      { name: 'row', type: { kind: 'int32' } },
      { name: 'value', type },
    ],
  }
  const batch = batchFromRows(
    schema,
    some.map((value, row) => ({ row, value })),
  )
  const found = read(format.decoder(schema), written(format, schema, [batch]), { bytes: 1 << 20, rowsMax: 100 })
  deepStrictEqual(rowsIn(found), rowsIn([batch]), formatType(type))
}

function decoded(format: FormatUnderTest, by: { readonly bytes: number; readonly rowsMax: number }): readonly Batch[] {
  return read(format.decoder(numberedSchema), numberedFile(format), by)
}

/** 200 rows, written in two batches. */
const numberedFile = (format: FormatUnderTest): Uint8Array =>
  written(format, numberedSchema, [numberedBatch(numberedRows(0, 130)), numberedBatch(numberedRows(130, 200))])

function keepsTheLimit(format: FormatUnderTest): void {
  for (const rowsMax of [1, 7, 1_000]) {
    const batches = decoded(format, { bytes: 1 << 20, rowsMax })
    const most = Math.max(...batches.map(one => one.rows))
    ok(most <= rowsMax, `expected at most ${rowsMax} rows, got ${most}`)
    deepStrictEqual(rowsIn(batches), numberedRows(0, 200))
  }
}

function endsOnce(format: FormatUnderTest): void {
  const decoder = format.decoder(numberedSchema)
  feed(decoder, written(format, numberedSchema, [numberedBatch(numberedRows(0, 3))]))
  decoder.finish()
  strictEqual(decoder.next(10)?.batch.rows, 3)
  strictEqual(decoder.next(10), null)
  strictEqual(decoder.next(10), null)
}

function goesOn(format: FormatUnderTest): void {
  const first = format.decoder(numberedSchema)
  if (!isMarked(first)) return
  const bytes = numberedFile(format)
  feed(first, bytes)
  first.finish()
  for (let given = 0, next = first.next(7); next !== null; next = first.next(7)) {
    given += next.batch.rows
    const mark: Mark = JSON.parse(JSON.stringify(first.mark()))
    const later = format.decoder(numberedSchema)
    ok(isMarked(later), 'expected marks of every decoder, got none of the second one')
    if (mark.at > 0) {
      feed(later, bytes)
      ok(later.misfits !== null, 'expected misfits once the whole file is there, got null')
      later.resume(mark)
    }
    const rest = rowsIn(read(later, bytes.subarray(mark.at), { bytes: 50, rowsMax: 5 })).slice(mark.pass)
    deepStrictEqual(rest, numberedRows(given, 200), `the rows behind the mark ${JSON.stringify(mark)}`)
  }
}

const isMarked = (decoder: Decoder | MarkedDecoder): decoder is MarkedDecoder => 'mark' in decoder

function emptyReadsEmpty(format: FormatUnderTest): void {
  const bytes = written(format, numberedSchema, [numberedBatch([])])
  deepStrictEqual(rowsIn(read(format.decoder(numberedSchema), bytes, { bytes: 1 << 20, rowsMax: 10 })), [])
}

/** A file of these batches. What an encoder answers is a view, so it is copied. */
function written(format: FormatUnderTest, schema: Schema, batches: readonly Batch[]): Uint8Array {
  const encoder = format.encoder(schema)
  return new Uint8Array([...encoder.head, ...batches.flatMap(batch => [...encoder.encode(batch)])])
}

function read(
  decoder: Decoder,
  file: Uint8Array,
  by: { readonly bytes: number; readonly rowsMax: number },
): readonly Batch[] {
  const batches: Batch[] = []
  const take = (): void => {
    for (let next = decoder.next(by.rowsMax); next !== null; next = decoder.next(by.rowsMax)) {
      deepStrictEqual(next.dead, [])
      batches.push(next.batch)
    }
  }
  for (let at = 0; at < file.length; at += by.bytes) {
    feed(decoder, file.subarray(at, at + by.bytes))
    take()
  }
  decoder.finish()
  take()
  return batches
}

function feed(decoder: Decoder, bytes: Uint8Array): void {
  decoder.space(bytes.length).set(bytes)
  decoder.filled(bytes.length)
}

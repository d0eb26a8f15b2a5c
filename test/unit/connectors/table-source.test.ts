/** Parquet input around what pyarrow does: faults before the first row, order and places of rows, reading ahead. */
import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ConnectorError, PlanError, ProtocolError, WorkerError, silent } from '../../../src/base/index.js'
import { type TableWork, type Source, filesSource } from '../../../src/connectors/index.js'
import { widens } from '../../../src/connectors/files/table-fit.js'
import { realFiles } from '../../../src/runtime/open/files.js'
import { type SchemaJson, parseType } from '../../../src/schema/index.js'
import {
  HandClock,
  drainAll,
  lay,
  numbered,
  numberedRows,
  numberedSchema,
  placesOf,
  refusal,
  rowsOfAll,
  standInParquet,
  standInWork,
  temporaryFolder,
} from '../../support/connectors.js'

function over(folder: string, tables: TableWork, needed: readonly string[] | null = null, schema = numbered): Source {
  const format = { kind: 'parquet', schema } as const
  return filesSource({
    glob: '*',
    folder,
    format,
    files: realFiles,
    tables,
    decoder: null,
    tail: false,
    clock: new HandClock(),
    observer: silent,
    needed,
  })
}

describe('before the first row', () => {
  test('all columns of all files that do not fit are listed, each with the type that the file has', async () => {
    const folder = temporaryFolder()
    const other: SchemaJson = [
      ['n', 'utf8'],
      ['more', 'bool'],
    ]
    lay(folder, {
      'a.parquet': standInParquet(numbered, []),
      'b.parquet': standInParquet(other, []),
      'c.parquet': standInParquet([['n', 'int64'], numbered[1] ?? ['', '']], []),
    })
    const error = await refusal(() => over(folder, standInWork(numberedSchema)).open())
    expect([error.code, error.message]).toEqual(['ANB1018', '2 of 3 input files do not fit the declared schema'])
    expect(error instanceof PlanError && error.faults.map(fault => [fault.place, fault.message])).toEqual([
      ['file "b.parquet"', 'column "n" is declared as int32, but the file has utf8'],
      ['file "b.parquet"', 'column "word" is declared as utf8, but the file does not have it'],
      ['file "c.parquet"', 'column "n" is declared as int32, but the file has int64'],
    ])
  })

  test('a column that a file has twice is none that could be read', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.parquet': standInParquet([...numbered, ...numbered.slice(0, 1)], []) })
    const error = await refusal(() => over(folder, standInWork(numberedSchema)).open())
    expect(error instanceof PlanError && error.faults.map(fault => fault.message)).toEqual([
      'column "n" stands twice in the file',
    ])
  })

  test('what is wrong inside a file is told with the name that the job has for it', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.parquet': standInParquet(numbered, [numberedRows(0, 1)]) })
    const work = standInWork(numberedSchema)
    const opened = async (error: Error): Promise<unknown> => {
      const source = over(folder, { ...work, read: () => Promise.reject(error) })
      await source.open()
      return drainAll(source)
    }
    const path = join(folder, 'a.parquet')
    const corrupt = new ConnectorError('ANB4002', `file ${path} is damaged: Corrupt snappy compressed data.`)
    const said = await refusal(() => opened(corrupt))
    expect([said.code, said.message, said.detail]).toEqual([
      'ANB4002',
      'file "a.parquet" is damaged: Corrupt snappy compressed data.',
      'It has row group 0 that cannot be read.',
    ])
    const text = new ProtocolError('ANB5001', 'column "word" is not UTF-8')
    const other = await refusal(() => opened(text))
    expect([other.code, other.message]).toEqual([
      'ANB4002',
      'file "a.parquet" has row group 0 that cannot be read: column "word" is not UTF-8',
    ])
  })

  test('a column of an unknown type fits in a file without rows, and in no other', async () => {
    const folder = temporaryFolder()
    lay(folder, {
      'a.parquet': standInParquet(numbered, [[]]),
      'b.parquet': standInParquet(numbered, [numberedRows(0, 1)]),
    })
    const work = standInWork(numberedSchema)
    const untyped: TableWork = {
      ...work,
      inspect: async path => {
        const footer = await work.inspect(path)
        return { ...footer, schema: footer.schema.map(([name]) => [name, null] as const) }
      },
    }
    const error = await refusal(() => over(folder, untyped).open())
    expect(error instanceof PlanError && error.faults.map(fault => fault.place)).toEqual([
      'file "b.parquet"',
      'file "b.parquet"',
    ])
  })

  // A damaged file was told alone, and the others only in the run after it was mended.
  test('damaged files are listed with those that do not fit', async () => {
    const folder = temporaryFolder()
    lay(folder, {
      'a.parquet': standInParquet(numbered, []).subarray(0, -1),
      'b.parquet': standInParquet([['n', 'utf8'], numbered[1] ?? ['', '']], []),
      'c.parquet': standInParquet(numbered, []),
      'd.parquet': 'lines',
    })
    const error = await refusal(() => over(folder, standInWork(numberedSchema)).open())
    expect([error.code, error.message]).toEqual(['ANB1018', '3 of 4 input files do not fit the declared schema'])
    expect(error instanceof PlanError && error.faults.map(fault => [fault.code, fault.place, fault.message])).toEqual([
      ['ANB4002', 'file "a.parquet"', expect.stringContaining('file "a.parquet" is cut off')],
      ['ANB1018', 'file "b.parquet"', 'column "n" is declared as int32, but the file has utf8'],
      ['ANB4002', 'file "d.parquet"', expect.stringContaining('file "d.parquet" is not Parquet')],
    ])
  })

  test('several damaged files are told together', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.parquet': 'lines', 'b.parquet': 'more lines', 'c.parquet': standInParquet(numbered, []) })
    const error = await refusal(() => over(folder, standInWork(numberedSchema)).open())
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4002'])
    expect(error.message).toContain('file "a.parquet" is not Parquet')
    expect(error.detail).toContain('file "b.parquet" is not Parquet')
  })

  const whole = standInParquet(numbered, [numberedRows(0, 5)])
  test.each([
    ['an empty file', Buffer.alloc(0), 'is not Parquet: 0 bytes that do not begin with PAR1'],
    ['lines of text', Buffer.from('{"n":1}\n{"n":2}\n'), 'is not Parquet: 16 bytes that do not begin with PAR1'],
    ['cut off in its rows', whole.subarray(0, 40), 'is cut off: its 40 bytes do not end with a Parquet footer'],
    ['cut off by a byte', whole.subarray(0, -1), `is cut off: its ${whole.length - 1} bytes`],
    ['encrypted', Buffer.concat([Buffer.from('PARE'), whole]), 'is encrypted Parquet'],
    ['with a footer longer than itself', Buffer.from('PAR1----\xff\xff\xff\x7fPAR1', 'latin1'), 'is cut off'],
  ])('%s is refused, without starting a process', async (_, bytes, message) => {
    const folder = temporaryFolder()
    lay(folder, { 'a.parquet': bytes })
    const work = standInWork(numberedSchema)
    const error = await refusal(() => over(folder, work).open())
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4002'])
    expect(error.message).toContain(`file "a.parquet" ${message}`)
    expect(work.log).toEqual([])
  })

  test('a footer that pyarrow cannot read is a damaged file; a lost process is not', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.parquet': whole })
    const failing = (cause: Error): TableWork => ({
      ...standInWork(numberedSchema),
      inspect: () => Promise.reject(cause),
    })
    const said = await refusal(() => over(folder, failing(new Error('thrift: no protocol'))).open())
    expect(said.message).toBe('file "a.parquet" has a footer that cannot be read: thrift: no protocol')
    const lost = await refusal(() => over(folder, failing(new WorkerError('ANB3001', 'worker was lost'))).open())
    expect(lost.code).toBe('ANB3001')
  })
})

describe('reading', () => {
  test('row groups come in order with the numbers of their rows, whatever their size', async () => {
    const folder = temporaryFolder()
    lay(folder, {
      'a.parquet': standInParquet(numbered, [numberedRows(0, 5), [], numberedRows(5, 6)]),
      'b.parquet': standInParquet(numbered, []),
      'c.parquet': standInParquet(numbered, [numberedRows(6, 9)]),
    })
    const source = over(folder, standInWork(numberedSchema))
    await source.open()
    expect(source.progress()).toEqual({ rows: 0, done: 0, total: 9 })
    const all = await drainAll(source, 2)
    expect(rowsOfAll(all)).toEqual(numberedRows(0, 9))
    expect(placesOf(all)).toEqual(
      [1, 2, 3, 4, 5, 6].map(n => `a.parquet:${n}`).concat([1, 2, 3].map(n => `c.parquet:${n}`)),
    )
  })

  test('two row groups are read ahead of the reader, no more', async () => {
    const folder = temporaryFolder()
    const groups = Array.from({ length: 6 }, (_, i) => numberedRows(i * 4, i * 4 + 4))
    lay(folder, { 'a.parquet': standInParquet(numbered, groups) })
    const work = standInWork(numberedSchema)
    const source = over(folder, work)
    await source.open()
    const reads = (): number => work.log.filter(line => line.startsWith('read')).length
    expect(reads()).toBe(0)
    await source.poll({ rowsMax: 1, bytesMax: 1 << 20 })
    expect(reads()).toBe(3)
    await source.poll({ rowsMax: 1, bytesMax: 1 << 20 })
    expect(reads()).toBe(3)
    expect(rowsOfAll(await drainAll(source))).toHaveLength(22)
    expect(reads()).toBe(6)
  })

  test('a large row group is read alone', async () => {
    const folder = temporaryFolder()
    lay(folder, {
      'a.parquet': standInParquet(numbered, [numberedRows(0, 4), numberedRows(4, 8), numberedRows(8, 12)]),
    })
    const work = standInWork(numberedSchema)
    const large: TableWork = {
      ...work,
      inspect: async path => {
        const footer = await work.inspect(path)
        return { ...footer, rowGroups: footer.rowGroups.map(group => ({ ...group, bytes: 200 * 1024 * 1024 })) }
      },
    }
    const source = over(folder, large)
    await source.open()
    await source.poll({ rowsMax: 1, bytesMax: 1 << 20 })
    expect(work.log.filter(line => line.startsWith('read'))).toHaveLength(2)
    expect(rowsOfAll(await drainAll(source))).toHaveLength(11)
  })

  test.each([
    [['word'], 'word', [{ word: 'word 0' }, { word: 'word 1' }]],
    [['word', 'n'], 'n,word', numberedRows(0, 2)],
    [[], 'n', [{}, {}]],
  ])('of the columns %j those of the file are read as %s', async (needed, read, rows) => {
    const folder = temporaryFolder()
    lay(folder, { 'a.parquet': standInParquet(numbered, [numberedRows(0, 2)]) })
    const work = standInWork(numberedSchema)
    const source = over(folder, work, needed)
    await source.open()
    const all = await drainAll(source)
    expect(work.log.at(-1)).toBe(`read a.parquet 0 ${read}`)
    expect(all.reduce((sum, one) => sum + one.batch.rows, 0)).toBe(2)
    if (needed.length > 0) expect(rowsOfAll(all)).toEqual(rows)
    expect(all[0]?.batch.schema.fields.map(field => field.name)).toEqual(read === 'n' ? [] : read.split(','))
  })

  test('a file that changes while it is read stops the job', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.parquet': standInParquet(numbered, [numberedRows(0, 4), numberedRows(4, 8)]) })
    const source = over(folder, standInWork(numberedSchema))
    await source.open()
    await source.poll({ rowsMax: 4, bytesMax: 1 << 20 })
    appendFileSync(join(folder, 'a.parquet'), 'x')
    expect((await refusal(() => drainAll(source))).code).toBe('ANB4004')
  })

  test('a row group with other rows than its footer says stops the job', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.parquet': standInParquet(numbered, [numberedRows(0, 4)]) })
    const source = over(folder, {
      ...standInWork(numberedSchema),
      read: async () => ({ batches: [], loan: undefined }),
    })
    await source.open()
    expect((await refusal(() => drainAll(source))).message).toContain('has 0 rows in row group 0, its footer says 4')
  })
})

test.each([
  ['int32', 'int64', true],
  ['int64', 'int32', false],
  ['int32', 'uint32', false],
  ['uint16', 'int32', true],
  ['uint64', 'int64', false],
  ['int32', 'float64', true],
  ['int64', 'float64', false],
  ['int32', 'float32', false],
  ['float32', 'float64', true],
  ['float64', 'float32', false],
  ['utf8', 'binary', false],
  ['timestamp[ms]', 'timestamp[us]', true],
  ['timestamp[us]', 'timestamp[ms]', false],
  ['timestamp[ms]', 'timestamp[s]', true],
  ['list<timestamp[ms, UTC]>', 'list<timestamp[s, UTC]>', true],
  ['timestamp[us]', 'timestamp[s]', false],
  ['timestamp[ms, UTC]', 'timestamp[ms]', false],
  ['timestamp[ms]', 'timestamp[ms, UTC]', false],
  ['timestamp[ms, Europe/Berlin]', 'timestamp[ns, UTC]', true],
  ['duration[s]', 'duration[ms]', true],
  ['decimal128(10, 2)', 'decimal128(12, 2)', true],
  ['decimal128(10, 2)', 'decimal128(11, 4)', false],
  ['list<int32>', 'list<int64>', true],
  ['struct<a: int32>', 'struct<a: int64>', true],
  ['struct<a: int32>', 'struct<b: int32>', false],
  ['map<utf8, int8>', 'map<utf8, int16>', true],
])('a file with %s read as %s: %s', (from, to, fits) => {
  expect(widens(parseType(from), parseType(to))).toBe(fits)
})

/** Rows in a real PostgreSQL: each epoch once with its marker, whatever breaks, and in words where they cannot go there. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { batchFromRows } from '../../src/batch/index.js'
import { AnabranchError, type Observer, silent } from '../../src/base/index.js'
import {
  type Row,
  type Sink,
  type SinkStart,
  loggedSink,
  noEpochs,
  postgresTransactions,
} from '../../src/connectors/index.js'
import { csvEncoder } from '../../src/formats/index.js'
import { type Delivery } from '../../src/plan/index.js'
import { realClock } from '../../src/runtime/open/clock.js'
import { realFiles } from '../../src/runtime/open/files.js'
import { type SchemaJson, schemaFromJson } from '../../src/schema/index.js'
import { epochSinkCases } from '../../src/testing/index.js'
import { type Postgres, proxyTo, startPostgres } from '../support/postgres.js'

let server: Postgres
beforeAll(async () => {
  server = await startPostgres()
  return () => server.stop()
}, 60_000)

const numbered: SchemaJson = [
  ['n', 'int32'],
  ['word', 'utf8'],
]
const fresh: SinkStart = { ...noEpochs, lineage: 'a1' }

let tables = 0
/** A table of this test. */
async function tableOf(columns: string): Promise<string> {
  tables += 1
  const table = `rows_${tables}`
  await server.query(`CREATE TABLE ${table} (${columns})`)
  return table
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'anabranch-log-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

interface To {
  readonly table: string
  readonly schema?: SchemaJson
  readonly key?: readonly string[]
  readonly url?: string
  readonly out?: string
  readonly delivery?: Delivery
  readonly observer?: Observer
}

function sinkTo({
  table,
  schema: json = numbered,
  key = [],
  url = server.url(),
  out = folder(),
  delivery = 'exactly-once',
  observer = silent,
}: To): Sink {
  const schema = schemaFromJson(json)
  const encoder = csvEncoder(schema, { header: false, delimiter: ',', quote: '"', nullValue: '' })
  const clock = realClock()
  const to = postgresTransactions({
    variable: 'DB',
    url,
    table,
    key,
    schema,
    encoder,
    job: 'numbers',
    id: table,
    clock,
    observer,
  })
  return loggedSink({ to, out, id: table, schema, delivery, files: realFiles })
}

const batch = (rows: readonly Row[], schema: SchemaJson = numbered) => batchFromRows(schemaFromJson(schema), rows)
const rowsFrom = (from: number, to: number): readonly Row[] =>
  Array.from({ length: to - from }, (_, i) => ({ n: from + i, word: `word ${from + i}` }))
const rowsOf = (table: string) => server.query(`SELECT n, word FROM ${table} ORDER BY n, word`)
const markerOf = async (table: string): Promise<unknown> =>
  (await server.query(`SELECT epoch::int FROM anabranch_commits WHERE sink = '${table}'`)).map(row => row['epoch'])

async function refusal(work: () => Promise<unknown>): Promise<AnabranchError> {
  const error: unknown = await work().then(
    () => null,
    (caught: unknown) => caught,
  )
  if (error instanceof AnabranchError) return error
  throw new Error(`expected a refusal, ${String(error)} came`)
}

/** Opens, writes one epoch, commits it and ends. */
async function oneEpoch(sink: Sink, rows: readonly Row[], schema?: SchemaJson): Promise<void> {
  onTestFinished(async () => void (await sink.abort()))
  await sink.open(fresh)
  await sink.write(batch(rows, schema))
  await sink.commit(1, await sink.prepare(1))
  await sink.finish()
}

describe('the contract of epochs', () => {
  for (const key of [[], ['n']]) {
    const cases = epochSinkCases(async () => {
      const table = await tableOf('n integer UNIQUE, word text')
      const out = folder()
      const visible = async (): Promise<readonly object[]> => rowsOf(table)
      return { again: () => sinkTo({ table, key, out }), visible }
    })
    for (const { name, run } of cases) test(`with ${key.length} key columns: ${name}`, run)
  }
})

describe('F5 what breaks', () => {
  test.each([
    ['before COMMIT arrives', 'COMMIT', 'before'],
    ['when COMMIT is done and nobody hears of it', 'COMMIT', 'after'],
    ['when the marker is written', 'INSERT INTO "anabranch_commits"', 'after'],
    ['while rows are copied', 'word 7', 'before'],
  ] as const)('a connection that is lost %s: the marker decides, and each row is there once', async (_, sent, when) => {
    const table = await tableOf('n integer, word text')
    let cuts = 0
    const proxy = await proxyTo(server, bytes => {
      if (cuts > 0 || !bytes.includes(sent)) return null
      cuts += 1
      return when
    })
    onTestFinished(proxy.close)
    await oneEpoch(sinkTo({ table, url: server.url(proxy.folder) }), rowsFrom(0, 20))
    expect(cuts).toBe(1)
    expect(await rowsOf(table)).toEqual(rowsFrom(0, 20))
    expect(await markerOf(table)).toEqual([1])
  })

  test('S14 of two hosts with copies of one folder the one that comes behind the other stops, and nothing of it is there', async () => {
    const table = await tableOf('n integer, word text')
    const [one, other] = [sinkTo({ table }), sinkTo({ table })]
    for (const sink of [one, other]) await sink.open(fresh)
    await one.write(batch(rowsFrom(0, 5)))
    await one.commit(1, await one.prepare(1))
    await other.write(batch(rowsFrom(5, 9)))
    const prepared = await other.prepare(1)
    const error = await refusal(() => other.commit(1, prepared))
    expect([error.class, error.code]).toEqual(['StateError', 'ANB6102'])
    expect(error.message).toMatch(/^"[^"]+" has epoch 1 of this job, and this run wrote none behind 0$/)
    await other.abort()
    await one.write(batch(rowsFrom(9, 12)))
    await one.commit(2, await one.prepare(2))
    await one.finish()
    expect(await rowsOf(table)).toEqual([...rowsFrom(0, 5), ...rowsFrom(9, 12)])
  })

  test('S1 a COMMIT of a host that is dead, done behind the look of the next one, is its own and not of a stranger', async () => {
    const table = await tableOf('n integer, word text')
    const out = folder()
    const dead = sinkTo({ table, out })
    await dead.open(fresh)
    await dead.write(batch(rowsFrom(0, 5)))
    const prepared = await dead.prepare(1)
    const copy = folder()
    cpSync(out, copy, { recursive: true })
    const next = sinkTo({ table, out: copy })
    expect(await next.open({ ...fresh, epoch: 1, prepared })).toEqual({ applied: 0 })
    await dead.commit(1, prepared)
    await next.commit(1, prepared)
    await next.write(batch(rowsFrom(5, 7)))
    await next.commit(2, await next.prepare(2))
    await next.finish()
    await dead.abort()
    expect(await rowsOf(table)).toEqual(rowsFrom(0, 7))
  })

  test('a server that crashes between two epochs is waited for, and the log says so once', async () => {
    const table = await tableOf('n integer, word text')
    const said: string[] = []
    const observer = { ...silent, log: (level: string, message: string) => said.push(`${level}: ${message}`) }
    const sink = sinkTo({ table, observer })
    await sink.open(fresh)
    await sink.write(batch(rowsFrom(0, 5)))
    const prepared = await sink.prepare(1)
    await server.crash()
    await sink.commit(1, prepared)
    await sink.finish()
    expect(await rowsOf(table)).toEqual(rowsFrom(0, 5))
    expect(said).toEqual([
      expect.stringMatching(/^warning: PostgreSQL "[^"]+" is away: .*; it is tried again for 60 s, and rows wait$/),
      expect.stringMatching(/^info: PostgreSQL "[^"]+" is there again$/),
    ])
  })

  test('a row that the table does not take stops the job with its words, and nothing of the epoch is there', async () => {
    const table = await tableOf('n integer PRIMARY KEY, word text')
    const error = await refusal(() => oneEpoch(sinkTo({ table }), [...rowsFrom(0, 3), { n: 1, word: 'again' }]))
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4032'])
    expect(error.message).toContain('duplicate key value violates unique constraint')
    expect(error.message).toContain('(SQLSTATE 23505)')
    expect(await rowsOf(table)).toEqual([])
    expect(await markerOf(table)).toEqual([])
  })

  test('a deadlock is tried again', async () => {
    const table = await tableOf('n integer PRIMARY KEY, word text')
    await server.query(`CREATE SEQUENCE tries_${table}`)
    await server.query(`
      CREATE FUNCTION fail_${table}() RETURNS trigger AS $$ BEGIN
        IF nextval('tries_${table}') < 3 THEN RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01'; END IF;
        RETURN NEW; END $$ LANGUAGE plpgsql`)
    await server.query(`CREATE TRIGGER t BEFORE INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION fail_${table}()`)
    await oneEpoch(sinkTo({ table }), rowsFrom(0, 3))
    expect(await rowsOf(table)).toEqual(rowsFrom(0, 3))
  })
})

const everyType: SchemaJson = [
  ['a', 'bool'],
  ['b', 'int64'],
  ['c', 'uint64'],
  ['d', 'float64'],
  ['e', 'utf8'],
  ['f', 'binary'],
  ['g', 'date32'],
  ['h', 'timestamp[us, UTC]'],
  ['i', 'timestamp[ms]'],
  ['j', 'decimal128(20, 3)'],
  ['k', 'float32'],
]
const values: Row = {
  a: true,
  b: -9_223_372_036_854_775_808n,
  c: 18_446_744_073_709_551_615n,
  d: Number.NaN,
  e: 'a "b", \\.\n\\N ü',
  f: Uint8Array.of(0, 255, 10),
  g: 19_000,
  h: 1_700_000_000_123_456n,
  i: -1n,
  j: '-12345678901234567.891',
  k: Number.NEGATIVE_INFINITY,
}

describe('rows', () => {
  test('with a key the last row of a key counts, within an epoch and over several', async () => {
    const table = await tableOf('n integer PRIMARY KEY, word text')
    const sink = sinkTo({ table, key: ['n'] })
    await sink.open(fresh)
    await sink.write(
      batch([
        { n: 1, word: 'a' },
        { n: 2, word: 'b' },
        { n: 1, word: 'c' },
      ]),
    )
    await sink.commit(1, await sink.prepare(1))
    await sink.write(batch([{ n: 2, word: 'd' }]))
    await sink.commit(2, await sink.prepare(2))
    await sink.finish()
    expect(await rowsOf(table)).toEqual([
      { n: 1, word: 'c' },
      { n: 2, word: 'd' },
    ])
  })

  test('of every type arrive as they are, nulls and what is no number too', async () => {
    const table = await tableOf(
      'a boolean, b bigint, c numeric, d double precision, e text, f bytea, g date, h timestamptz, i timestamp, j numeric(20,3), k real',
    )
    await oneEpoch(sinkTo({ table, schema: everyType }), [values, {}, { e: '', f: new Uint8Array(0) }], everyType)
    const found = await server.query(
      `SELECT a::text, b::text, c::text, d::text, e, encode(f, 'hex') f, g::text, (h AT TIME ZONE 'UTC')::text h, i::text, j::text, k::text FROM ${table}`,
    )
    const nothing = {
      a: null,
      b: null,
      c: null,
      d: null,
      e: null,
      f: null,
      g: null,
      h: null,
      i: null,
      j: null,
      k: null,
    }
    expect(found).toEqual([
      {
        a: 'true',
        b: '-9223372036854775808',
        c: '18446744073709551615',
        d: 'NaN',
        e: 'a "b", \\.\n\\N ü',
        f: '00ff0a',
        g: '2022-01-08',
        h: '2023-11-14 22:13:20.123456',
        i: '1969-12-31 23:59:59.999',
        j: '-12345678901234567.891',
        k: '-Infinity',
      },
      nothing,
      { ...nothing, e: '', f: '' },
    ])
  })
})

describe('how rows go out', () => {
  test('of one column alone arrive too, whatever they say', async () => {
    const table = await tableOf('word text')
    const schema: SchemaJson = [['word', 'utf8']]
    await oneEpoch(sinkTo({ table, schema }), [{ word: 'a' }, { word: '' }, { word: null }], schema)
    expect((await server.query(`SELECT word FROM ${table}`)).map(row => row['word'])).toEqual(['a', '', null])
  })

  test('at least once: each batch is there as soon as it is written, and no marker is kept', async () => {
    const table = await tableOf('n integer, word text')
    const sink = sinkTo({ table, delivery: 'at-least-once' })
    expect(await sink.open(fresh)).toEqual({ applied: null })
    await sink.write(batch(rowsFrom(0, 3)))
    expect(await rowsOf(table)).toEqual(rowsFrom(0, 3))
    await sink.commit(1, await sink.prepare(1))
    expect(await sink.finish()).toMatchObject([{ rows: 3 }])
    expect(await rowsOf(table)).toEqual(rowsFrom(0, 3))
  })

  test('a log whose bytes were changed is found before a row of it goes out', async () => {
    const table = await tableOf('n integer, word text')
    const out = folder()
    const sink = sinkTo({ table, out })
    onTestFinished(async () => void (await sink.abort()))
    await sink.open(fresh)
    await sink.write(batch(rowsFrom(0, 3)))
    const prepared = await sink.prepare(1)
    const path = join(out, 'state/log', table, 'epoch-1.rows')
    const text = realFiles.readText(path)
    realFiles.writeText(path, text.replace('word 1', 'word 8'))
    const error = await refusal(() => sink.commit(1, prepared))
    expect([error.class, error.code]).toEqual(['StateError', 'ANB6020'])
    expect(await rowsOf(table)).toEqual([])
  })
})

describe('before the first row', () => {
  const open = (to: To): Promise<AnabranchError> =>
    refusal(async () => {
      const sink = sinkTo(to)
      onTestFinished(async () => void (await sink.abort()))
      await sink.open(fresh)
    })

  test('a table that is not there is told with the statement that makes it', async () => {
    const error = await open({ table: 'nowhere', key: ['n'] })
    expect([error.class, error.code, error.message]).toEqual([
      'ConnectorError',
      'ANB4030',
      'table nowhere is not there',
    ])
    const [, statement = ''] = /^run (.*)$/.exec(error.hint) ?? []
    await server.query(statement)
    await oneEpoch(sinkTo({ table: 'nowhere', key: ['n'] }), rowsFrom(0, 1))
    expect(await rowsOf('nowhere')).toEqual(rowsFrom(0, 1))
  })

  test('everything that does not fit is told at once, and the statements mend it', async () => {
    const table = await tableOf('n smallint, more integer NOT NULL')
    const error = await open({ table, key: ['n'] })
    expect(error.detail).toBe(
      'column "n" is smallint, which does not hold every int32; column "word" is not there; ' +
        'column "more" of the table must be given, and the job does not have it; no unique index of the table has just the columns n.',
    )
    for (const statement of error.hint.replace(/^run /, '').split('; ')) await server.query(statement)
    await oneEpoch(sinkTo({ table, key: ['n'] }), rowsFrom(0, 2))
    expect(await rowsOf(table)).toEqual(rowsFrom(0, 2))
  })

  test('a secret in the address is in no message', async () => {
    const url = `postgres://postgres:hunter2@${encodeURIComponent(join(server.folder, 's'))}/no_such_base`
    const error = await open({ table: 'rows', url })
    expect(error.code).toBe('ANB4032')
    expect(error.message).toContain('database "no_such_base" does not exist')
    expect(error.render()).not.toContain('hunter2')
  })

  test('a marker that the job knows of and that is gone stops the job', async () => {
    const table = await tableOf('n integer, word text')
    const prepared = { rows: 0, bytes: 0, total: 0, columns: JSON.stringify(numbered) }
    const sink = sinkTo({ table })
    onTestFinished(async () => void (await sink.abort()))
    const error = await refusal(() => sink.open({ lineage: 'a1', epoch: 3, prepared, marked: true }))
    expect([error.class, error.code]).toEqual(['StateError', 'ANB6021'])
  })
})

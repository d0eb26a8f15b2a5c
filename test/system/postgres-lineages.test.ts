/** What a table says to a start at a savepoint of the runs that wrote to it, in a real PostgreSQL. */
import pg from 'pg'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { silent } from '../../src/base/index.js'
import { batchFromRows } from '../../src/batch/index.js'
import { type TransactionSink, postgresTransactions } from '../../src/connectors/index.js'
import { csvEncoder } from '../../src/formats/index.js'
import { realClock } from '../../src/runtime/open/clock.js'
import { schemaFromJson } from '../../src/schema/index.js'
import { type Postgres, startPostgres } from '../support/postgres.js'

let server: Postgres
beforeAll(async () => {
  server = await startPostgres()
  return () => server.stop()
}, 60_000)

const schema = schemaFromJson([
  ['n', 'int32'],
  ['word', 'utf8'],
])

function sinkTo(table: string): TransactionSink {
  const sink = postgresTransactions({
    variable: 'DB',
    url: server.url(),
    table,
    key: [],
    schema,
    encoder: csvEncoder(schema, { header: false, delimiter: ',', quote: '"', nullValue: '' }),
    job: 'numbers',
    id: table,
    clock: realClock(),
    observer: silent,
  })
  onTestFinished(() => sink.close())
  return sink
}

/** A table to which run `a1` wrote this many epochs, a row each. */
async function written(table: string, epochs: number): Promise<void> {
  await server.query(`CREATE TABLE ${table} (n integer, word text)`)
  const sink = sinkTo(table)
  await sink.open('a1', 0)
  for (let n = 1; n <= epochs; n += 1) await sink.apply(n, [batchFromRows(schema, [{ n, word: 'a1' }])])
}

const allAppliedIn = async (sink: TransactionSink): Promise<readonly (number | null)[]> => [
  await sink.appliedIn('a1'),
  await sink.appliedIn('b2'),
  await sink.appliedIn('c3'),
]

test('a start behind which another one died before its first epoch hears of every run before, and so does one behind those', async () => {
  await written('died', 3)
  await sinkTo('died').open('b2', 3)
  const third = sinkTo('died')
  expect(await allAppliedIn(third)).toEqual([3, 0, 0])
  await third.open('c3', 1)
  await third.apply(2, [])
  expect(await allAppliedIn(third)).toEqual([3, 0, 2])
})

test('who asks before the table of markers is made hears of none, and makes none', async () => {
  await server.query('CREATE SCHEMA empty; CREATE TABLE empty.rows (n integer, word text)')
  expect(await sinkTo('empty.rows').appliedIn('a1')).toBe(0)
  expect(await server.query("SELECT to_regclass('empty.anabranch_commits') AS found")).toEqual([{ found: null }])
})

test('S1 a COMMIT of a host that is dead, which is under way while a start at a savepoint asks, is waited for', async () => {
  await written('waits', 1)
  const dead = new pg.Client({ connectionString: server.url() })
  await dead.connect()
  onTestFinished(() => dead.end())
  await dead.query('BEGIN')
  await dead.query(`UPDATE anabranch_commits SET epoch = 2 WHERE sink = 'waits'`)
  let isAnswered = false
  const answer = sinkTo('waits')
    .appliedIn('a1')
    .finally(() => {
      isAnswered = true
    })
  const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%anabranch_commits%'`
  while (!isAnswered && (await server.query(waiting)).length === 0);
  await dead.query('COMMIT')
  expect(await answer).toBe(2)
})

/** Two sinks of one job stay in step: a host that is killed between them goes on, and both have each row once. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, test } from 'vitest'
import { jobFolder } from '../support/job-folder.js'
import { type Postgres, startPostgres } from '../support/postgres.js'

let server: Postgres
beforeAll(async () => {
  server = await startPostgres()
  return () => server.stop()
}, 60_000)

const rows = 200_000
const input = Array.from({ length: rows }, (_, n) => `{"n":${n},"word":"w${n % 7}"}\n`).join('')
const source = `import { files, job, json, postgres } from 'anabranch'
export default job('numbers', { epoch: '50ms' })
  .from(files('in.jsonl', json({ n: 'int64', word: 'utf8' })))
  .to(postgres.sink({ url: { env: 'TEST_DATABASE' }, table: 'numbers' }), { id: 'table' })
  .to(files.sink('lines/', json(), { roll: { bytes: '512KiB' } }), { id: 'lines' })
`

test.each(['sink.commit:before:2', 'sink.commit:after:2', 'sink.marker:after:1', 'log.trim:before:1'])(
  'killed at %s, a table and a folder have each row once when the job has gone on',
  async at => {
    await server.query('DROP TABLE IF EXISTS numbers, anabranch_commits')
    await server.query('CREATE TABLE numbers (n bigint, word text)')
    const job = await jobFolder({ 'job.ts': source, 'in.jsonl': input })
    const env = { TEST_DATABASE: server.url() }
    const killed = await job.start([], { env: { ...env, ANABRANCH_FAILPOINT: at } }).ended
    expect(killed.signal).toBe('SIGKILL')
    const ended = await job.start([], { env }).ended
    expect(ended.code, ended.stderr).toBe(0)
    const [found] = await server.query('SELECT count(*)::int AS rows, count(DISTINCT n)::int AS different FROM numbers')
    expect(found).toEqual({ rows, different: rows })
    const lines = job.rows('lines').map(row => row['n'])
    expect([lines.length, new Set(lines).size]).toEqual([rows, rows])
  },
)

test.each(['50ms', 'off'])(
  'with epochs of %s a table that does not fit is told before a byte of the other sink is touched',
  async epoch => {
    await server.query('DROP TABLE IF EXISTS numbers, anabranch_commits')
    const filesFirst = source
      .split('\n')
      .toSpliced(3, 2, ...source.split('\n').slice(3, 5).toReversed())
      .join('\n')
    const job = await jobFolder({ 'job.ts': filesFirst, 'in.jsonl': '{"n":1,"word":"a"}\n' })
    const env = { TEST_DATABASE: server.url() }
    const refused = await job.start(['--epoch', epoch], { env }).ended
    expect([refused.code, refused.json]).toMatchObject([1, { error: { code: 'ANB4030' } }])
    for (const name of ['lines', '.staging', 'state/sinks', 'dead-letters'])
      expect([name, existsSync(join(job.path, 'out', name))]).toEqual([name, false])
  },
)

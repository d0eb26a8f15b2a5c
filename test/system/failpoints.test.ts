/** A failpoint that is armed by the environment ends a real run there, whole: no process and no socket is left. */
import { appendFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Failpoint, failpoints } from '../../src/base/index.js'
import { waiting } from '../house/rules/failpoints.js'
import { hasWritten } from '../support/asked.js'
import { startCli } from '../support/cli.js'
import { runUntil, stop } from '../support/clicks-job.js'
import { expectExactly, faultJob, someRows } from '../support/fault-job.js'
import { type JobFolder, jobFolder } from '../support/job-folder.js'

const rows = someRows(400)

/** Of the host, as far as any run passes them: the others are asked for, or need much state. */
const asked: readonly Failpoint[] = ['savepoint.publish', 'shutdown.drain', 'log.trim', 'finish.sync']
const ofHost = failpoints.filter(name => !name.startsWith('w.') && waiting[name] === undefined && !asked.includes(name))

/** Dies at a step, whole. */
async function dies(job: JobFolder, step: string, ...args: readonly string[]): Promise<void> {
  const run = await job.start(args, { env: { ANABRANCH_FAILPOINT: step } }).ended
  expect(run.signal, `${step}: ${run.stderr}`).toBe('SIGKILL')
}

describe('S1 a host that dies at a step is gone with all that it started, and the next one goes on', () => {
  /** Calls take so long that a life has some epochs. */
  const faults = `
def nap():
    if os.path.exists("flags/nap"):
        time.sleep(0.02)
`
  const many = someRows(3_000, id => (id % 16 === 0 ? 'nap' : null))

  test.each(['before', 'after'])('%s each step, one life after the other', { timeout: 480_000 }, async side => {
    const job = await faultJob(many, { faults })
    const nap = join(job.path, 'flags/nap')
    writeFileSync(nap, '')
    const small = ['--epoch', '50ms', '--workers', '1', '--batch-rows', '16'] as const
    for (const step of ofHost) await dies(job, `${step}:${side}:2`, ...small)
    rmSync(nap)
    const last = await job.start([], { env: { ANABRANCH_FAILPOINT: `finish.sync:${side}` } }).ended
    expect(last.signal, last.stderr).toBe('SIGKILL')
    expectExactly(job, many)
    // It had said that it is finished: the next one begins anew.
    const again = await job.run()
    expect(again.code, again.stderr).toBe(0)
    expect(again.json).toMatchObject({ rows_in: many.length })
    expectExactly(job, many)
  })

  test.each(['before', 'after'])('%s it gives the room of dead state back', async side => {
    const keys = 8_000
    const job = await jobFolder({
      'transforms.py': `
import anabranch as ab
Row = ab.schema({"id": ab.int64, "key": ab.int64})
@ab.keyed(inputs={}, state={"n": ab.int64.default(0), "blob": ab.utf8}, outputs={"nth": ab.int64})
def count(batch, state):
    n = state.numpy("n")
    return {"nth": n[state.index] + state.rank + 1}, {"n": n + state.counts, "blob": ["x" * 1_000] * len(state)}
`,
      'job.ts': `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('blobs').from(files('in.jsonl', json(t.Row), { tail: true })).keyBy('key').apply(t.count).to(files.sink('rows/', json()))
`,
      'in.jsonl': '',
    })
    const dying = job.start(['--epoch', '50ms'], { env: { ANABRANCH_FAILPOINT: `log.trim:${side}` } })
    // All keys again and again, each time in other epochs, until so much of the state is dead that it is trimmed.
    let rows = 0
    do {
      const pass = Array.from({ length: keys }, (_, key) => `{"id":${rows + key},"key":${key}}\n`).join('')
      appendFileSync(join(job.path, 'in.jsonl'), pass)
      rows += keys
    } while (await hasWritten(job, rows, dying))
    const died = await dying.ended
    expect(died.signal, died.stderr).toBe('SIGKILL')
    await runUntil(job, rows, () => stop(job, 'end'))
    const found = job.rows('rows').map(row => [row['id'], row['nth']])
    const expected = Array.from({ length: rows }, (_, id) => [id, Math.floor(id / keys) + 1])
    expect(found.toSorted(([a], [b]) => Number(a) - Number(b))).toEqual(expected)
  })
})

describe('W1 a worker that dies at each of its steps, again and again, changes nothing', () => {
  test.each(['w.recv', 'w.run', 'w.sent'])('%s', async step => {
    for (const side of ['before', 'after']) {
      const job = await faultJob(rows)
      const run = await startCli(['run', 'job.ts', '--out', 'out', '--json', '--workers', '2', '--batch-rows', '64'], {
        cwd: job.path,
        env: { ANABRANCH_FAILPOINT: `${step}:${side}:5` },
      }).ended
      expect(run.code, run.stderr).toBe(0)
      expect(run.json?.['counters']).toMatchObject({ 'worker.lost': expect.any(Number) })
      expectExactly(job, rows)
      expect(readdirSync(join(job.path, 'out'))).not.toContain('dead-letters')
    }
  })
})

test('a failpoint is refused in production, before anything is started', async () => {
  const job = await faultJob(rows)
  const run = await startCli(['run', 'job.ts', '--out', 'out'], {
    cwd: job.path,
    env: { ANABRANCH_FAILPOINT: 'send:before', NODE_ENV: 'production' },
  }).ended
  expect(run.code).toBe(2)
  expect(run.stderr).toContain('ANB8011')
  expect(readdirSync(job.path)).not.toContain('out')
})

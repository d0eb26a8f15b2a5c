/** A failpoint that is armed by the environment ends a real run there, whole: no process and no socket is left. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { startCli } from '../support/cli.js'
import { expectExactly, faultJob, someRows } from '../support/fault-job.js'

const rows = someRows(400)

describe('S1 a host that dies at a step is gone with all that it started', () => {
  const steps = ['source.poll', 'source.decode', 'batch.form', 'state.read', 'frame.encode', 'send', 'recv']
  test.each([...steps, 'frame.validate', 'accept', 'sink.write'])('%s', async step => {
    const job = await faultJob(rows)
    for (const side of ['before', 'after']) {
      const run = await startCli(['run', 'job.ts', '--out', 'out'], {
        cwd: job.path,
        env: { ANABRANCH_FAILPOINT: `${step}:${side}` },
      }).ended
      expect(run.signal, `${side}: ${run.stderr}`).toBe('SIGKILL')
      expect(readdirSync(job.path)).toContain('out')
    }
    const again = await job.run()
    expect(again.code, again.stderr).toBe(0)
    expectExactly(job, rows)
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

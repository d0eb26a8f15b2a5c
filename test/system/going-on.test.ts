/** Runs that die at their first commit and are taken up by the same command: each row and each dead line comes once. */
import { appendFileSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { statusWhere } from '../support/asked.js'
import { clicksJob, folderOf, hasRead, lines as clicks, runUntil, stop } from '../support/clicks-job.js'
import { until } from '../support/fault-job.js'
import { type JobFolder, jobFolder } from '../support/job-folder.js'

const rows = 200_000
const isDead = (n: number): boolean => n % 50_000 === 7
const lines = Array.from({ length: rows }, (_, n) => `${isDead(n) ? 'none' : n},"word\n${n % 9}"\n`)

const job = `
import { csv, files, job, json } from 'anabranch'
import code from './transforms.anabranch.ts'
export default job('going-on')
  .from(files('in/*.csv', csv({ n: 'int64', word: 'utf8' })))
  .filter(code.all)
  .to(files.sink('rows/', json()))
`
/** A call of a run that is to die takes so long that its first epoch has a few of them, however quick the machine is. */
const transforms = `
import os, time
import anabranch as ab

@ab.filter(inputs={"n": ab.int64})
def all(batch):
    if "ANABRANCH_FAILPOINT" in os.environ: time.sleep(0.02)
    return [True] * len(batch)
`

/** Kills itself when the record of its first epoch is on disk. */
async function dies(folder: JobFolder): Promise<string> {
  const args = ['--epoch', '50ms', '--workers', '1', '--batch-rows', '1000']
  const run = await folder.start(args, { env: { ANABRANCH_FAILPOINT: 'prepare.sync:after:1' } }).ended
  expect(run.signal, run.stderr).toBe('SIGKILL')
  return run.stderr
}

test('S1: a run over packed CSV that dies twice is taken up where it was, with the lines of its dead rows', async () => {
  const half = (from: number, to: number): Buffer => gzipSync(`n,word\n${lines.slice(from, to).join('')}`)
  const folder = await jobFolder({
    'in/1.csv': half(0, rows / 2),
    'in/2.csv': half(rows / 2, rows),
    'transforms.py': transforms,
    'job.ts': job,
  })
  await dies(folder)
  expect(await dies(folder)).toContain('were unpacked again to go on')
  const run = await folder.run('--epoch', '50ms', '--json')
  expect(run.code, run.stderr).toBe(0)
  expect(run.json?.['epochs']).toMatchObject({ resumed_from: 2, bytes_changed: 0 })
  const good = Array.from({ length: rows }, (_, n) => n).filter(n => !isDead(n))
  expect(folder.rows('rows').map(row => row['n'])).toEqual(good)
  const dead = folder.deadLetters().map(letter => `${String(letter['source'])}:${String(letter['position'])}`)
  expect(dead).toEqual(['in/1.csv:16', 'in/1.csv:100016', 'in/2.csv:16', 'in/2.csv:100016'])
})

test('F4: a run is not taken up over a file that was cut meanwhile', async () => {
  const folder = await jobFolder({
    'in/1.csv': `n,word\n${lines.slice(0, 100).join('')}`,
    'transforms.py': transforms,
    'job.ts': job,
  })
  const whole = folder.text('in/1.csv')
  await dies(folder)
  truncateSync(join(folder.path, 'in/1.csv'), 20)
  const refused = await folder.run('--epoch', '50ms')
  expect(refused.code, refused.stderr).toBe(1)
  expect(refused.stderr).toContain(`ANB4012 file "in/1.csv" was cut: expected at least ${whole.length} bytes, found 20`)
  expect(folder.rows('rows')).toEqual([])
})

// The source alone began at 0 again, and the rows of the runs before counted for the rate of the last one.
test('a run that goes on counts the rows of its source from the beginning of the job, and says how many runs before it had read', async () => {
  const folder = await folderOf(clicks(0, 500))
  const first = await runUntil(folder, 500, () => stop(folder, 'half'))
  expect(first.json).not.toHaveProperty('rows_before')
  appendFileSync(join(folder.path, 'in/1.jsonl'), clicks(500, 700))
  const second = await runUntil(folder, 700, async () => {
    // What is read is written a little later.
    const status = await statusWhere(folder, ({ rows_out }) => rows_out === 700)
    expect(status).toMatchObject({ rows_in: 700, sources: [{ id: 'in', rows: 700 }], sinks: [{ rows: 700 }] })
    await stop(folder, 'whole')
  })
  expect(second.json).toMatchObject({ rows_in: 700, rows_before: 500, rows_out: 700 })
})

test('a job whose sink may show rows again counts them where it is stopped as in its summary', async () => {
  const sink = "files.sink('counts/', json(), { roll: { bytes: '1KiB' } }), { id: 'out', delivery: 'at-least-once' }"
  const folder = await folderOf(
    clicks(0, 300),
    undefined,
    clicksJob.replace("files.sink('counts/', json()), { id: 'out' }", sink),
  )
  let rows = 300
  // Rows of its second epoch are shown before that is written.
  const first = folder.start(['--epoch', '50ms'], { env: { ANABRANCH_FAILPOINT: 'prepare.sync:before:2' } })
  let isOver = false
  void first.ended.then(() => {
    isOver = true
  })
  await until(() => {
    appendFileSync(join(folder.path, 'in/1.jsonl'), clicks(rows, rows + 100))
    rows += 100
    return isOver
  })
  expect((await first.ended).signal).toBe('SIGKILL')
  const run = folder.start(['--epoch', '50ms'])
  await hasRead(folder, rows, run)
  const stopped = await folder.cli('stop', 'out', '--no-savepoint', '--json')
  const { json, stderr } = await run.ended
  const shown = folder.rows('counts').length
  expect(shown, stderr).toBeGreaterThan(rows)
  expect([stopped.json?.['rows_out'], json?.['rows_out']]).toEqual([shown, shown])
})

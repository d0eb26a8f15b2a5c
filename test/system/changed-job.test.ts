/** A job that is gone on with after it was changed: sinks and sources that are new, that are gone, and that come back. */
import { appendFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Ended } from '../support/cli.js'
import { type JobFolder, jobFolder } from '../support/job-folder.js'
import { type PushService, pushService } from '../support/push-service.js'
import { runUntil, stop } from '../support/clicks-job.js'

const push = `
import http.client, json
import anabranch as ab
Row = ab.schema({"n": ab.int64})

@ab.sink(inputs={"n": ab.int64})
def push(batch, key):
    connection = http.client.HTTPConnection("127.0.0.1", int(ab.context().params["port"]))
    connection.request("PUT", f"/{key}", json.dumps({"rows": batch.list("n"), "bytes": ""}))
    connection.getresponse().read()
`
const source = (id: string): string => `from(files('${id}/*.jsonl', json(t.Row), { tail: true }), { id: '${id}' })`
const united = (...ids: readonly string[]): string =>
  ids.map((id, i) => (i === 0 ? `.${source(id)}` : `.union(job('changed').${source(id)})`)).join('')
const lines = ".to(files.sink('lines/', json()), { id: 'lines' })"
const pushed = '.to(t.push)'
const jobOf = (...parts: readonly string[]): string => `
import { csv, files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
export default job('changed', { params: { port: 0 } })
  ${parts.join('\n  ')}
`

const inOrder = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, n) => from + n)
const numbers = (folder: JobFolder): readonly number[] =>
  folder
    .rows('lines')
    .map(row => Number(row['n']))
    .sort((a, b) => a - b)

interface Changing extends AsyncDisposable {
  readonly folder: JobFolder
  readonly service: PushService
  change(job: string): void
  /** More rows for a source. */
  append(to: string, rows: readonly number[]): void
  /** Goes on and kills itself when an epoch with some of the rows is written and no sink has it. */
  dies(...args: readonly string[]): Promise<void>
  /** Goes on until it has so many rows in all, and is stopped. */
  ends(rows: number, ...args: readonly string[]): Promise<Ended>
}

async function changing(job: string): Promise<Changing> {
  const service = await pushService()
  const folder = await jobFolder({ 'in/1.jsonl': '', 'more/1.jsonl': '', 'transforms.py': push, 'job.ts': job })
  const set = ['--set', `port=${service.port}`]
  return {
    folder,
    service,
    change: changed => writeFileSync(join(folder.path, 'job.ts'), changed),
    append: (to, rows) => appendFileSync(join(folder.path, to, '1.jsonl'), rows.map(n => `{"n":${n}}\n`).join('')),
    async dies(...args) {
      const env = { ANABRANCH_FAILPOINT: 'prepare.sync:after:1' }
      const run = await folder.start(['--epoch', '50ms', ...set, ...args], { env }).ended
      expect(run.signal, run.stderr).toBe('SIGKILL')
    },
    ends: (rows, ...args) => runUntil(folder, rows, () => stop(folder, `at-${rows}`), ...set, ...args),
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}

test('a sink that is added to a job that is gone on with gets the rows from there on, each once', async () => {
  await using job = await changing(jobOf(united('in'), lines))
  job.append('in', inOrder(0, 100))
  await job.ends(100)
  job.append('in', inOrder(100, 200))
  job.change(jobOf(united('in'), lines, pushed))
  await job.dies()
  job.append('in', inOrder(200, 300))
  await job.ends(300)
  expect(job.service.stored).toEqual(inOrder(100, 300))
  expect(numbers(job.folder)).toEqual(inOrder(0, 300))
})

test('a sink may be added where the last epoch before was not shown: it has no part in that one', async () => {
  await using job = await changing(jobOf(united('in'), lines))
  job.append('in', inOrder(0, 100))
  await job.dies()
  job.append('in', inOrder(100, 200))
  job.change(jobOf(united('in'), lines, pushed))
  await job.ends(200)
  const [first = -1] = job.service.stored
  expect(first).toBeGreaterThan(0)
  expect(job.service.stored).toEqual(inOrder(first, 200))
  expect(numbers(job.folder)).toEqual(inOrder(0, 200))
})

test('a sink that is gone is left behind with consent alone, and one that comes back goes on beside what it showed', async () => {
  await using job = await changing(jobOf(united('in'), lines, pushed))
  job.append('in', inOrder(0, 100))
  await job.ends(100)
  job.append('in', inOrder(100, 200))
  job.change(jobOf(united('in'), pushed))
  const { code, stderr } = await job.folder.run()
  expect([code, stderr]).toEqual([
    1,
    expect.stringContaining('has sink "lines", files of json, and the job has none of that id'),
  ])
  expect(stderr).toContain('--drop-state lines: rows that it was given and has not shown are lost')
  await job.dies('--drop-state', 'lines')
  await job.ends(200)
  job.append('in', inOrder(200, 300))
  job.change(jobOf(united('in'), lines, pushed))
  await job.dies()
  await job.ends(300)
  expect(job.service.stored).toEqual(inOrder(0, 300))
  expect(numbers(job.folder)).toEqual([...inOrder(0, 100), ...inOrder(200, 300)])
})

test('a slip in --drop-state is told once with what is stored, and refuses nothing: the command may be one that is run again', async () => {
  await using job = await changing(jobOf(united('in'), lines))
  job.append('in', inOrder(0, 100))
  await job.ends(100)
  job.append('in', inOrder(100, 200))
  const { stderr } = await job.ends(200, '--drop-state', 'line', '--drop-state', 'lines')
  expect(stderr.match(/warning: --drop-state.*/g)).toEqual([
    'warning: --drop-state line leaves nothing behind: nothing is stored under that id; there is source "in", sink "lines"',
    'warning: --drop-state lines leaves nothing behind: the job has sink "lines" as it was',
  ])
  expect(numbers(job.folder)).toEqual(inOrder(0, 200))
})

test('a sink that is of another kind now begins where the job is, with consent alone', async () => {
  await using job = await changing(jobOf(united('in'), lines))
  job.append('in', inOrder(0, 100))
  await job.dies()
  job.change(jobOf(united('in'), lines.replace('json()', 'csv()')))
  const refused = await job.folder.run()
  expect(refused.stderr).toContain('sink "lines" is files of csv, and was files of json in the run that is to go on')
  const ended = await job.ends(100, '--drop-state', 'lines')
  expect(ended.stderr).toContain('warning: sink "lines", files of json, is left behind')
})

test('a source that is added is read from its beginning, and one that is gone is left behind with consent alone', async () => {
  await using job = await changing(jobOf(united('in'), lines))
  job.append('in', inOrder(0, 100))
  job.append('more', inOrder(100, 200))
  await job.ends(100)
  job.change(jobOf(united('in', 'more'), lines))
  await job.dies()
  await job.ends(200)
  job.append('more', inOrder(200, 300))
  job.change(jobOf(united('more'), lines))
  const refused = await job.folder.run()
  expect(refused.stderr).toContain('ANB6103 the run that is to go on has source "in", tail of json')
  const ended = await job.ends(300, '--drop-state', 'in')
  expect(ended.stderr).toContain('source "in", tail of json, is left behind: where it stopped is forgotten')
  expect(numbers(job.folder)).toEqual(inOrder(0, 300))
})

test('a followed file that was deleted while nothing ran is refused, until the job says that it goes on without', async () => {
  await using job = await changing(jobOf(united('in'), lines))
  job.append('in', inOrder(0, 100))
  await job.ends(100)
  rmSync(join(job.folder.path, 'in/1.jsonl'))
  writeFileSync(join(job.folder.path, 'in/2.jsonl'), '{"n":100}\n{"n":101}\n')
  const refused = await job.folder.run()
  // The new file may have got its inode.
  expect(refused.stderr).toMatch(/ANB4012 file "in\/1.jsonl" (is gone|was cut)/)
  expect(refused.stderr).toContain("go on with what is there, and lose what is not: onLost: 'earliest'")
  job.change(jobOf(united('in'), lines).replace('tail: true', "tail: true, onLost: 'earliest'"))
  const ended = await job.ends(102)
  expect(ended.stderr).toMatch(/warning: file "in\/1.jsonl" .*; what it had behind byte 890 and nobody read is lost/)
  expect(numbers(job.folder)).toEqual(inOrder(0, 102))
})

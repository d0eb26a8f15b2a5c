/** A running job asked and told from outside: status, stop, cancel, workers; and who asks where nothing runs. */
import { lstatSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasWritten, statusWhere } from '../support/asked.js'
import { until } from '../support/fault-job.js'
import { type Row } from '../support/job-folder.js'
import { type SocketJob, socketJob } from '../support/socket-job.js'

const files = `files.sink('rows/', json())`

/** The job runs and has read `rows` rows. */
async function running(sink: string, rows: number, ...args: readonly string[]) {
  const job = await socketJob(sink)
  const run = job.folder.start(args)
  await until(() => job.connected)
  job.feed(0, rows)
  await hasWritten(job.folder, rows)
  return { job, run, folder: job.folder }
}

const ask = async (job: SocketJob, ...words: readonly string[]) => {
  const ended = await job.folder.cli(...words, 'out', '--json')
  return { ...ended, json: ended.json ?? {} }
}

const twice = (rows: readonly Row[]) => rows.map(row => [row['id'], row['twice']])
const expected = (rows: number) => Array.from({ length: rows }, (_, id) => [id, id * 2])

describe('a running job', () => {
  test('says what it does, for people and for programs, and ends when it is stopped, with all that it read', async () => {
    // An epoch that is due while the rows are on their way would be told to have waited for them.
    const { job, run, folder } = await running(files, 1_000, '--epoch', '600s')
    const { json } = await ask(job, 'status')
    expect(json).toMatchObject({
      job: 'lines',
      pid: run.pid,
      state: 'running',
      epochs: { open: expect.any(Number), delayed_by: null },
      rows_in: 1_000,
      rows_out: 1_000,
      rows_dead: 0,
      sources: [{ id: 'socket', rows: 1_000, lag: { count: 0, unit: 'bytes' } }],
      stages: [{ operators: ['work'], rows_in: 1_000, rows_out: 1_000, queue_rows: 0, held: null }],
      sinks: [{ id: 'rows', rows: 1_000, queue_rows: 0 }],
      workers: { min: 1, by_load: false, restarts: 0 },
    })
    const text = await folder.cli('status', 'job.ts', '--watch', '--json')
    expect(text.code, text.stderr).toBe(75) // `job.ts` means out/lines, and this one has another --out
    const table = await folder.cli('status', 'out')
    expect(table.stdout).toMatch(
      /job "lines" running for .*, process \d+\n {2}epoch \d+ open for .*\n {2}rows in +1,000 /,
    )
    expect(table.stdout).toMatch(/\n {2}stage +rows in +rows out .*\n {2}work +1,000 +1,000 /)

    expect(lstatSync(join(folder.path, 'out/state/control')).isSymbolicLink()).toBe(true)
    const socket = readlinkSync(join(folder.path, 'out/state/control'))
    expect(lstatSync(socket).mode & 0o777).toBe(0o600)

    const stopped = await ask(job, 'stop')
    expect(stopped.json).toEqual({ end: 'finished', rows_in: 1_000, rows_out: 1_000, rows_dead: 0 })
    expect((await run.ended).code).toBe(0)
    expect(twice(folder.rows('rows'))).toEqual(expected(1_000))
    job.end()
  })

  test('ends at once when it is cancelled, and its run says so', async () => {
    const { job, run } = await running(files, 10)
    const cancelled = await ask(job, 'cancel')
    expect(cancelled.json).toMatchObject({ end: 'failed' })
    const { code, json } = await run.ended
    expect([code, json]).toMatchObject([
      130,
      { error: { code: 'ANB3008', message: 'the run was cancelled before it was done' } },
    ])
    job.end()
  })

  test('keeps a second run out of its folder, and once it was killed names the process and lets the next one in', async () => {
    const { job, run, folder } = await running(files, 10)
    const second = await folder.run()
    expect([second.code, second.json]).toMatchObject([75, { error: { code: 'ANB4007' } }])
    expect((await ask(job, 'status')).code).toBe(0)

    run.child.kill('SIGKILL')
    await run.ended
    const dead = await ask(job, 'status')
    expect([dead.code, dead.json]).toMatchObject([75, { error: { code: 'ANB4020' } }])
    expect(dead.stderr).toContain(`process ${run.pid} began one and is gone`)
    expect(dead.stderr).toContain('npx anabranch run JOB.ts')

    const next = folder.start([])
    job.feed(0, 10)
    await statusWhere(folder, ({ state }) => state === 'running')
    next.child.kill('SIGINT')
    await next.ended
    job.end()
  })
})

test('metrics of a running job are there while it runs, by the rows that it has read', async () => {
  const { job, run } = await running(files, 100, '--metrics-port', '0')
  const [, address = ''] = /metrics at (\S+)/.exec(await run.printed('metrics at ')) ?? []
  const page = await fetch(address).then(response => response.text())
  expect(page).toContain('\nanabranch_rows_in_total{pipeline="lines"} 100\n')
  await ask(job, 'stop')
  await run.ended
  await expect(fetch(address)).rejects.toThrow()
  job.end()
})

describe('the workers of a running job', () => {
  test('are more and fewer while it runs, and nothing of the output shows it', async () => {
    const { job, run, folder } = await running(files, 500, '--workers', '1', '--spares', '0', '--batch-rows', '20')
    let fed = 500
    for (const [set, least, most] of [
      ['3', 2, 3],
      ['1', 1, 1],
      ['4', 2, 4],
      ['1', 1, 1],
    ] as const) {
      const said = await ask(job, 'workers', 'set', set)
      expect(said.json).toMatchObject({ max: Number(set), by_load: false })
      for (;;) {
        job.feed(fed, 2_000)
        fed += 2_000
        const { json } = await ask(job, 'workers')
        const count = Array.isArray(json['list']) ? json['list'].length : 0
        if (count >= least && count <= most) break
      }
    }
    await hasWritten(folder, fed)
    expect((await ask(job, 'stop')).json).toMatchObject({ end: 'finished', rows_in: fed, rows_out: fed })
    expect((await run.ended).code).toBe(0)
    expect(twice(folder.rows('rows'))).toEqual(expected(fed))
    job.end()
  })

  test('follow the load between two limits, and are refused where the limits are none', async () => {
    // Without rows there is no load, however slow the machine is.
    const { job, run } = await running('nullSink()', 0, '--workers', '1..3', '--epoch', 'off')
    expect((await ask(job, 'status')).json).toMatchObject({
      epochs: null,
      workers: { min: 1, max: 3, by_load: true, wanted: 1 },
    })
    expect((await ask(job, 'workers', 'set', '2..2')).json).toMatchObject({ min: 2, max: 2, by_load: true, wanted: 2 })
    for (const word of ['0', '3..1', 'many', '1..257']) expect((await ask(job, 'workers', 'set', word)).code).toBe(2)
    expect((await ask(job, 'stop')).code).toBe(0)
    await run.ended
    job.end()
  })
})

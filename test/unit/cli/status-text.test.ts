/** How a running job's status reads, and what words mean how many workers. */
import { expect, test } from 'vitest'
import { rangeOf } from '../../../src/cli/worker-range.js'
import { snaked } from '../../../src/cli/snaked.js'
import { statusText } from '../../../src/cli/status-text.js'
import { type JobStatus } from '../../../src/runtime/index.js'

const status: JobStatus = {
  job: 'clicks',
  pid: 4_711,
  state: 'running',
  started: '2026-01-01T00:00:00.000Z',
  seconds: 185,
  restarts: 0,
  epochs: { epoch: 12, ageMs: 400, lastCutMs: 22.6, delayedBy: 'a call of "score"', open: 1, waitsForDisk: false },
  stateBytes: 3 << 20,
  rowsIn: 1_234_567,
  rowsOut: 1_234_000,
  rowsDead: 12,
  rowsInPerSecond: { lastSecond: 12_345, lastMinute: 11_800 },
  rowsOutPerSecond: { lastSecond: 12_300, lastMinute: 11_790 },
  deadByOperator: [{ operator: 'score', rows: 12 }],
  sources: [
    { id: 'clicks', rows: 1_234_567, lag: { count: 5_000_000, unit: 'bytes' } },
    { id: 'users', rows: 10, lag: null },
  ],
  stages: [
    {
      id: 'score',
      operators: ['enrich', 'score'],
      rowsIn: 1_234_567,
      rowsOut: 1_234_000,
      rowsInPerSecond: { lastSecond: 12_345, lastMinute: 0 },
      rowsOutPerSecond: { lastSecond: 0, lastMinute: 0 },
      calls: 321,
      callsOut: 2,
      busyMs: 160_000,
      backPressuredMs: 4_000,
      busyTimeMsPerSecond: 874,
      backPressuredTimeMsPerSecond: 21,
      queueRows: 555,
      held: { lanes: 2, forMs: 12_000, reason: 'connection refused' },
      stateBytes: 3 << 20,
      beyond: {
        budgetBytes: 4 << 20,
        keys: 40_000,
        entries: 2_000_000,
        asked: 90_000,
        found: 85_000,
        left: 2_010_000,
        expired: 7,
      },
    },
  ],
  sinks: [{ id: 'features', rows: 1_234_000, queueRows: 0 }],
  workers: {
    min: 1,
    max: 8,
    byLoad: true,
    wanted: 1,
    spares: 1,
    restarts: 3,
    list: [
      { worker: 4, pid: 5_001, state: 'ready', leases: 2, calls: 321, rssBytes: 85 << 20 },
      { worker: 5, pid: null, state: 'starting', leases: 0, calls: 0, rssBytes: 0 },
    ],
  },
}

test('a status is what the job is about, and its way from sources to sinks in columns', () => {
  expect(statusText(status)).toBe(`job "clicks" running for 3 min 5 s, process 4711
  epoch 12 open for 0.4 s, last cut 23 ms (waited for a call of "score"), 1 prepared and not finished
  rows in    1,234,567  12.3 k/s  11.8 k/s in a minute
  rows out   1,234,000  12.3 k/s  11.8 k/s in a minute
  rows dead         12

  source       rows   behind
  clicks  1,234,567  4.8 MiB
  users          10
  stage            rows in   rows out  rows/s  calls  busy  back-pressured  waiting    state
  enrich, score  1,234,567  1,234,000  12.3 k    321  87 %             2 %      555  3.0 MiB
  state of       may take  keys in memory  entries beyond it    read  of them found       left
  enrich, score   4.0 MiB          40,000          2,000,000  90,000         85,000  2,010,000
  score: 2 lanes wait for a service, for 12 s: connection refused
  sink           rows  waiting
  features  1,234,000        0
  dead letters of  rows
  score              12
  worker   pid  state     leases  calls  memory
       4  5001  ready          2    321  85 MiB
       5        starting       0      0
  1 wanted (1 to 8 by load), 1 spare, 3 replaced`)
})

test('a job that reads nothing since its disk is nearly full says so behind its epoch', () => {
  const full = {
    ...status,
    epochs: { epoch: 4, ageMs: 15_000, lastCutMs: 0, delayedBy: null, open: 0, waitsForDisk: true },
  }
  expect(statusText(full)).toContain(`  epoch 4 open for 15 s, last cut 0 ms, 0 prepared and not finished
  the disk of its state is nearly full: no more rows are read until there is room
  rows in `)
})

test('a job that failed and was begun again says how often', () => {
  const first = (restarts: number) => statusText({ ...status, restarts }).split('\n')[0]
  expect(first(1)).toBe('job "clicks" running for 3 min 5 s, process 4711, begun again once after a failure')
  expect(first(3)).toContain('begun again 3 times after a failure')
})

test('what is not there is not spoken of', () => {
  const idle = { ...status, epochs: null, deadByOperator: [], workers: { ...status.workers, byLoad: false, list: [] } }
  const text = statusText(idle)
  expect(text).not.toMatch(/epoch|dead letters|pid /)
  expect(text).toContain('1 wanted (at most 8), 1 spare, 3 replaced')
})

test('names in JSON are those of run --json, all the way down; values stay as they are', () => {
  expect(snaked({ rowsIn: 1, list: [{ rssBytes: 2, state: 'rowsIn' }], held: null })).toEqual({
    rows_in: 1,
    list: [{ rss_bytes: 2, state: 'rowsIn' }],
    held: null,
  })
})

test('workers are a number, or two for a pool that follows its load', () => {
  const range = (word: string) => rangeOf({ usage: 'run' }, '--workers', word)
  expect([range('4'), range('1..8')]).toEqual([
    { min: null, max: 4 },
    { min: 1, max: 8 },
  ])
  for (const word of ['0', '257', '8..1', '0..3', '1..', '..4', '1-4', '', '1.5'])
    expect(() => range(word)).toThrow('a whole number of 1 to 256, or two such as 1..8')
})

/** The metrics of a run as Prometheus's own parser reads them, who may ask for them, and that the list of them is true. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { silent } from '../../../src/base/index.js'
import { exposition } from '../../../src/metrics/exposition.js'
import { metrics, metricsTable } from '../../../src/metrics/families.js'
import { Metrics } from '../../../src/metrics/index.js'
import { type JobStatus, type RunPlace, openWorld } from '../../../src/runtime/index.js'
import { repository } from '../../support/repository.js'

const rate = { lastSecond: 0, lastMinute: 0 }
const status: JobStatus = {
  job: 'a "job"\nof \\ ours',
  pid: 1,
  state: 'running',
  started: '2026-01-01T00:00:00.000Z',
  seconds: 5,
  restarts: 0,
  epochs: { epoch: 7, ageMs: 250, lastCutMs: 40, delayedBy: null, open: 1, waitsForDisk: false },
  stateBytes: 4_096,
  rowsIn: 10,
  rowsOut: 8,
  rowsDead: 2,
  rowsInPerSecond: rate,
  rowsOutPerSecond: rate,
  deadByOperator: [{ operator: 'score', rows: 2 }],
  sources: [
    { id: 'clicks', rows: 10, lag: { count: 512, unit: 'bytes' } },
    { id: 'users', rows: 0, lag: { count: 3, unit: 'rows' } },
    { id: 'own', rows: 0, lag: null },
  ],
  stages: [
    {
      id: 'score',
      operators: ['score'],
      rowsIn: 10,
      rowsOut: 8,
      rowsInPerSecond: rate,
      rowsOutPerSecond: rate,
      calls: 3,
      callsOut: 0,
      busyMs: 1_500,
      backPressuredMs: 250,
      busyTimeMsPerSecond: 0,
      backPressuredTimeMsPerSecond: 0,
      queueRows: 4,
      held: { lanes: 2, forMs: 1_500, reason: 'away' },
      stateBytes: 4_096,
      beyond: { budgetBytes: 8_192, keys: 30, entries: 70, asked: 110, found: 60, left: 90, expired: 5 },
    },
  ],
  sinks: [{ id: 'out', rows: 8, queueRows: 1 }],
  workers: {
    min: 1,
    max: 4,
    byLoad: false,
    wanted: 1,
    spares: 1,
    restarts: 2,
    list: [
      { worker: 3, pid: 9, state: 'ready', leases: 0, calls: 3, rssBytes: 1_000 },
      { worker: 4, pid: 10, state: 'spare', leases: 0, calls: 0, rssBytes: 0 },
    ],
  },
}

/** What `prometheus_client` makes of a page: type, and value by the labels beside `pipeline`. */
const script = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
found = {}
for family in text_string_to_metric_families(sys.stdin.read()):
    for s in family.samples:
        labels = dict(s.labels)
        assert labels.pop("pipeline") == ${JSON.stringify(status.job)}
        found.setdefault(s.name, {"type": family.type, "help": family.documentation, "values": {}})
        found[s.name]["values"][",".join(labels.values())] = s.value
print(json.dumps(found))
`
type Parsed = Readonly<
  Record<string, { readonly type: string; readonly help: string; readonly values: Readonly<Record<string, number>> }>
>
function parsed(page: string): Parsed {
  const python = join(repository, '.venv', 'bin', 'python')
  return JSON.parse(execFileSync(python, ['-c', script], { input: page, encoding: 'utf8' }))
}

let closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing) await close()
  closing = []
})

/** Serves the status above. Answers the address, and the observer that metrics hear of. */
async function serving() {
  let address = ''
  const served = new Metrics(0, at => {
    address = at
  })
  const job = { status: () => status, stop: noEnd, cancel: noEnd, setWorkers: () => status.workers }
  const world = openWorld()
  const place: RunPlace = { out: '/', runFolder: '/', world, announce: () => undefined }
  const open = await served.serving(job, place)
  closing = [() => open.close(), () => world.close()]
  return { address, observer: served.observing(silent) }
}
const noEnd = () => new Promise<never>(() => undefined)

/** Status code and page of a request. */
function get(
  address: string,
  options: { path?: string; method?: string; host?: string } = {},
): Promise<[number, string]> {
  const { path = '/metrics', method = 'GET', host } = options
  return new Promise((resolve, reject) => {
    const headers = host === undefined ? {} : { host }
    const asked = request(new URL(path, address), { method, headers }, response => {
      let page = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        page += part
      })
      response.on('end', () => resolve([response.statusCode ?? 0, page]))
    })
    asked.on('error', reject)
    asked.end()
  })
}

describe('metrics of a run', () => {
  test('are read by the parser of Prometheus with the values of the status, in base units', async () => {
    const { address, observer } = await serving()
    observer.count('lease.resent', 2)
    observer.count('lease.resent')
    observer.count('user.cache "hits"', 5)
    const [code, page] = await get(address)
    expect(code).toBe(200)
    const found = parsed(page)
    const values = Object.fromEntries(Object.entries(found).map(([name, { values: each }]) => [name, each]))
    expect(values).toMatchObject({
      anabranch_rows_in_total: { '': 10 },
      anabranch_rows_out_total: { '': 8 },
      anabranch_rows_dead_total: { '': 2 },
      anabranch_dead_letters_total: { score: 2 },
      anabranch_source_rows_total: { clicks: 10, users: 0, own: 0 },
      anabranch_source_lag_bytes: { clicks: 512 },
      anabranch_source_lag_rows: { users: 3 },
      anabranch_sink_rows_total: { out: 8 },
      anabranch_sink_queue_rows: { out: 1 },
      anabranch_stage_rows_in_total: { score: 10 },
      anabranch_stage_rows_out_total: { score: 8 },
      anabranch_stage_calls_total: { score: 3 },
      anabranch_stage_busy_seconds_total: { score: 1.5 },
      anabranch_stage_back_pressured_seconds_total: { score: 0.25 },
      anabranch_stage_queue_rows: { score: 4 },
      anabranch_stage_held_lanes: { score: 2 },
      anabranch_stage_held_seconds: { score: 1.5 },
      anabranch_stage_state_bytes: { score: 4_096 },
      anabranch_epoch: { '': 7 },
      anabranch_epoch_age_seconds: { '': 0.25 },
      anabranch_epoch_last_cut_seconds: { '': 0.04 },
      anabranch_epochs_prepared: { '': 1 },
      anabranch_workers: { ready: 1, spare: 1, starting: 0, draining: 0, ending: 0 },
      anabranch_workers_wanted: { '': 1 },
      anabranch_workers_max: { '': 4 },
      anabranch_workers_resident_bytes: { '': 1_000 },
      anabranch_worker_restarts_total: { '': 2 },
      anabranch_start_time_seconds: { '': 1_767_225_600 },
      anabranch_events_total: { 'lease.resent': 3 },
      anabranch_user_total: { 'cache "hits"': 5 },
    })
    expect(found['anabranch_host_cpu_seconds_total']?.values['']).toBeGreaterThan(0)
    expect(Object.keys(found).sort()).toEqual(metrics.map(({ name }) => name).sort())
  })

  test('are nothing where nothing is known, rather than a zero', () => {
    const reading = {
      status: { ...status, epochs: null, sources: [], deadByOperator: [] },
      events: new Map(),
      userCounters: new Map(),
      host: { rssBytes: 1, cpuSeconds: 1 },
    }
    const page = exposition(
      metrics.map(metric => [metric, metric.read(reading)]),
      { pipeline: status.job },
    )
    const names = Object.keys(parsed(page))
    expect(names.filter(name => /epoch|lag|user|events|dead_letters/.test(name))).toEqual([])
  })

  test('are for this machine, at one path: a page of another site is refused by the name that it asked', async () => {
    const { address } = await serving()
    expect(new URL(address).hostname).toBe('127.0.0.1')
    expect(await get(address, { host: 'evil.example' })).toEqual([403, 'ask 127.0.0.1\n'])
    expect((await get(address, { host: 'localhost:1' }))[0]).toBe(200)
    expect((await get(address, { path: '/' }))[0]).toBe(404)
    expect((await get(address, { method: 'POST' }))[0]).toBe(405)
    expect(await get(address, { method: 'HEAD' })).toEqual([200, ''])
  })

  test('are refused in words where the port is taken', async () => {
    const { address } = await serving()
    const port = Number(new URL(address).port)
    const world = openWorld()
    const job = { status: () => status, stop: noEnd, cancel: noEnd, setWorkers: () => status.workers }
    const place: RunPlace = { out: '/', runFolder: '/', world, announce: () => undefined }
    closing.push(() => world.close())
    await expect(new Metrics(port, () => undefined).serving(job, place)).rejects.toThrow(
      `could not serve metrics on 127.0.0.1:${port}`,
    )
  })
})

describe('the names of metrics', () => {
  test('are those that README.md of the room lists', () => {
    expect(readFileSync(join(repository, 'src/metrics/README.md'), 'utf8')).toContain(`\n${metricsTable()}\n`)
  })

  test('follow the rules of Prometheus: one each, counters end in _total, gauges do not', () => {
    const names = metrics.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const { name, type } of metrics) {
      expect(name).toMatch(/^anabranch_[a-z_]+$/)
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter'])
    }
  })
})

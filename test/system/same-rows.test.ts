/**
 * The property of the product, with real workers: the same input gives the same rows, in order for each split and key,
 * and the same dead letters, for every batch size, worker count and lane count, in peace and while workers are killed.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Ended } from '../support/cli.js'
import { type JobFolder, type Row, jobFolder } from '../support/job-folder.js'
import { repository } from '../support/repository.js'
import { runFolder } from '../support/run-folder.js'
import { killWorkers } from '../support/strike.js'

/** Each worker count with each lane count, and each of both with each batch size. */
const ways: readonly (readonly string[])[] = [
  ['--workers', '1', '--lanes', '1', '--batch-rows', '4096'],
  ['--workers', '1', '--lanes', '4', '--batch-rows', '97'],
  ['--workers', '1', '--lanes', '7'],
  ['--workers', '2', '--lanes', '1', '--batch-rows', '97'],
  ['--workers', '2', '--lanes', '4'],
  ['--workers', '2', '--lanes', '7', '--batch-rows', '4096'],
  ['--workers', '3', '--lanes', '1'],
  ['--workers', '3', '--lanes', '4', '--batch-rows', '4096'],
  ['--workers', '3', '--lanes', '7', '--batch-rows', '97'],
]
const struckWay = ['--workers', '2', '--lanes', '4', '--batch-rows', '1024']
const strikesMin = 2
/** Python of the first call: a quick machine would be through with all rows before workers were killed so often. */
const waitsWhileHeld = 'while __import__("os").path.exists("held"): __import__("time").sleep(0.01)'

/** Runs it every way, and once while its workers are killed; answers what was seen each time. */
async function everyWay(
  job: JobFolder,
  seen: () => unknown,
): Promise<readonly (readonly [way: string, seen: unknown])[]> {
  const found: (readonly [string, unknown])[] = []
  const look = (way: readonly string[], run: Ended): void => {
    expect(run.code, run.stderr).toBe(0)
    found.push([way.join(' '), seen()])
  }
  for (const way of ways) look(way, await job.run(...way))
  const held = join(job.path, 'held')
  writeFileSync(held, '')
  const letGo = (struck: number): void => (struck === strikesMin ? rmSync(held) : undefined)
  const { run, struck } = await killWorkers(job, job.start(struckWay), { times: 5, all: false, struck: letGo })
  expect(struck).toBeGreaterThanOrEqual(strikesMin)
  look([...struckWay, 'with workers killed'], run)
  return found
}

/** Dead letters without what tells how often a row was tried. */
const letters = (job: JobFolder): readonly string[] =>
  job
    .deadLetters()
    .map(({ attempt: _, capture: __, ...rest }) => JSON.stringify(rest))
    .toSorted()

describe('the flights, the first of them', () => {
  const data = join(repository, 'node_modules', 'vega-datasets', 'data')
  const python = (...args: readonly string[]): string =>
    execFileSync(join(repository, '.venv', 'bin', 'python'), args, { encoding: 'utf8' })
  const script = (name: string): string => join(repository, 'test', 'support', name)

  test('are scored to the bit as a plain loop does it, whatever the workers, lanes and batches', {
    timeout: 180_000,
  }, async () => {
    const cut = join(mkdtempSync(join(runFolder().jobs, 'cut')), 'flights.parquet')
    python(script('cut_flights.py'), join(data, 'flights-3m.parquet'), cut, '100000')
    const example = (name: string): string => readFileSync(join(repository, 'examples', 'flights', name), 'utf8')
    const airports = join(data, 'airports.csv')
    const job = await jobFolder({
      'flights.parquet': readFileSync(cut),
      'transforms.py': example('transforms.py').replace(/^(?= {4}lat1, lon1 =)/m, `    ${waitsWhileHeld}\n`),
      // The example's own chain, with other files.
      'job.ts': example('job.ts')
        .replace('params: { airports: `${data}/airports.csv` }', `params: { airports: '${airports}' }`)
        .replace('`${data}/flights-3m.parquet`', "'flights.parquet'"),
    })
    const out = join(job.path, 'out')
    const found = await everyWay(job, () => [JSON.parse(python(script('flights_digest.py'), out)), letters(job)])
    const [first] = found
    for (const [way, seen] of found) expect([way, seen]).toEqual([way, first?.[1]])
    const plain: { different: readonly string[] } = JSON.parse(python(script('flights_oracle.py'), cut, airports, out))
    expect(plain.different).toEqual([])
  })
})

describe('a job of every kind of transform over two sources', () => {
  const n = 1_000
  const transforms = `
import numpy as np
import pyarrow.compute as pc
import anabranch as ab

Row = ab.schema({"id": ab.int64, "key": ab.utf8, "x": ab.float64})

@ab.transform(inputs={"x": ab.float64}, outputs={"y": ab.float64})
def scale(batch):
    ${waitsWhileHeld}
    ab.reject(pc.equal(batch["x"], 13.0), "thirteen")
    return {"y": batch.numpy("x") * 3 + 1}

@ab.transform(inputs={"id": ab.int64, "y": ab.float64}, outputs={"label": ab.utf8}, mode="row")
def label(row):
    if row["id"] % 97 == 5:
        raise ValueError("five")
    return {"label": f"{row['id']}:{row['y']}"}

@ab.flat_map(inputs={"id": ab.int64}, outputs={"child": ab.int32}, side={"odd": {"id": ab.int64}})
def spread(batch):
    ids = batch.numpy("id")
    if (ids % 211 == 7).any():
        raise ValueError("two hundred and eleven")
    times = ids % 3
    parent = np.repeat(np.arange(len(ids), dtype=np.int32), times)
    first = np.repeat(np.cumsum(times) - times, times)
    odd = np.flatnonzero(ids % 2).astype(np.int32)
    columns = {"child": (np.arange(len(parent)) - first).astype(np.int32), "parent": parent}
    return ab.result(columns, odd=({"id": ids[odd]}, odd))

@ab.filter(inputs={"id": ab.int64})
def keep(batch):
    return batch.numpy("id") % 5 != 0

def left(keys, state):
    return {"key": keys["key"], "n": state["n"], "total": state["total"]}

@ab.keyed(inputs={"y": ab.float64}, state={"n": ab.int64.default(0), "total": ab.float64.default(0.0)},
          outputs={"nth": ab.int64, "sum": ab.float64}, at_end=left,
          side={"totals": {"key": ab.utf8, "n": ab.int64, "total": ab.float64}})
def running(batch, state):
    y, nth, sums = batch.numpy("y"), np.empty(len(batch), np.int64), np.empty(len(batch))
    def step(rows, keys, n, total):
        n += 1
        total += y[rows]
        nth[rows], sums[rows] = n, total
    n, total = state.rounds(step, state["n"], state["total"])
    return {"nth": nth, "sum": sums}, {"n": n, "total": total}

@ab.keyed(inputs={"child": ab.int32}, state={"last": ab.int32}, outputs={"before": ab.int32}, mode="row")
def previous(row, state):
    if row["child"] == 1 and state and state["last"] == 1:
        raise ValueError("twice one")
    return {"before": state["last"] if state else None}, {"last": row["child"]}
`
  const jobText = `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const all = job('every-kind', { maxDead: 5000 })
const both = all.from(files('a-*.jsonl', json(t.Row))).union(all.from(files('b.jsonl', json(t.Row))))
const labelled = both.apply(t.scale).apply(t.label).select('id', 'key', 'y', { label: 'name' }).to(files.sink('labelled/', json()))
const spread = labelled.flatMap(t.spread)
spread.side('odd').to(files.sink('odd/', json()))
const counted = spread.filter(t.keep).keyBy('key').apply(t.running)
counted.side('totals').to(files.sink('totals/', json()))
export default counted.apply(t.previous).to(files.sink('rows/', json()))
`
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, i) => {
      const id = from + i
      return `${JSON.stringify({ id, key: id % 50 === 49 ? null : `k${(id * 7919) % 23}`, x: id % 101 })}\n`
    }).join('')

  test('gives the same rows and dead letters, whatever the workers, lanes and batches', {
    timeout: 120_000,
  }, async () => {
    const job = await jobFolder({
      'transforms.py': transforms,
      'job.ts': jobText,
      'a-1.jsonl': lines(0, n),
      'a-2.jsonl': `${lines(n, 2 * n)}no row\n`,
      'b.jsonl': lines(2 * n, 3 * n),
    })
    const text = (rows: readonly Row[]): readonly string[] => rows.map(row => JSON.stringify(row))
    // Between keys no order is promised, so the rows of a keyed sink are put together by key, each key's in their order.
    const byKey = (rows: readonly Row[]): readonly string[] =>
      text(rows.toSorted((a, b) => String(a['key']).localeCompare(String(b['key']))))
    const found = await everyWay(job, () => ({
      labelled: text(job.rows('labelled')),
      odd: text(job.rows('odd')),
      rows: byKey(job.rows('rows')),
      totals: text(job.rows('totals')).toSorted(),
      letters: letters(job),
    }))
    const [first] = found
    for (const [way, seen] of found) expect([way, seen]).toEqual([way, first?.[1]])
    const codes = new Set(job.deadLetters().map(letter => (letter['error'] as Row)['code']))
    expect([...codes].sort()).toEqual(['ANB2001', 'ANB2002', 'ANB2003', 'ANB2006'])
  })
})

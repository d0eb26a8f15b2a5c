/** Lists and maps of keys through the real engine: the same over columns, once a key and once a row, for any batch size. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { runUntil, stop } from '../support/clicks-job.js'
import { type Row, jobFolder, leastBudget } from '../support/job-folder.js'
import { enough, hasWorked, pacedSource } from '../support/paced-job.js'

const transforms = `
import numpy as np
import anabranch as ab

Row = ab.schema({"user": ab.utf8, "day": ab.int64, "page": ab.utf8, "x": ab.int64})

def at_end(keys, state):
    return {"user": keys["user"], "seen": state["seen"].lengths, "pages": np.bincount(state["nth"].keys, minlength=len(state))}

declared = {
    "inputs": {"page": ab.utf8, "x": ab.int64},
    "state": {
        "count": ab.value_state(ab.int64.default(0), ttl=ab.ttl("1d")),
        "seen": ab.list_state(ab.int64, reads=True, ttl=ab.ttl("1d", update="on_read_and_write")),
        "log": ab.list_state(ab.utf8),
        "nth": ab.map_state(ab.utf8, ab.int64, entries="page"),
    },
    "outputs": {"length": ab.int64, "nth": ab.int64, "count": ab.int64},
    "side": {"totals": {"user": ab.utf8, "seen": ab.int32, "pages": ab.int64}},
    "at_end": at_end,
}

@ab.keyed(**declared)
def columnar(batch, state):
    seen, nth = state["seen"], state["nth"]
    ab.reject(batch.numpy("x") % 50 == 49, "unlucky")
    seen.append(batch["x"])
    state["log"].append(batch["page"])
    before = nth.numpy(null=0)
    nth.put(before + nth.counts)
    count = state.numpy("count")
    return {
        "length": seen.lengths[state.index] + state.rank,
        "nth": before[nth.index] + nth.rank,
        "count": count[state.index] + state.rank,
    }, {"count": count + state.counts}

def one(row, state):
    out = {"length": len(state.seen.get()), "nth": state.nth.get(row["page"], 0), "count": state["count"]}
    state.count.update(state["count"] + 1)
    state.seen.add(row["x"])
    state.log.add(row["page"])
    state.nth.put(row["page"], out["nth"] + 1)
    return out

@ab.keyed(**declared, mode="key")
def of_key(batch, state):
    ab.reject(batch.numpy("x") % 50 == 49, "unlucky")
    out = [one(row, state) for row in batch.arrow().to_pylist()]
    return {name: [row[name] for row in out] for name in ("length", "nth", "count")}

@ab.keyed(**declared, mode="row")
def of_row(row, state):
    ab.reject(row["x"] % 50 == 49, "unlucky")
    return one(row, state)

@ab.transform(inputs={"page": ab.utf8}, outputs={"page": ab.utf8})
def upper(batch):
    return {"page": [page.upper() for page in batch.list("page")]}
`

const job = (name: string, before = ''): string => `
import { files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const s = job('modes').from(files('input/*.jsonl', json(t.Row)))${before}.keyBy('user', 'day').apply(t.${name})
s.to(files.sink('rows/', json()))
export default s.side('totals').to(files.sink('totals/', json()))
`

const count = 4_000
const pages = ['/', '/x', '/longer/than/that']
const rowsOf = (length: number) =>
  Array.from({ length }, (_, i) => ({
    user: `u${(i * 7) % 23}`,
    day: i % 2,
    page: pages[(i * 5) % 3] ?? '',
    x: (i * 31) % 1_000,
  }))
const rows = rowsOf(count)
/** The same rows for as long as a test wants. */
const source = pacedSource(
  10,
  `{ user: 'u' + (n * 7) % 23, day: BigInt(n % 2), page: ${JSON.stringify(pages)}[(n * 5) % 3], x: BigInt((n * 31) % 1_000) }`,
)
const input = `${rows.map(row => JSON.stringify(row)).join('\n')}\n`

/** A plain loop over the rows. */
function expected(upper: boolean, of = rows): readonly unknown[] {
  const seen = new Map<string, number>()
  const nth = new Map<string, number>()
  return of
    .filter(({ x }) => x % 50 !== 49)
    .map(row => {
      const page = upper ? row.page.toUpperCase() : row.page
      const key = `${row.user} ${row.day}`
      const entry = `${key} ${page}`
      const out = { ...row, page, length: seen.get(key) ?? 0, nth: nth.get(entry) ?? 0, count: seen.get(key) ?? 0 }
      seen.set(key, out.length + 1)
      nth.set(entry, out.nth + 1)
      return out
    })
}

const text = (row: unknown): string => JSON.stringify(row)
const sorted = (some: readonly unknown[]): readonly string[] => some.map(text).toSorted()

test.each([
  ['columnar', 'over columns', ['--batch-rows', '333']],
  ['columnar', 'over columns in large batches', ['--workers', '2']],
  ['ofKey', 'once a key', ['--batch-rows', '333', '--lanes', '3']],
  ['ofRow', 'once a row', ['--batch-rows', '700']],
])('%s: lists and maps of composite keys are those of a plain loop, %s', async (name, _, how) => {
  const folder = await jobFolder({ 'input/rows.jsonl': input, 'transforms.py': transforms, 'job.ts': job(name) })
  const run = await folder.run(...how)
  expect(run.code, run.stderr).toBe(0)
  expect(sorted(folder.rows('rows'))).toEqual(sorted(expected(false)))
  const totals = folder.rows('totals')
  expect(totals).toHaveLength(46)
  expect(totals.reduce((sum, row) => sum + Number(row['seen']), 0)).toBe(expected(false).length)
  expect(new Set(totals.map(row => row['pages']))).toEqual(new Set([3]))
})

test('entries may be named by a column that an operator before makes: its result is known before the call', async () => {
  const folder = await jobFolder({
    'input/rows.jsonl': input,
    'transforms.py': transforms,
    'job.ts': job('columnar', '.apply(t.upper)'),
  })
  const run = await folder.run('--batch-rows', '333')
  expect(run.code, run.stderr).toBe(0)
  expect(sorted(folder.rows('rows'))).toEqual(sorted(expected(true)))
})

test('a capture of a call holds its lists and maps: it replays with the same result', async () => {
  const folder = await jobFolder({ 'input/rows.jsonl': input, 'transforms.py': transforms, 'job.ts': job('columnar') })
  const run = await folder.run('--batch-rows', '900', '--lanes', '1', '--capture-every', '2')
  expect(run.code, run.stderr).toBe(0)
  const rowsOf = (some: readonly Row[]): ReadonlySet<string> =>
    new Set(some.map(({ page, x, length, nth }) => text([page, x, length, nth])))
  const ran = rowsOf(folder.rows('rows'))
  const names = readdirSync(join(folder.path, 'out', 'captures')).filter(name => !name.includes('end'))
  expect(names.length).toBeGreaterThan(1)
  for (const name of names.slice(0, 3)) {
    const replayed = await folder.cli('replay', `out/captures/${name}`, '--json')
    const { rows: again } = replayed.json as { readonly rows: readonly Row[] }
    if (again[0]?.['nth'] === undefined) continue
    expect([...rowsOf(again)].filter(row => !ran.has(row))).toEqual([])
  }
})

test.each([
  ['in memory', 'off'],
  // Each of their calls needs an epoch that makes room for it.
  ['beyond memory', leastBudget],
])('S1: a run that dies goes on with the lists and maps of its last epoch, which are %s', async (_, budget) => {
  const schema = "{ user: 'utf8', day: 'int64', page: 'utf8', x: 'int64' }"
  const folder = await jobFolder({
    'own.ts': source,
    'transforms.py': transforms,
    'job.ts': job('ofRow')
      .replace('import { files,', 'import { custom, files,')
      .replace(
        /files\('input[^)]*\)\)/,
        `custom.source(new URL('own.ts', import.meta.url).href, 'numbers', { schema: ${schema}, bounded: true, replayable: true })`,
      ),
  })
  const args = ['--epoch', '50ms', '--batch-rows', '50', '--workers', '1', '--state-budget', budget]
  for (let deaths = 0; deaths < 2; deaths++) {
    const run = await folder.start(args, { env: { ANABRANCH_FAILPOINT: 'prepare.sync:after:2' } }).ended
    expect(run.signal, run.stderr).toBe('SIGKILL')
  }
  const started = folder.start(args)
  const before = await hasWorked(folder, 1)
  await hasWorked(folder, before + 300)
  enough(folder)
  const run = await started.ended
  expect(run.code, run.stderr).toBe(0)
  const due = expected(false, rowsOf(Number(run.json?.['rows_in'])))
  expect(sorted(folder.rows('rows'))).toEqual(sorted(due))
  const totals = folder.rows('totals')
  expect(totals.reduce((sum, row) => sum + Number(row['seen']), 0)).toBe(due.length)
  expect(new Set(totals.map(row => row['pages']))).toEqual(new Set([3]))
})

/** Before: entries of a narrower type, and another list. */
const older = transforms
  .replace('ab.map_state(ab.utf8, ab.int64, entries="page")', 'ab.map_state(ab.utf8, ab.int32, entries="page")')
  .replace('nth.put(before + nth.counts)', 'nth.put((before + nth.counts).astype("i4"))')
const newer = transforms
  .replace('"log": ab.list_state(ab.utf8)', '"extra": ab.list_state(ab.int64, reads=True)')
  .replaceAll('state["log"].append(batch["page"])', 'state["extra"].append(batch["x"])')
  .replaceAll('state.log.add(row["page"])', 'state.extra.add(row["x"])')

test('U3 U5: a savepoint has the lists and maps of its keys, what expires of them too, and wider and other ones go on with it', async () => {
  const files = (python: string, text: string, more = '') => ({
    'input/rows.jsonl': text,
    'transforms.py': python,
    'job.ts': job('columnar', more)
      .replace('json(t.Row))', 'json(t.Row), { tail: true })')
      .replace(/export default .*/, 'export default s'),
  })
  const half = input.split('\n').slice(0, 2_000).join('\n').concat('\n')
  const first = await jobFolder(files(older, half))
  await runUntil(first, 2_000, () => stop(first, 'half'))
  const said = await first.cli('savepoint', 'inspect', 'out/savepoints/half')
  expect(said.stdout).toContain('operator "columnar": 46 keys, count int64')
  expect(said.stdout).toMatch(/operator "columnar\/seen": 1,\d+ keys/)
  expect(said.stdout).toMatch(/operator "columnar\/nth": 138 keys/)

  const second = await jobFolder(files(newer, input))
  const from = [
    '--from',
    join(first.path, 'out/savepoints/half'),
    '--workers',
    '2',
    '--lanes',
    '3',
    '--batch-rows',
    '77',
  ]
  await runUntil(second, count, () => stop(second, 'end'), ...from)
  expect(sorted([...first.rows('rows'), ...second.rows('rows')])).toEqual(sorted(expected(false)))
  const again = await second.cli('savepoint', 'inspect', 'out/savepoints/end')
  expect(again.stdout).toMatch(/operator "columnar\/extra": 1,\d+ keys/)
  expect(again.stdout).not.toContain('columnar/log')
})

test('a key whose state grew too heavy to travel stops the job, with the key and both sizes', async () => {
  const folder = await jobFolder({
    'input/rows.jsonl': input,
    'transforms.py': transforms,
    'job.ts': job('columnar').replace("job('modes')", "job('modes', { stateBytesMax: '512B' })"),
  })
  const run = await folder.run('--batch-rows', '200')
  expect(run.code).toBe(1)
  expect(run.stderr).toMatch(/ANB2108 state of operator "columnar" for key \{"user":"u\d+","day":"?\d"?\} is \d+ bytes/)
  expect(run.stderr).toContain('At most 512 bytes')
})

const lastCalls = `
import anabranch as ab

def at_end(keys, state):
    return {"k": keys["k"], "n": state["n"], "seen": state["seen"].lengths}

@ab.keyed(
    inputs={"x": ab.int64},
    state={"n": ab.value_state(ab.int64.default(-1), ttl=ab.ttl("1ms")), "seen": ab.list_state(ab.int64, reads=True)},
    outputs={}, side={"totals": {"k": ab.utf8, "n": ab.int64, "seen": ab.int32}}, at_end=at_end, mode="row",
)
def count(row, state):
    state.n.update(1)
    if row["x"] > 0:
        state.seen.add(row["x"])
    return {}
`
const lastJob = `
import { csv, files, job, json } from 'anabranch'
import t from './transforms.anabranch.js'
const counts = job('counts').from(files('in.csv', csv({ k: 'utf8', x: 'int64' }))).keyBy('k').apply(t.count)
counts.to(files.sink('rows/', json()))
export default counts.side('totals').to(files.sink('totals/', json()))
`

test.each(['off', leastBudget])(
  'functions for the end meet a key whose value has expired while its list has items, with a state budget of %s',
  async budget => {
    const rows = Array.from({ length: 6_000 }, (_, i) => `key ${i % 3_000},${i % 3_000 < 2_000 ? i : -1}\n`)
    const folder = await jobFolder({ 'job.ts': lastJob, 'transforms.py': lastCalls, 'in.csv': `k,x\n${rows.join('')}` })
    const run = await folder.run('--state-budget', budget, '--epoch', '50ms', '--batch-rows', '200')
    expect(run.code, run.stderr).toBe(0)
    const totals = folder.rows('totals').filter(({ seen }) => Number(seen) > 0)
    expect(totals).toHaveLength(2_000)
    expect(totals.filter(({ n }) => Number(n) === -1).length).toBeGreaterThan(1_000)
  },
)

/** Savepoints by the command line: made of jobs that run and that were stopped, and begun at elsewhere and with other code. */
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  clicksJob as job,
  counting,
  expected,
  folderOf,
  hasRead,
  lines,
  runUntil,
  sorted,
  stop,
  users,
} from '../support/clicks-job.js'
import { type JobFolder, leastBudget } from '../support/job-folder.js'
import { treeOf } from '../support/tree.js'

/** A job that was stopped behind 700 rows, with a savepoint. Tests that go on in its folder take one of their own. */
async function newlyStopped(): Promise<JobFolder> {
  const folder = await folderOf(lines(0, 700))
  await runUntil(folder, 700, () => stop(folder, 'half'))
  return folder
}
let shared: Promise<JobFolder> | null = null
const stopped = (): Promise<JobFolder> => (shared ??= newlyStopped())

/** Another machine: only the savepoint comes along, and the input with more rows. */
async function elsewhere(from: JobFolder, python = counting, text = job): Promise<JobFolder> {
  const folder = await folderOf(lines(0, 1000), python, text)
  cpSync(join(from.path, 'out/savepoints/half'), join(folder.path, 'half'), { recursive: true })
  return folder
}

test('U5: a stopped job goes on from its savepoint on another machine, with other workers, lanes and batches', async () => {
  const first = await stopped()
  expect(sorted(first.rows('counts'))).toEqual(expected(700))
  const second = await elsewhere(first)
  const args = ['--from', 'half', '--workers', '2', '--lanes', '3', '--batch-rows', '17']
  await runUntil(second, 1000, () => stop(second, 'end'), ...args)
  expect(sorted([...first.rows('counts'), ...second.rows('counts')])).toEqual(expected(1000))
  const again = await second.cli('savepoint', 'list', 'out', '--json')
  expect(JSON.parse(again.stdout)).toMatchObject({ savepoints: [{ job: 'clicks', operators: [{ keys: 7 }] }] })
})

/** Counts by a list that has to be in order: 700 items, whose numbers do not lie in order as bytes. */
const remembering = `
import anabranch as ab

@ab.keyed(inputs={"n": ab.int64}, state={"ns": ab.list_state(ab.int64, reads=True)}, outputs={"nth": ab.int64}, mode="row")
def count(row, state):
    ns = list(state.ns.get())
    state.ns.add(row["n"])
    return {"nth": len(ns) + 1 if ns == sorted(ns) else -1}
`

test.each(['off', leastBudget])(
  'a list that is read has its items in the order in which it got them, with a state budget of %s',
  async budget => {
    const first = await folderOf(lines(0, 700), remembering)
    await runUntil(first, 700, () => stop(first, 'half'), '--state-budget', budget)
    const second = await elsewhere(first, remembering)
    await runUntil(second, 1000, () => stop(second, 'end'), '--from', 'half', '--state-budget', budget)
    expect(sorted([...first.rows('counts'), ...second.rows('counts')])).toEqual(expected(1000))
    appendFileSync(join(second.path, 'in/1.jsonl'), lines(1000, 1200))
    await runUntil(second, 1200, () => stop(second, 'later'), '--state-budget', budget)
    expect(sorted([...first.rows('counts'), ...second.rows('counts')])).toEqual(expected(1200))
  },
)

test('a savepoint of a job that runs is that of an epoch, and the job goes on, also where it cannot be stopped with one', async () => {
  const folder = await folderOf(lines(0, 500))
  await runUntil(folder, 500, async () => {
    const made = await folder.cli('savepoint', 'create', 'out', '--name', 'live', '--json')
    expect(made.code, made.stderr).toBe(0)
    const both = await Promise.all(
      [1, 2].map(() => folder.cli('savepoint', 'create', 'out', '--name', 'both', '--json')),
    )
    expect(both.map(({ json }) => json?.['error'] ?? 'made')).toContainEqual(
      expect.objectContaining({ code: 'ANB6032' }),
    )
    expect(both.map(({ code }) => code).sort()).toEqual([0, 1])
    for (const name of ['live', 'a b']) {
      const refused = await folder.cli('stop', 'out', '--name', name)
      expect(refused.code, refused.stderr).toBe(1)
    }
    appendFileSync(join(folder.path, 'in/1.jsonl'), lines(500, 700))
    await hasRead(folder, 700)
    await stop(folder, 'half')
  })
  expect(sorted(folder.rows('counts'))).toEqual(expected(700))
  const shown = await folder.cli('savepoint', 'inspect', 'out/savepoints/live')
  expect(shown.stdout).toContain('operator "count": 7 keys, seen int32')
  expect(shown.stdout).toContain('source "in", tail of json: 500 rows')
})

test('a job that was stopped before it read anything has no savepoint, and the words say so', async () => {
  const folder = await folderOf('')
  await runUntil(folder, 0, async () => void (await folder.cli('stop', 'out', '--no-savepoint')))
  const refused = await folder.cli('savepoint', 'create', 'out')
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain('ANB6033 the job has written no epoch yet, so there is nothing to save')
})

/** A count under another name and of a wider type, beside a column that is new. */
const visits = (column: string): string => `
import numpy as np
import anabranch as ab

@ab.keyed(inputs={}, state={"visits": ${column}, "note": ab.utf8.default("new")}, outputs={"nth": ab.int64})
def count(batch, state):
    before = state.numpy("visits")
    return {"nth": before[state.index] + state.rank + 1}, {"visits": before + state.counts}
`
const renamed = visits('ab.int64.default(0).alias("seen")')
const migration = (body: string): string => `${visits('ab.int64.default(0)')}
@ab.migration(operator="count", from_={"seen": ab.int32})
def widen(state):
    ${body}
`
const migrated = migration('return {"visits": np.asarray(state["seen"], "i8"), "note": ["old"] * len(state)}')

test('U3: state is taken over a rename by alias, a wider type and a new column with its default', async () => {
  const first = await stopped()
  const second = await elsewhere(first, renamed)
  const { stderr } = await runUntil(second, 1000, () => stop(second, 'end'), '--from', 'half')
  expect(stderr).not.toContain('declare it with .alias')
  expect(sorted([...first.rows('counts'), ...second.rows('counts')])).toEqual(expected(1000))
})

test('U3: a column that is gone while others are new is told at the start, since it may have been renamed', async () => {
  const second = await elsewhere(await stopped(), visits('ab.int64.default(0)'))
  const { stderr } = await runUntil(second, 1000, () => stop(second, 'end'), '--from', 'half')
  expect(stderr).toContain(
    'operator "count": state that is not declared any more goes: "seen"; state that is new begins with its default: ' +
      '"visits", "note"; if "visits" is what was "seen", declare it with .alias("seen")',
  )
  expect(second.rows('counts').filter(row => Number(Object(row).nth) === 1)).toHaveLength(users.length)
})

test.each(['off', leastBudget])(
  'U3: a declared migration is called with all rows before the first one comes, with a state budget of %s',
  async budget => {
    const first = await stopped()
    const second = await elsewhere(first, migrated)
    await runUntil(second, 1000, () => stop(second, 'end'), '--from', 'half', '--state-budget', budget)
    expect(sorted([...first.rows('counts'), ...second.rows('counts')])).toEqual(expected(1000))
  },
)

test('U3: a migration that raises refuses the start, and nothing is touched', async () => {
  const first = await stopped()
  const second = await elsewhere(first, migration('raise ValueError("seven is too many")'))
  mkdirSync(join(second.path, 'out'))
  const refused = await second.run('--from', 'half')
  expect(refused.code).toBe(1)
  expect(refused.stderr).toContain(
    'ANB6017 migration "widen" of the state of operator "count" failed: ValueError: seven is too many',
  )
  expect(treeOf(join(second.path, 'out'))).toEqual({})
})

test('U7: a start that is killed after its migration begins again from what was stored', async () => {
  const first = await stopped()
  const second = await elsewhere(first, migrated)
  const args = ['--epoch', '50ms', '--from', 'half']
  for (const point of ['prepare.write:before:1', 'finish.sync:before:1']) {
    const dead = await second.start(args, { env: { ANABRANCH_FAILPOINT: point } }).ended
    expect(dead.signal, `${point}: ${dead.stderr}`).toBe('SIGKILL')
  }
  await runUntil(second, 1000, () => stop(second, 'end'), '--from', 'half')
  expect(sorted([...first.rows('counts'), ...second.rows('counts')])).toEqual(expected(1000))
})

test('U3: code that changed goes on with the state in its folder by the same rules', async () => {
  const folder = await newlyStopped()
  const other = await elsewhere(folder, migrated)
  for (const name of ['transforms.py', 'transforms.anabranch.ts', 'in/1.jsonl'])
    writeFileSync(join(folder.path, name), readFileSync(join(other.path, name)))
  await runUntil(folder, 1000, () => stop(folder, 'end'))
  expect(sorted(folder.rows('counts'))).toEqual(expected(1000))
})

test.each([
  ['of another name', job.replace("job('clicks')", "job('others')"), 'ANB6035', 'is of job "clicks", not of "others"'],
  [
    'with another number of key groups',
    job.replace("job('clicks')", "job('clicks', { keyGroups: 64 })"),
    'ANB6103',
    'expected 128 key groups, which the state has, and the job has 64',
  ],
  [
    'with a source of another kind',
    job.replace(', { tail: true }', ''),
    'ANB6103',
    'source "in" is files of json, and was tail of json',
  ],
  [
    'whose source has another id',
    job.replace("id: 'in'", "id: 'clicks-in'"),
    'ANB6103',
    'has source "in", tail of json',
  ],
  [
    'without an operator that has state, unless it is left behind',
    job.replace('code.count', "code.count, { id: 'counter' }"),
    'ANB6018',
    'there is state of operator "count" with 7 keys',
  ],
  [
    'that is keyed by another column',
    job.replace("keyBy('user')", "keyBy('n')"),
    'ANB6016',
    'operator "count" is keyed by n: int64, but its state by user: utf8',
  ],
])('a savepoint is refused by a job %s, and nothing is touched', async (_, text, code, words) => {
  const second = await elsewhere(await stopped(), counting, text)
  const refused = await second.run('--from', 'half')
  expect(refused.code, refused.stderr).toBe(1)
  expect(refused.stderr).toContain(code)
  expect(refused.stderr).toContain(words)
  expect(treeOf(join(second.path, 'out'))).toEqual({})
})

test('a savepoint is refused by a job whose state column is of another type, and nothing is touched', async () => {
  const second = await elsewhere(await stopped(), counting.replace('ab.int32.default(0)', 'ab.utf8'))
  const refused = await second.run('--from', 'half')
  expect(refused.code, refused.stderr).toBe(1)
  expect(refused.stderr).toContain('ANB6016 operator "count": state column')
  expect(treeOf(join(second.path, 'out'))).toEqual({})
})

test('U4: state of an operator that is gone is left behind with consent, and the new one begins with none', async () => {
  const second = await elsewhere(await stopped(), counting, job.replace('code.count', "code.count, { id: 'counter' }"))
  await runUntil(second, 1000, () => stop(second, 'end'), '--from', 'half', '--drop-state', 'count')
  const fresh = expected(1000).map(row => ({ ...row, nth: 0 }))
  expect(sorted(second.rows('counts')).map(row => ({ ...row, nth: 0 }))).toEqual(fresh.slice(700))
  expect(second.rows('counts').filter(row => row['nth'] === 1)).toHaveLength(users.length)
})

test.each(['off', leastBudget])(
  'U4: what is left behind is gone from the state and its savepoints although no row came, with a state budget of %s',
  async budget => {
    const args = ['--state-budget', budget]
    const folder = await folderOf(lines(0, 700))
    await runUntil(folder, 700, () => stop(folder, 'half'), ...args)
    writeFileSync(join(folder.path, 'job.ts'), job.replace('code.count', "code.count, { id: 'counter' }"))
    await runUntil(folder, 700, () => stop(folder, 'left'), '--drop-state', 'count', ...args)
    const listed = await folder.cli('state', 'list', 'out', '--json')
    expect(JSON.parse(listed.stdout), listed.stderr).toMatchObject({ operators: [] })
    const saved = await folder.cli('savepoint', 'inspect', 'out/savepoints/left', '--json')
    expect(JSON.parse(saved.stdout), saved.stderr).toMatchObject({ operators: [] })
    appendFileSync(join(folder.path, 'in/1.jsonl'), lines(700, 1000))
    await runUntil(folder, 1000, () => stop(folder, 'end'), ...args)
    expect(sorted(folder.rows('counts')).map(({ n }) => n)).toEqual(expected(1000).map(({ n }) => n))
    expect(folder.rows('counts').filter(row => row['nth'] === 1)).toHaveLength(2 * users.length)
  },
)

test('state of an operator that the job has is not left behind by a slip', async () => {
  const folder = await newlyStopped()
  const before = treeOf(join(folder.path, 'out'))
  const refused = await folder.run('--drop-state', 'count')
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain(
    'ANB8003 --drop-state leaves behind what the job has no more, and it has operator "count"',
  )
  expect(treeOf(join(folder.path, 'out'))).toEqual(before)
})

test('U5: rows that were out before a savepoint stay, whoever begins there again, dies at once, or goes back behind two such runs', async () => {
  const folder = await newlyStopped()
  appendFileSync(join(folder.path, 'in/1.jsonl'), lines(700, 800))
  const half = ['--from', 'out/savepoints/half']
  // The store took its place, and the first epoch is not written.
  const died = await folder.start(half, { env: { ANABRANCH_FAILPOINT: 'prepare.write:before:2' } }).ended
  expect(died.signal, died.stderr).toBe('SIGKILL')
  await runUntil(folder, 800, () => stop(folder, 'later'), ...half)
  expect(sorted(folder.rows('counts'))).toEqual(expected(800))
  appendFileSync(join(folder.path, 'in/1.jsonl'), lines(800, 1000))
  await runUntil(folder, 1000, () => stop(folder, 'end'), '--from', 'out/savepoints/later')
  const before = treeOf(join(folder.path, 'out'))
  const refused = await folder.run(...half)
  expect(refused.stderr).toMatch(
    /ANB6036 sink folder "counts" shows rows of epoch \d+, and the savepoint is of epoch \d+/,
  )
  expect(treeOf(join(folder.path, 'out'))).toEqual(before)
  await runUntil(folder, 1000, () => stop(folder, 'again'), ...half, '--rewind')
  expect(sorted(folder.rows('counts'))).toEqual(expected(1000))
})

test('a start behind which a sink was written says what would come twice, and takes it back with --rewind', async () => {
  const folder = await newlyStopped()
  appendFileSync(join(folder.path, 'in/1.jsonl'), lines(700, 900))
  await runUntil(folder, 900, () => stop(folder, 'more'))
  const before = treeOf(join(folder.path, 'out'))
  const refused = await folder.run('--from', 'out/savepoints/half')
  expect(refused.stderr).toMatch(
    /ANB6036 sink folder "counts" shows rows of epoch \d+, and the savepoint is of epoch \d+/,
  )
  expect(treeOf(join(folder.path, 'out'))).toEqual(before)
  const needed = await folder.cli('savepoint', 'delete', 'out/savepoints/more')
  expect(needed.code, needed.stderr).toBe(0)
  appendFileSync(join(folder.path, 'in/1.jsonl'), lines(900, 1000))
  await runUntil(folder, 1000, () => stop(folder, 'end'), '--from', 'out/savepoints/half', '--rewind')
  expect(sorted(folder.rows('counts'))).toEqual(expected(1000))
  const kept = await folder.cli('savepoint', 'delete', 'out/savepoints/half')
  expect(kept.stderr).toContain('ANB6037')
  expect(kept.stderr).toContain('or when one has begun there at another savepoint')
  await runUntil(folder, 1000, () => stop(folder, 'after'), '--from', 'out/savepoints/end')
  const deleted = await folder.cli('savepoint', 'delete', 'out/savepoints/half')
  expect(deleted.code, deleted.stderr).toBe(0)
})

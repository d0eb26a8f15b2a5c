/** Python code of a running job is replaced between two epochs; its first epoch is a trial. */
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type JobFolder, type Row } from '../support/job-folder.js'
import {
  enough,
  hasWorked,
  pacedJob,
  refusedModules,
  sumsOf,
  sumsOfAll,
  swap,
  transforms,
  worksOn,
} from '../support/paced-job.js'

/** How many rows each version worked on. */
const versions = (rows: readonly Row[]) => {
  const counts: Record<string, number> = {}
  for (const { version } of rows) counts[String(version)] = (counts[String(version)] ?? 0) + 1
  return counts
}

describe('a swap', () => {
  test('at 10,000 rows a second loses nothing, doubles nothing, keeps the state, and rows stand still for less than a second', async () => {
    const folder = await pacedJob(100, { 'new.py': transforms(2) })
    const run = folder.start([])
    await hasWorked(folder, 5_000)
    const { code, json, stderr } = await swap(folder, '--module', 'new.py')
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ kept: true, why: null, dead: 0, dead_by_reason: {} })
    expect(json?.['rows']).toBeGreaterThan(0)
    expect(json?.['paused_ms']).toBeLessThan(1_000)

    enough(folder)
    const ended = await run.ended
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.json).toMatchObject({ counters: { 'swap.kept': 1 } })
    const out = folder.rows('rows')
    expect(sumsOf(out)).toEqual(sumsOfAll(Number(ended.json?.['rows_in'])))
    expect(Object.keys(versions(out))).toEqual(['1', '2'])
  })

  test('to code with a bug is thrown away, and the old code goes on with the same rows', async () => {
    const bug = 'if (n % 10 == 0).any(): raise ValueError("no tens")'
    const folder = await pacedJob(50, { 'new.py': transforms(2, { body: bug }) })
    const run = folder.start([])
    await hasWorked(folder, 3_000)
    const { code, json, stderr } = await swap(folder, '--module', 'new.py')
    expect(code, stderr).toBe(1)
    expect(json).toMatchObject({ kept: false, why: { class: 'TransformError' } })

    enough(folder)
    const ended = await run.ended
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.json).toMatchObject({ rows_dead: 0, counters: { 'swap.thrown away': 1 } })
    expect(ended.stderr).toContain('new code was thrown away, the old one goes on')
    expect(sumsOf(folder.rows('rows'))).toEqual(sumsOfAll(Number(ended.json?.['rows_in'])))
    expect(Object.keys(versions(folder.rows('rows')))).toEqual(['1'])
    expect(folder.deadLetters()).toEqual([])
  })

  test('outlives the host: the run that goes on has the new code and its state, and a file that is edited meanwhile changes nothing', async () => {
    const folder = await pacedJob(50, { 'new.py': transforms(2) })
    const run = folder.start([])
    await hasWorked(folder, 2_000)
    expect((await swap(folder, '--module', 'new.py')).json).toMatchObject({ kept: true })
    writeFileSync(join(folder.path, 'new.py'), 'raise SystemExit("edited")\n')
    const worked = await hasWorked(folder, 0)
    run.child.kill('SIGKILL')
    await run.ended

    const again = folder.start([])
    await hasWorked(folder, worked + 1_000)
    enough(folder)
    const ended = await again.ended
    expect(ended.code, ended.stderr).toBe(0)
    const out = folder.rows('rows')
    expect(sumsOf(out)).toEqual(sumsOfAll(out.length))
    expect(versions(out)['2']).toBeGreaterThan(0)
  })

  test('of a file that was edited in place takes what it holds now, and state with a new column', async () => {
    const folder = await pacedJob(50)
    const run = folder.start([])
    await hasWorked(folder, 2_000)
    const state = '"sum": ab.int64.default(0), "label": ab.utf8.default("none")'
    const evolved = transforms(3, { state, body: 'assert set(state["label"].to_pylist()) <= {"none"}' })
    writeFileSync(
      join(folder.path, 'transforms.py'),
      evolved.replace('"sum": new}', '"sum": new, "label": state["label"]}'),
    )
    const { json, stderr } = await swap(folder)
    expect(json, stderr).toMatchObject({ kept: true, dead: 0 })
    enough(folder)
    const ended = await run.ended
    expect(ended.code, ended.stderr).toBe(0)
    expect(sumsOf(folder.rows('rows'))).toEqual(sumsOfAll(Number(ended.json?.['rows_in'])))
    expect(versions(folder.rows('rows'))['3']).toBeGreaterThan(0)
  })
})

describe('a swap to code that keeps more beside lists, maps and values that expire', () => {
  // It began the job again behind its last epoch: with 200,000 keys of a few items rows stood still for seconds.
  test('does not begin the job again, and what was kept and what came is there for the next run', async () => {
    const before =
      '"sum": ab.value_state(ab.int64.default(0), ttl=ab.ttl("1h")), "seen": ab.list_state(ab.int64, reads=True)'
    const after = `${before}, "label": ab.utf8.default("none"), "names": ab.map_state(ab.int64, ab.int64, entries="n"), "log": ab.list_state(ab.int64, reads=True)`
    const adds = (name: string): string => `state["${name}"].append(batch["n"])`
    const holds = 'assert [sum(items) for items in state["seen"].to_pylist()] == new'
    const puts = 'state["names"].put(np.ones(len(state["names"]), "i8"))'
    const more =
      'assert all(a[len(a) - len(b):] == b for a, b in zip(state["seen"].to_pylist(), state["log"].to_pylist()))'
    const body = [holds, more, adds('seen'), adds('log'), puts].join('\n    ')
    const folder = await pacedJob(10, { 'new.py': transforms(2, { state: after, body, top: 'import numpy as np' }) })
    writeFileSync(
      join(folder.path, 'transforms.py'),
      transforms(1, { state: before, body: `${holds}\n    ${adds('seen')}` }),
    )
    expect((await folder.cli('types', 'transforms.py')).code).toBe(0)
    const run = folder.start([])
    await hasWorked(folder, 500)
    const { code, json, stderr } = await swap(folder, '--module', 'new.py')
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ kept: true, dead: 0 })
    expect((await folder.cli('stop', 'out', '--no-savepoint')).code).toBe(0)
    expect((await run.ended).json).toMatchObject({ rows_dead: 0, epochs: { resumed_from: null } })

    const { end, rows } = await worksOn(folder, folder.start([]))
    expect(end.json).toMatchObject({ rows_dead: 0 })
    expect(sumsOf(folder.rows('rows'))).toEqual(sumsOfAll(rows))
    expect(Object.keys(versions(folder.rows('rows')))).toEqual(['1', '2'])
  })
})

describe('a swap to code whose state is another one begins the job again behind its last epoch', () => {
  test('and calls the migration that is declared for what was kept: nothing is lost, nothing doubled', async () => {
    const folder = await pacedJob(50, { 'new.py': migrating() })
    const run = folder.start([])
    await hasWorked(folder, 2_000)
    const { code, json, stderr } = await swap(folder, '--module', 'new.py')
    expect(code, stderr).toBe(0)
    expect(json).toMatchObject({ kept: true, dead: 0 })
    expect(json?.['rows']).toBeGreaterThan(0)
    const worked = await hasWorked(folder, 0)
    run.child.kill('SIGKILL')
    await run.ended

    const again = folder.start([])
    await hasWorked(folder, worked + 500)
    enough(folder)
    const ended = await again.ended
    expect(ended.code, ended.stderr).toBe(0)
    const out = folder.rows('rows')
    expect(sumsOf(out)).toEqual(sumsOfAll(out.length))
    expect(Object.keys(versions(out))).toEqual(['1', '2'])
  })

  test('where the migration raises it is refused, and the old code goes on with its state', async () => {
    const folder = await pacedJob(50, { 'new.py': migrating('raise ValueError("no way")') })
    const run = folder.start([])
    await hasWorked(folder, 1_000)
    const { code, stderr } = await swap(folder, '--module', 'new.py')
    expect(code, stderr).toBe(1)
    expect(stderr).toContain('ANB6017')
    expect(stderr).toContain('no way')
    await isOld(folder, run)
  })

  test('is on trial all the same: what fails in its first epoch is thrown away, and the state is the old one', async () => {
    const folder = await pacedJob(50, { 'new.py': migrating('', 'raise ValueError("no rows")') })
    const run = folder.start([])
    await hasWorked(folder, 1_000)
    const { code, json, stderr } = await swap(folder, '--module', 'new.py')
    expect(code, stderr).toBe(1)
    expect(json).toMatchObject({ kept: false, why: { class: 'TransformError' } })
    await isOld(folder, run)
  })

  test('where lists come and go, and values begin to expire', async () => {
    const state = '"sum": ab.value_state(ab.int64.default(0), ttl=ab.ttl("1h")), "seen": ab.list_state(ab.int64)'
    const body = 'state["seen"].append(batch["n"])'
    const folder = await pacedJob(50, { 'lists.py': transforms(2, { state, body }), 'plain.py': transforms(3) })
    const run = folder.start([])
    for (const module of ['lists.py', 'plain.py']) {
      const worked = await hasWorked(folder, 0)
      await hasWorked(folder, worked + 500)
      const { code, json, stderr } = await swap(folder, '--module', module)
      expect(code, stderr + JSON.stringify(json)).toBe(0)
      expect(json).toMatchObject({ kept: true, dead: 0 })
    }
    enough(folder)
    const ended = await run.ended
    expect(ended.code, ended.stderr).toBe(0)
    const out = folder.rows('rows')
    expect(sumsOf(out)).toEqual(sumsOfAll(Number(ended.json?.['rows_in'])))
    expect(Object.keys(versions(out))).toEqual(['1', '2', '3'])
  })
})

/** Keeps the sum as text, which the sum that was kept becomes by a declared function. */
const migrating = (migration = '', body = ''): string =>
  `${transforms(2, { state: '"total": ab.utf8.default("0")', sums: 'total', body }).replace(
    '"total": new}',
    '"total": [str(v) for v in new]}',
  )}
@ab.migration(operator="work", from_={"sum": ab.int64})
def to_text(batch):
    ${migration}
    return {"total": [str(v) for v in batch["sum"].to_pylist()]}
`

/** The run goes on as if nobody had asked. */
async function isOld(folder: JobFolder, run: ReturnType<JobFolder['start']>): Promise<void> {
  const worked = await hasWorked(folder, 0)
  await hasWorked(folder, worked + 500)
  enough(folder)
  const ended = await run.ended
  expect(ended.code, ended.stderr).toBe(0)
  expect(sumsOf(folder.rows('rows'))).toEqual(sumsOfAll(Number(ended.json?.['rows_in'])))
  expect(Object.keys(versions(folder.rows('rows')))).toEqual(['1'])
}

describe('the code that was swapped in', () => {
  test('is in a savepoint, and runs on where that begins elsewhere', async () => {
    const folder = await pacedJob(50, { 'new.py': transforms(2) })
    const run = folder.start([])
    await hasWorked(folder, 2_000)
    expect((await swap(folder, '--module', 'new.py')).json).toMatchObject({ kept: true })
    const stopped = await folder.cli('stop', 'out', '--name', 'with-new')
    expect(stopped.code, stopped.stderr).toBe(0)
    await run.ended
    const savepoint = join(folder.path, 'out', 'savepoints', 'with-new')
    expect(readFileSync(join(savepoint, 'savepoint.json'), 'utf8')).not.toContain(folder.path)
    const told = await folder.cli('savepoint', 'inspect', savepoint)
    expect(told.stdout).toMatch(/operator "work": swapped to [0-9a-f]{12}/)

    const elsewhere = await pacedJob(50)
    cpSync(savepoint, join(elsewhere.path, 'with-new'), { recursive: true })
    const again = elsewhere.start(['--from', 'with-new'])
    const worked = await hasWorked(elsewhere, 0)
    await hasWorked(elsewhere, worked + 500)
    enough(elsewhere)
    const ended = await again.ended
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toContain('operator "work" runs the code that was swapped in, of new.py')
    expect(Object.keys(versions(elsewhere.rows('rows')))).toEqual(['2'])
    expect(codeOf(elsewhere)).toEqual(codeOf(folder))
  })

  test("U2 counts until the job's own module is another one, which is told; and what no epoch names is taken away", async () => {
    const folder = await pacedJob(50, { 'new.py': transforms(2) })
    const run = folder.start([])
    await hasWorked(folder, 1_000)
    const before = codeOf(folder)
    expect((await swap(folder, '--module', 'new.py')).json).toMatchObject({ kept: true })
    expect(codeOf(folder)).toHaveLength(2)
    expect((await folder.cli('stop', 'out', '--no-savepoint')).code).toBe(0)
    await run.ended
    writeFileSync(join(folder.path, 'transforms.py'), transforms(3))
    expect((await folder.cli('types', 'transforms.py')).code).toBe(0)

    const again = folder.start([])
    const worked = await hasWorked(folder, 0)
    await hasWorked(folder, worked + 500)
    enough(folder)
    const ended = await again.ended
    expect(ended.code, ended.stderr).toBe(0)
    expect(ended.stderr).toContain('module transforms.py is not the one that ran until then')
    expect(ended.stderr).toContain('operator "work" runs the job\'s own code again, since its module is another one')
    const out = folder.rows('rows')
    expect(sumsOf(out)).toEqual(sumsOfAll(out.length))
    expect(Object.keys(versions(out))).toEqual(['1', '2', '3'])
    expect(before).toHaveLength(1)
  })
})

/** Digests of the sources that lie beside the state. */
const codeOf = (folder: JobFolder): readonly string[] => readdirSync(join(folder.path, 'out', 'state', 'code')).sort()

describe('a swap is refused in words, and nothing is touched, where', () => {
  const others: readonly (readonly [string, string, string])[] = [
    [
      'an output column is gone',
      transforms(2).replace(', "version": ab.int64}', '}').replace(', "version": [2] * len(batch)}', '}'),
      'transform "work" lacks output column "version"',
    ],
    [
      'it needs a column that the rows do not have',
      transforms(2).replace('inputs={"n": ab.int64}', 'inputs={"n": ab.int64, "m": ab.int64}'),
      'column "m"',
    ],
  ]
  test.each([...refusedModules, ...others])('%s', async (_, module, said) => {
    const folder = await pacedJob(10, { 'new.py': module })
    const run = folder.start([])
    await hasWorked(folder, 100)
    const { code, stderr, stdout } = await swap(folder, '--module', 'new.py')
    expect(code, stdout).not.toBe(0)
    expect(stderr).toContain(said)
    expect((await folder.cli('stop', 'out')).code).toBe(0)
    await run.ended
    expect(Object.keys(versions(folder.rows('rows')))).toEqual(['1'])
  })
})

/** State that is larger than memory under code that keeps other columns: by a declared migration, at a start and while the job runs. */
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { until } from '../support/fault-job.js'
import { type JobFolder, jobFolder, leastBudget } from '../support/job-folder.js'
import { countedIn, keysCounted, keysRow, pacedKeysJob as job, seenKeys as oldCode } from '../support/keys-job.js'
import {
  enough,
  hasWorked,
  pacedJob,
  pacedSource,
  sumsOf,
  sumsOfAll,
  swap,
  transforms,
  worksOn,
} from '../support/paced-job.js'

const keys = 4_000
/** No key has room in it for longer than it is worked on. */
const budget = ['--state-budget', leastBudget, '--epoch', '50ms']
const inMemory = ['--state-budget', 'off', '--epoch', '50ms']

/** What was a number is text, which only a function can make of it. */
const newCode = (body = ''): string => `
import os
import time
import anabranch as ab

@ab.keyed(inputs={"n": ab.int64}, state={"total": ab.utf8}, outputs={"nth": ab.int64}, mode="row")
def count(row, state):
    seen = int(state["total"] if state else "0") + 1
    return {"nth": seen}, {"total": str(seen)}

@ab.migration(operator="count", from_={"seen": ab.int32})
def to_text(batch):
    ${body}
    return {"total": [str(v) for v in batch["seen"].to_pylist()]}
`
/** One call was made, and the next one does not come back. */
const hangs = `
    with open("called", "a") as file: file.write("x")
    if os.path.getsize("called") > 1: time.sleep(600)`

const newFolder = (): Promise<JobFolder> =>
  jobFolder({ 'job.ts': job, 'transforms.py': oldCode, 'own.ts': pacedSource(200, keysRow(keys)) })

/** A job that died on its way, beyond the memory that it has. */
async function died(): Promise<JobFolder> {
  const folder = await newFolder()
  const run = await folder.start(budget, { env: { ANABRANCH_FAILPOINT: 'prepare.sync:after:2' } }).ended
  expect(run.signal, run.stderr).toBe('SIGKILL')
  return folder
}

/** A job that was stopped on its way, with all its state in memory. Answers how many rows it read. */
async function stopped(): Promise<{ readonly folder: JobFolder; readonly rows: number }> {
  const folder = await newFolder()
  const run = folder.start(inMemory)
  await hasWorked(folder, 2 * keys)
  await folder.cli('stop', 'out', '--no-savepoint')
  return { folder, rows: Number((await run.ended).json?.['rows_in']) }
}

async function codeOf(folder: JobFolder, python: string): Promise<void> {
  writeFileSync(join(folder.path, 'transforms.py'), python)
  expect((await folder.cli('types', 'transforms.py')).code).toBe(0)
}

const exported = async (folder: JobFolder): Promise<readonly string[]> => {
  const { stdout, stderr, code } = await folder.cli('state', 'export', 'out')
  expect(code, stderr).toBe(0)
  return stdout.trimEnd().split('\n').toSorted()
}

describe('a start whose state is larger than memory and is migrated', () => {
  test('U3: gives the rows and the state that it gives without a budget, killed in the migration and behind it', async () => {
    const within = await died()
    const { folder: without, rows: least } = await stopped()
    await codeOf(within, newCode(hangs))
    const hung = within.start(budget)
    await until(() => existsSync(join(within.path, 'called')) && statSync(join(within.path, 'called')).size > 1)
    hung.child.kill('SIGKILL')
    await hung.ended
    for (const folder of [without, within]) await codeOf(folder, newCode())
    for (const point of ['prepare.write:before:1', 'prepare.sync:after:2']) {
      const run = await within.start(budget, { env: { ANABRANCH_FAILPOINT: point } }).ended
      expect(run.signal, `${point}: ${run.stderr}`).toBe('SIGKILL')
    }
    const { end, rows } = await worksOn(within, within.start(budget), Math.max(least + 500, 3 * keys))
    expect(Object(end.json?.['epochs']).bytes_beyond).toBeGreaterThan(50_000)
    enough(without, rows)
    expect((await without.run(...inMemory)).json).toMatchObject({ rows_in: rows })
    const wanted = keysCounted(keys, rows)
    expect(countedIn(within)).toEqual(wanted)
    expect(countedIn(without)).toEqual(wanted)
    expect(await exported(within)).toEqual(await exported(without))
  })

  test('U3: is refused where the migration raises, and goes on with the code and the state of before', async () => {
    const folder = await died()
    const stored = await exported(folder)
    await codeOf(folder, newCode('raise ValueError("no text today")'))
    const refused = await folder.run(...budget)
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain(
      'ANB6017 migration "to_text" of the state of operator "count" failed: ValueError: no text today',
    )
    expect(await exported(folder)).toEqual(stored)
    await codeOf(folder, oldCode)
    const { rows } = await worksOn(folder, folder.start(budget), 2 * keys)
    expect(countedIn(folder)).toEqual(keysCounted(keys, rows))
  })
})

describe('a swap under a state budget begins the job again behind its last epoch', () => {
  const text = transforms(3, { state: '"total": ab.utf8.default("0")', sums: 'total' }).replace(
    '"total": new}',
    '"total": [str(v) for v in new]}',
  )
  const migrates = (body = ''): string => `${text}
@ab.migration(operator="work", from_={"sum": ab.int64, "label": ab.utf8})
def to_text(batch):
    ${body}
    return {"total": [str(v) for v in batch["sum"].to_pylist()]}
`
  const labelled = transforms(2, { state: '"sum": ab.int64.default(0), "label": ab.utf8.default("none")' }).replace(
    '"sum": new}',
    '"sum": new, "label": state["label"]}',
  )

  test('with a column that is new, then with a migration that raises, and with one that does not', async () => {
    const files = { 'more.py': labelled, 'raises.py': migrates('raise ValueError("no way")'), 'text.py': migrates() }
    const folder = await pacedJob(50, files)
    const run = folder.start(budget)
    await hasWorked(folder, 2_000)
    const kept = await swap(folder, '--module', 'more.py')
    expect(kept.json, kept.stderr).toMatchObject({ kept: true, dead: 0 })
    const refused = await swap(folder, '--module', 'raises.py')
    expect(refused.code, refused.stderr).toBe(1)
    expect(refused.stderr).toContain('no way')
    const migrated = await swap(folder, '--module', 'text.py')
    expect(migrated.json, migrated.stderr).toMatchObject({ kept: true, dead: 0 })
    const { rows } = await worksOn(folder, run)
    const out = folder.rows('rows')
    expect(sumsOf(out)).toEqual(sumsOfAll(rows))
    expect(new Set(out.map(row => Number(row['version'])))).toEqual(new Set([1, 2, 3]))
  })
})

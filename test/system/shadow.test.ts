/** New code runs beside that of a running job, on the same rows and state; what differs is reported by column, nothing is committed. */
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Ended } from '../support/cli.js'
import { until } from '../support/fault-job.js'
import { type JobFolder } from '../support/job-folder.js'
import { enough, hasWorked, pacedJob, refusedModules, sumsOfAll, transforms } from '../support/paced-job.js'

interface Table {
  readonly kind: string
  readonly compared: number
  readonly columns: readonly { column: string; differ: number; examples: readonly object[] }[]
  readonly added: readonly string[]
}
interface Stage {
  readonly tables: readonly Table[]
  readonly failures: readonly { code: string; message: string; calls: number }[]
  readonly dead: { readonly only_new: number; readonly reasons: object }
}

/** Until so many rows were compared, or failed in the new code, however long that takes. */
const shadow = (folder: JobFolder, ...args: readonly string[]): Promise<Ended> =>
  folder.cli('transform', 'shadow', 'out', '--json', '--for', '10min', '--rows', '2000', ...args)

/** Longer than any test: it ends by what becomes of it. */
const forEver = ['--rows', '1000000000'] as const

function stageOf({ stdout }: Ended): Stage {
  const { stages }: { readonly stages: readonly Stage[] } = JSON.parse(stdout)
  const [stage] = stages
  if (stage === undefined) throw new Error('expected a stage')
  return stage
}

/** By kind, how many rows or keys of each column differ; columns that do not are left out. */
const differing = (ended: Ended): Record<string, Record<string, number>> =>
  Object.fromEntries(
    stageOf(ended).tables.map(({ kind, columns }) => [
      kind,
      Object.fromEntries(columns.filter(({ differ }) => differ > 0).map(({ column, differ }) => [column, differ])),
    ]),
  )

/** The bytes of all output files are those of version 1, each row once. */
async function isUntouched(folder: JobFolder, run: { readonly ended: Promise<Ended> }): Promise<void> {
  enough(folder)
  const ended = await run.ended
  expect(ended.code, ended.stderr).toBe(0)
  expect(ended.json).toMatchObject({ rows_dead: 0 })
  const path = join(folder.path, 'out', 'rows')
  const lines = readdirSync(path)
    .filter(name => name.endsWith('.jsonl'))
    .flatMap(name => readFileSync(join(path, name), 'utf8').trimEnd().split('\n'))
  const want = sumsOfAll(Number(ended.json?.['rows_in'])).map(
    ([n, before]) => `{"k":${n % 7},"n":${n},"before":${before},"version":1}`,
  )
  expect(lines.sort()).toEqual(want.sort())
}

describe('a shadow', () => {
  test('of code that does the same says that it is equal, and the output is byte for byte what it was', async () => {
    const folder = await pacedJob(50, { 'new.py': transforms(1, { body: 'pass' }) })
    const run = folder.start([])
    await hasWorked(folder, 500)
    const ended = await shadow(folder, '--module', 'new.py')
    expect(ended.code, ended.stdout + ended.stderr).toBe(0)
    expect(ended.json).toMatchObject({ verdict: 'equal', ended: 'done', losses: 0, swap: null })
    expect(ended.json?.['rows_compared']).toBeGreaterThanOrEqual(2_000)
    expect(ended.json?.['rows_compared']).toBeLessThanOrEqual(Number(ended.json?.['rows_seen']))
    const { tables } = stageOf(ended)
    expect(tables.map(({ kind, columns }) => [kind, columns.map(each => each.column)])).toEqual([
      ['rows', ['before', 'version']],
      ['state', ['sum']],
    ])
    await isUntouched(folder, run)
  })

  test('of code that counts in another way names the columns of rows and state, with examples, and ends with 4', async () => {
    const changed = transforms(1).replace('before[row] = new[key]', 'before[row] = new[key] + int(n[row] % 2)')
    const state = changed.replace('new[key] += int(n[row])', 'new[key] += int(n[row]) + (1 if n[row] % 7 == 3 else 0)')
    const folder = await pacedJob(50, { 'new.py': state })
    const run = folder.start([])
    await hasWorked(folder, 500)
    const ended = await shadow(folder, '--module', 'new.py')
    expect(ended.code, ended.stdout + ended.stderr).toBe(4)
    expect(ended.json).toMatchObject({ verdict: 'different' })
    const found = differing(ended)
    expect(Object.keys(found['rows'] ?? {})).toEqual(['before'])
    const [rows, keys] = stageOf(ended).tables
    const before = rows?.columns.find(each => each.column === 'before')
    // Half of the rows; and those of key 3 that come behind another one of theirs in a batch.
    expect(Number(found['rows']?.['before'])).toBeGreaterThanOrEqual((rows?.compared ?? 0) / 2 - 50)
    expect(Number(found['rows']?.['before'])).toBeLessThan(rows?.compared ?? 0)
    expect(before?.examples[0]).toMatchObject({ of: { k: expect.any(Number), n: expect.any(Number) } })
    // Each call begins with the state of the running code: only key 3 differs, in every call.
    const sum = keys?.columns.find(each => each.column === 'sum')
    expect(sum?.differ).toBeGreaterThan(0)
    const ofKey3 = Array.from({ length: Math.min(3, sum?.differ ?? 0) }, () => ({ of: { k: 3 } }))
    expect(sum?.examples).toMatchObject(ofKey3)
    await isUntouched(folder, run)
  })

  test('of code with another state column begins with its default, and says that a swap would be refused for another output', async () => {
    const state = '"sum": ab.int64.default(0), "label": ab.utf8.default("none")'
    const evolved = transforms(1, { state, body: 'assert set(state["label"].to_pylist()) <= {"none"}' })
      .replace('"sum": new}', '"sum": new, "label": state["label"]}')
      .replace('"version": ab.int64}', '"version": ab.int64, "more": ab.utf8}')
      .replace('[1] * len(batch)}', '[1] * len(batch), "more": ["x"] * len(batch)}')
    const folder = await pacedJob(50, { 'new.py': evolved })
    const run = folder.start([])
    await hasWorked(folder, 500)
    const ended = await shadow(folder, '--module', 'new.py')
    expect(ended.code, ended.stdout + ended.stderr).toBe(4)
    expect(ended.json?.['swap']).toMatchObject({ code: 'ANB1027' })
    expect(stageOf(ended).tables.map(({ kind, added }) => [kind, added])).toEqual([
      ['rows', ['more']],
      ['state', ['label']],
    ])
    expect(differing(ended)).toEqual({ rows: {}, state: {} })
    await isUntouched(folder, run)
  })

  test.each([
    ['raises', 'if (n % 10 == 0).any(): raise ValueError("no tens")', 'ANB2001', 'no tens', 0, []],
    ['ends its process', 'import os; os._exit(3)', 'ANB2008', 'exited with 3', 3, forEver],
  ])('of code that %s says so, and the job goes on', async (_, body, code, said, losses, limits) => {
    const folder = await pacedJob(50, { 'new.py': transforms(1, { body }) })
    const run = folder.start([])
    await hasWorked(folder, 500)
    const ended = await shadow(folder, '--module', 'new.py', ...limits)
    expect(ended.code, ended.stdout + ended.stderr).toBe(4)
    expect(ended.json).toMatchObject({ losses, ended: losses === 0 ? 'done' : 'lost' })
    expect(stageOf(ended).failures[0]).toMatchObject({ code, message: expect.stringContaining(said) })
    await isUntouched(folder, run)
  })

  test('of code that hangs ends its worker at the deadline', async () => {
    const hangs = transforms(1, { body: 'import time; time.sleep(60)' }).replace(
      '@ab.keyed(',
      '@ab.keyed(timeout_ms=300, ',
    )
    const folder = await pacedJob(50, { 'new.py': hangs })
    const run = folder.start([])
    await hasWorked(folder, 500)
    const ended = await shadow(folder, '--module', 'new.py', ...forEver)
    expect(ended.json, ended.stderr).toMatchObject({ verdict: 'different', ended: 'lost', losses: 3, rows_compared: 0 })
    expect(stageOf(ended).failures).toMatchObject([{ message: expect.stringContaining('deadline'), calls: 3 }])
    await isUntouched(folder, run)
  })

  test('of code that hangs holds nothing back', async () => {
    const hangs = transforms(1, { body: 'open("called", "w").close(); import time; time.sleep(600)' })
    const folder = await pacedJob(50, { 'new.py': hangs.replace('@ab.keyed(', '@ab.keyed(timeout_ms=600_000, ') })
    const run = folder.start([])
    await hasWorked(folder, 500)
    const reported = shadow(folder, '--module', 'new.py')
    await until(() => existsSync(join(folder.path, 'called')))
    const before = await hasWorked(folder, 0)
    await hasWorked(folder, before + 1_000)
    await isUntouched(folder, run)
    // No loss: it hung in its first call all the while.
    expect((await reported).json).toMatchObject({ verdict: 'nothing', ended: 'job', losses: 0, rows_compared: 0 })
  })

  test('whose worker is killed goes on with another one, and does not blame the code', async () => {
    const body = `with open("pid.new", "w") as file: file.write(str(os.getpid()))
    os.replace("pid.new", "pid")
    while os.path.exists("held"): time.sleep(0.01)`
    const files = { 'new.py': transforms(1, { top: 'import os, time', body }), held: '' }
    const folder = await pacedJob(50, files)
    const run = folder.start([])
    await hasWorked(folder, 500)
    const reported = shadow(folder, '--module', 'new.py')
    await until(() => existsSync(join(folder.path, 'pid')))
    process.kill(Number(folder.text('pid')), 'SIGKILL')
    rmSync(join(folder.path, 'held'))
    const ended = await reported
    expect(ended.code, ended.stdout + ended.stderr).toBe(0)
    expect(ended.json).toMatchObject({ verdict: 'equal', losses: 1 })
    await isUntouched(folder, run)
  })

  test('ends with its job, and says what it saw until then', async () => {
    const counts = transforms(1, { body: 'with open("calls", "a") as file: file.write("x")' })
    const folder = await pacedJob(50, { 'new.py': counts })
    const run = folder.start([])
    await hasWorked(folder, 500)
    const reported = folder.cli('transform', 'shadow', 'out', '--module', 'new.py', '--for', '10min')
    const calls = join(folder.path, 'calls')
    // Of one worker: its first call was answered.
    await until(() => existsSync(calls) && statSync(calls).size > 1)
    await hasWorked(folder, (await hasWorked(folder, 0)) + 500)
    enough(folder)
    const { code, stdout } = await reported
    expect(code, stdout).toBe(0)
    expect(stdout).toMatch(
      /^equal: .*\n {2}compared [\d,]+ of [\d,]+ rows that came \(\d+ %\), until the job ended, in/,
    )
    expect((await run.ended).code).toBe(0)
  })
})

describe('a shadow is refused in words, and nothing is touched, where', () => {
  test.each(refusedModules)('%s', async (_, module, said) => {
    const folder = await pacedJob(10, { 'new.py': module })
    const run = folder.start([])
    await hasWorked(folder, 100)
    const code = readdirSync(join(folder.path, 'out', 'state', 'code'))
    const ended = await shadow(folder, '--module', 'new.py')
    expect(ended.code, ended.stdout).not.toBe(0)
    expect(ended.stderr).toContain(said)
    expect(readdirSync(join(folder.path, 'out', 'state', 'code'))).toEqual(code)
    await isUntouched(folder, run)
  })
})

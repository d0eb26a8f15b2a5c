/** State that is larger than the memory it may take: by the command line, the same rows and the same state as without a limit. */
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  clicksJob,
  counting,
  expected,
  folderOf,
  hasRead,
  lines,
  runUntil,
  sorted,
  stop,
} from '../support/clicks-job.js'
import { openLevel } from '../../src/state/stores/level.js'
import { type JobFolder, jobFolder, leastBudget } from '../support/job-folder.js'
import {
  countedIn,
  countingKeys,
  keysCounted,
  keysInput,
  keysJob as job,
  keysRow,
  pacedKeysJob,
  seenKeys as first,
} from '../support/keys-job.js'
import { enough, pacedSource, worksOn } from '../support/paced-job.js'

const keys = 20_000
/** Some thousand keys have room in it beside the least that the databases take. */
const budget = ['--state-budget', '2MB', '--epoch', '50ms']

/** The column is wider and another one is new. */
const second = countingKeys('"seen": ab.int64, "last": ab.int64.default(-1)', '"seen": seen, "last": row["n"]')

const input = keysInput(keys)

/** Its rows come until a test says that it is enough: how many epochs there are of so many rows depends on the machine. */
const newFolder = (python = first, text = pacedKeysJob): Promise<JobFolder> =>
  jobFolder({ 'job.ts': text, 'transforms.py': python, 'own.ts': pacedSource(500, keysRow(keys)) })

async function dies(folder: JobFolder, failpoint: string, ...args: readonly string[]): Promise<void> {
  const run = await folder.start([...budget, ...args], { env: { ANABRANCH_FAILPOINT: failpoint } }).ended
  expect(run.signal, run.stderr).toBe('SIGKILL')
}

/** The first row of that key is the one whose number is this. */
const firstOfKey17 = Array.from({ length: keys }, (_, n) => n).findIndex(n => (n * 7_919) % keys === 17)
const seenOfKey17 = (rows: number): number => Math.ceil((rows - firstOfKey17) / keys)

test('S12 S1: a job whose state has no room in memory gives the same rows, killed in between, and its commands see all keys', async () => {
  const folder = await newFolder()
  for (const failpoint of ['prepare.sync:after:3', 'prepare.sync:before:2', 'sink.commit:after:2']) {
    await dies(folder, failpoint)
  }
  const { end, rows } = await worksOn(folder, folder.start(budget), 3 * keys)
  expect(end.json?.['epochs']).toMatchObject({ resumed_from: expect.any(Number), bytes_beyond: expect.any(Number) })
  expect(Object(end.json?.['epochs']).bytes_beyond).toBeGreaterThan(100_000)
  expect(countedIn(folder)).toEqual(keysCounted(keys, rows))

  const listed = await folder.cli('state', 'list', 'out', '--json')
  expect(JSON.parse(listed.stdout)).toMatchObject({ job: 'counts', operators: [{ operator: 'count', keys }] })
  const one = await folder.cli('state', 'inspect', 'out', '--key', '"key 17"')
  expect(JSON.parse(one.stdout)).toMatchObject({ key: { k: 'key 17' }, state: { seen: seenOfKey17(rows) } })
  const exported = await folder.cli('state', 'export', 'out')
  expect(exported.stdout.trimEnd().split('\n')).toHaveLength(keys)
})

test('state beyond memory goes on under other columns: one that is wider, one that is new', async () => {
  const folder = await newFolder()
  await dies(folder, 'prepare.sync:after:4')
  writeFileSync(join(folder.path, 'transforms.py'), second)
  expect((await folder.cli('types', 'transforms.py')).code).toBe(0)
  await dies(folder, 'prepare.sync:after:2')
  const { rows } = await worksOn(folder, folder.start(budget), 3 * keys)
  expect(countedIn(folder)).toEqual(keysCounted(keys, rows))
  const one = await folder.cli('state', 'inspect', 'out', '--key', '"key 17"')
  expect(JSON.parse(one.stdout)).toMatchObject({ state: { seen: seenOfKey17(rows) } })
})

test('U5: a savepoint has the state beyond memory, and begins a job that has room, or has none', async () => {
  const none = ['--state-budget', leastBudget]
  const folder = await folderOf(lines(0, 700))
  await runUntil(folder, 700, () => stop(folder, 'half'), ...none)
  for (const memory of [['--state-budget', 'off'], none]) {
    const next = await folderOf(lines(0, 1000), counting, clicksJob)
    const from = join(folder.path, 'out/savepoints/half')
    await runUntil(next, 1000, () => stop(next, 'end'), '--from', from, ...memory)
    expect(sorted([...folder.rows('counts'), ...next.rows('counts')])).toEqual(expected(1000))
  }
})

test('a budget that a job cannot keep to is refused before anything starts', async () => {
  const folder = await newFolder()
  const refused = await folder.run('--state-budget', '2MB', '--epoch', 'off')
  expect(refused.code).toBe(2)
  expect(refused.stderr).toContain('state can be larger than memory only with epochs, and this job has none')
  const small = await folder.run('--state-budget', '1MB')
  expect(small.code).toBe(2)
  expect(small.stderr).toContain(
    'a state budget of 1,000,000 bytes cannot be kept to: the databases alone take 1,198,373 bytes',
  )
  const odd = await folder.run('--state-budget', 'much')
  expect(odd.stderr).toContain('--state-budget needs a size such as 512MiB, or off, but it is "much"')
})

test('state that has expired beyond memory goes from the disk, of keys that nobody asks for any more', async () => {
  const expiring = countingKeys('"seen": ab.value_state(ab.int32, ttl=ab.ttl("2s"))', '"seen": seen').replace(
    'state["seen"]',
    '(state["seen"] or 0)',
  )
  const followed = job.replace("csv({ n: 'int64', k: 'utf8' })", "csv({ n: 'int64', k: 'utf8' }), { tail: true }")
  const files = { 'in/1.csv': `n,k\n${input.join('')}`, 'job.ts': followed, 'transforms.py': expiring }
  const folder = await jobFolder(files)
  const run = folder.start(['--state-budget', leastBudget, '--epoch', '50ms'])
  await hasRead(folder, keys)
  const beyond = async (): Promise<{ readonly entries: number; readonly left: number }> => {
    const status = await folder.cli('status', 'out', '--json')
    return JSON.parse(status.stdout).stages[0].beyond
  }
  while ((await beyond()).left < keys / 2);
  while ((await beyond()).entries > 0);
  await stop(folder, 'end')
  const { code, stderr } = await run.ended
  expect(code, stderr).toBe(0)
})

test('S4: a job that began with an entry less than were written, by bytes that are right, stops and says so', async () => {
  const followed = job.replace("csv({ n: 'int64', k: 'utf8' })", "csv({ n: 'int64', k: 'utf8' }), { tail: true }")
  const files = { 'in/1.csv': `n,k\n${input.join('')}`, 'job.ts': followed, 'transforms.py': first }
  const folder = await jobFolder(files)
  const none = ['--state-budget', leastBudget, '--epoch', '50ms']
  const run = folder.start(none)
  await hasRead(folder, keys)
  await stop(folder, 'end')
  expect((await run.ended).code).toBe(0)

  const store = join(folder.path, 'out/state/store')
  const generation = readdirSync(store).find(name => name.startsWith('generation-')) ?? ''
  const cold = await openLevel(join(store, generation, 'cold'), false)
  for await (const { key } of cold.entries({ limit: 1 })) await cold.write([], [key])
  await cold.close()

  const again = await folder.start(none).ended
  expect(again.code).toBe(1)
  // Where a block has its key too, the keys that are read back are counted before the first row; else the entries behind it.
  expect(again.stderr).toMatch(
    /ANB6019 operator "count" has \d+ keys in key group|ANB6010 .*: key group \d+ of operator "count" has other entries/,
  )
  const listed = await folder.cli('state', 'list', 'out')
  expect(listed.code).toBe(1)
  expect(listed.stderr).toMatch(
    /ANB6010 state beyond memory in .*: key group \d+ of operator "count" has other entries/,
  )
})

test('functions for the end of the input meet all keys in the same order, killed in between, whatever lies beyond memory', async () => {
  const ending = `
import anabranch as ab

def totals(keys, state):
    return {"k": keys["k"], "seen": state["seen"]}

@ab.keyed(
    inputs={"n": ab.int64}, state={"seen": ab.int32}, outputs={"nth": ab.int64}, mode="row",
    side={"totals": {"k": ab.utf8, "seen": ab.int32}}, at_end=totals,
)
def count(row, state):
    seen = (state["seen"] if state else 0) + 1
    return {"nth": seen}, {"seen": seen}
`
  const withTotals = pacedKeysJob
    .replace('export default job', 'const counts = job')
    .replace(
      ".to(files.sink('rows/', json()))",
      "\ncounts.to(files.sink('rows/', json()))\nexport default counts.side('totals').to(files.sink('totals/', json()))",
    )
  const beyond = await newFolder(ending, withTotals)
  for (const failpoint of ['prepare.sync:before:4', 'sink.commit:before:6'])
    await dies(beyond, failpoint, '--lanes', '1')
  const { end, rows } = await worksOn(beyond, beyond.start([...budget, '--lanes', '1']), 3 * keys)
  expect(Object(end.json?.['epochs']).bytes_beyond).toBeGreaterThan(100_000)
  expect(countedIn(beyond)).toEqual(keysCounted(keys, rows))

  const inMemory = await newFolder(ending, withTotals)
  enough(inMemory, rows)
  const all = await inMemory.run('--lanes', '1', '--state-budget', 'off')
  expect(all.code, all.stderr).toBe(0)
  expect(inMemory.rows('totals')).toHaveLength(keys)
  expect(beyond.rows('totals')).toEqual(inMemory.rows('totals'))
})

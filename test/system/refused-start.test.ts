/** Runs that are refused before their first row leave no state where there was none, whoever refuses them and how late. */
import { appendFileSync, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { clicksJob as job, counting, expected, folderOf, lines, runUntil, sorted, stop } from '../support/clicks-job.js'
import { type JobFolder } from '../support/job-folder.js'
import { treeOf } from '../support/tree.js'

const strangerIn = ({ path }: JobFolder): void => {
  mkdirSync(join(path, 'out/counts'), { recursive: true })
  writeFileSync(join(path, 'out/counts/theirs.jsonl'), '{}\n')
}
const dying = `${counting}
import os, sys
if "_worker" in str(sys.orig_argv): os._exit(3)
`

test('a run whose source, sink or worker refuses it leaves no state folder', async () => {
  const folder = await folderOf(lines(0, 10))
  rmSync(join(folder.path, 'in/1.jsonl'))
  writeFileSync(join(folder.path, 'job.ts'), job.replace(', { tail: true }', ''))
  const withoutSource = await folder.run()
  expect(withoutSource.stderr).toContain('ANB1019 no file matches')
  expect(existsSync(join(folder.path, 'out/state'))).toBe(false)
  writeFileSync(join(folder.path, 'in/1.jsonl'), lines(0, 10))
  strangerIn(folder)
  const withStranger = await folder.run()
  expect(withStranger.stderr).toContain('ANB4008 sink folder')
  expect(existsSync(join(folder.path, 'out/state'))).toBe(false)
  const other = await folderOf(lines(0, 10), dying)
  const withoutWorker = await other.run()
  expect(withoutWorker.stderr).toContain('ANB3004 expected a worker to start and stay')
  expect(existsSync(join(other.path, 'out/state'))).toBe(false)
})

test('a start at a savepoint that a sink refuses leaves no state folder', async () => {
  const first = await folderOf(lines(0, 700))
  await runUntil(first, 700, () => stop(first, 'half'))
  const second = await folderOf(lines(0, 1000))
  strangerIn(second)
  const refused = await second.run('--from', join(first.path, 'out/savepoints/half'))
  expect(refused.stderr).toContain('ANB4008 sink folder')
  expect(existsSync(join(second.path, 'out/state'))).toBe(false)
})

test('a run that is to begin anew and is refused by a sink leaves the run before, which goes on', async () => {
  const folder = await folderOf(lines(0, 700))
  await runUntil(folder, 700, () => stop(folder, 'half'))
  strangerIn(folder)
  const before = treeOf(join(folder.path, 'out'))
  const refused = await folder.run('--fresh')
  expect(refused.stderr).toContain('ANB4008 sink folder')
  expect(treeOf(join(folder.path, 'out'))).toEqual(before)
  rmSync(join(folder.path, 'out/counts/theirs.jsonl'))
  appendFileSync(join(folder.path, 'in/1.jsonl'), lines(700, 1000))
  await runUntil(folder, 1000, () => stop(folder, 'more'))
  expect(sorted(folder.rows('counts'))).toEqual(expected(1000))
  await runUntil(folder, 1000, () => stop(folder, 'anew'), '--fresh')
  expect(sorted(folder.rows('counts'))).toEqual(expected(1000))
})

/** A job that is stopped and then fails: where new code was on trial it ends well, as the old code left it; else the stop failed too. */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../support/fault-job.js'
import { type JobFolder } from '../support/job-folder.js'
import { enough, hasWorked, pacedJob, sumsOf, sumsOfAll, swap, transforms } from '../support/paced-job.js'

/** Code that says that it was called, waits until it may go on, and breaks its contract. */
const waiting = transforms(2, {
  top: 'import os, time',
  body: `open("called", "w").close()
    while not os.path.exists("go"): time.sleep(0.01)
    return {"before": before}, {"sum": new}`,
})

async function isStopping(folder: JobFolder): Promise<void> {
  for (let state: unknown = null; state !== 'stopping'; )
    state = (await folder.cli('status', 'out', '--json')).json?.['state']
}

test('a stop while new code is on trial throws a trial that is lost away, and leaves the state of the old code and a savepoint', async () => {
  const folder = await pacedJob(50, { 'new.py': waiting })
  const run = folder.start([])
  await hasWorked(folder, 1_000)
  const swapping = swap(folder, '--module', 'new.py')
  await until(() => existsSync(join(folder.path, 'called')))
  const stopping = folder.cli('stop', 'out', '--name', 'old', '--json')
  await isStopping(folder)
  writeFileSync(join(folder.path, 'go'), '')

  const stopped = await stopping
  expect(stopped.code, stopped.stderr).toBe(0)
  const swapped = await swapping
  expect(swapped.code).toBe(1)
  expect(swapped.json, swapped.stderr).toMatchObject({ kept: false, why: { class: 'ContractError' } })
  const ended = await run.ended
  // Its input has an end, which it did not come to.
  expect(ended.code, ended.stderr).toBe(130)
  expect(ended.json).toMatchObject({ counters: { 'swap.thrown away': 1 } })
  expect(existsSync(join(folder.path, 'out/savepoints/old/savepoint.json'))).toBe(true)
  const first = folder.rows('rows')
  expect(sumsOf(first)).toEqual(sumsOfAll(first.length))

  const again = folder.start([])
  await hasWorked(folder, first.length + 500)
  enough(folder)
  const end = await again.ended
  expect(end.code, end.stderr).toBe(0)
  const out = folder.rows('rows')
  expect(sumsOf(out)).toEqual(sumsOfAll(out.length))
  expect(out.every(row => row['version'] === 1)).toBe(true)
})

test('a stop of a job that fails while it stops has its exit code', async () => {
  const folder = await pacedJob(50, { 'transforms.py': waiting })
  const run = folder.start([])
  await until(() => existsSync(join(folder.path, 'called')))
  const stopping = folder.cli('stop', 'out', '--json')
  await isStopping(folder)
  writeFileSync(join(folder.path, 'go'), '')

  const stopped = await stopping
  expect(stopped.code).toBe(1)
  expect(stopped.json).toMatchObject({ end: 'failed' })
  expect(stopped.stderr).toContain('it failed while it stopped')
  expect((await run.ended).code).toBe(1)
})

/** Savepoints asked of a job that runs: what they hold, and what becomes of them where the job ends or dies meanwhile. */
import { appendFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { shape } from '../../src/base/index.js'
import { counting, expected, folderOf, hasRead, lines, runUntil, sorted, stop } from '../support/clicks-job.js'
import { type Ended } from '../support/cli.js'
import { until } from '../support/fault-job.js'
import { type JobFolder } from '../support/job-folder.js'

/** An epoch that would be cut by itself only after all tests are over. */
const never = ['--epoch', '1h'] as const

const savepointsOf = (folder: JobFolder): readonly string[] =>
  existsSync(join(folder.path, 'out/savepoints')) ? readdirSync(join(folder.path, 'out/savepoints')) : []

const create = (folder: JobFolder, name: string): Promise<Ended> =>
  folder.cli('savepoint', 'create', 'out', '--name', name, '--json')

async function inspected(folder: JobFolder, name: string): Promise<Ended['json']> {
  return (await folder.cli('savepoint', 'inspect', `out/savepoints/${name}`, '--json')).json
}

describe('a savepoint of a job that runs', () => {
  test('holds all that was read, however long its epochs are, and another one that is asked for at once is the same', async () => {
    const folder = await folderOf(lines(0, 300))
    const body = async (): Promise<void> => {
      for (const name of ['first', 'again']) expect(await create(folder, name)).toMatchObject({ code: 0 })
      appendFileSync(join(folder.path, 'in/1.jsonl'), lines(300, 500))
      await hasRead(folder, 500)
      expect(await create(folder, 'later')).toMatchObject({ code: 0 })
      await stop(folder, 'end')
    }
    await runUntil(folder, 300, body, ...never)
    const [first, again, later] = [
      await inspected(folder, 'first'),
      await inspected(folder, 'again'),
      await inspected(folder, 'later'),
    ]
    expect(first).toMatchObject({ epoch: 1, sources: { in: { rows: 300 } } })
    expect(again).toMatchObject({ epoch: 1, sources: { in: { rows: 300 } } })
    expect(later).toMatchObject({ epoch: 2, sources: { in: { rows: 500 } } })
    expect(sorted(folder.rows('counts'))).toEqual(expected(500))
  })

  test('is made of one that has read nothing yet, and begins at the beginning', async () => {
    const folder = await folderOf('')
    await runUntil(folder, 0, async () => {
      for (let made = 75; made === 75 || made === 1; ) made = (await create(folder, 'empty')).code ?? 0
      await stop(folder, 'end')
    })
    const other = await folderOf(lines(0, 100))
    const args = ['--from', join(folder.path, 'out/savepoints/empty')]
    await runUntil(other, 100, () => stop(other, 'end'), ...args)
    expect(sorted(other.rows('counts'))).toEqual(expected(100))
  })
})

/** Its calls say that they have begun, and wait as long as the file `wait` is there. */
const patient = counting.replace(
  'def count(batch, state):',
  `def count(batch, state):
    import os, time
    open("begun", "w").close()
    while os.path.exists("wait"):
        time.sleep(0.01)`,
)

describe('a savepoint for which a call has to end', () => {
  /** A job of which a call is under way that does not end by itself, and a savepoint that waits for it. */
  async function waiting() {
    const folder = await folderOf(lines(0, 100), patient)
    const at = (name: string): string => join(folder.path, name)
    writeFileSync(at('wait'), '')
    const run = folder.start(never)
    await until(() => existsSync(at('begun')))
    const making = create(folder, 'late')
    for (let delayed: unknown = null; delayed !== 'operator "count"'; ) {
      const { json } = await folder.cli('status', 'out', '--json')
      delayed = shape.record(json?.['epochs'], 'epochs')['delayed_by']
    }
    return { folder, run, making, letGo: () => rmSync(at('wait')) }
  }

  test('is refused where the job is cancelled meanwhile, and nothing of it is left', async () => {
    const { folder, run, making } = await waiting()
    await folder.cli('cancel', 'out')
    const { code, stderr } = await making
    expect(code, stderr).toBe(1)
    expect(stderr).toContain('ANB6033 the job failed or ended before its savepoint was made')
    expect((await run.ended).code).toBe(130)
    expect(savepointsOf(folder)).toEqual([])
  })

  test('is made where the job is stopped meanwhile, beside that of the stop', async () => {
    const { folder, run, making, letGo } = await waiting()
    const stopping = stop(folder, 'end')
    for (let state: unknown = null; state !== 'stopping'; )
      state = (await folder.cli('status', 'out', '--json')).json?.['state']
    letGo()
    const { code, stderr } = await making
    expect(code, stderr).toBe(0)
    await stopping
    expect((await run.ended).code).toBe(0)
    expect(await inspected(folder, 'late')).toMatchObject({ sources: { in: { rows: 100 } } })
    expect(savepointsOf(folder).toSorted()).toEqual(['end', 'late'])
    expect(sorted(folder.rows('counts'))).toEqual(expected(100))
  })
})

describe('S1 a host that dies', () => {
  const goesOn = async (folder: JobFolder): Promise<void> => {
    appendFileSync(join(folder.path, 'in/1.jsonl'), lines(200, 300))
    await runUntil(folder, 300, () => stop(folder, 'end'))
    expect(sorted(folder.rows('counts'))).toEqual(expected(300))
  }

  test.each([
    ['before', []],
    ['after', ['half']],
  ] as const)('%s it publishes a savepoint leaves none or all of it, and goes on', async (side, left) => {
    const folder = await folderOf(lines(0, 200))
    const run = folder.start(['--epoch', '50ms'], { env: { ANABRANCH_FAILPOINT: `savepoint.publish:${side}` } })
    await hasRead(folder, 200)
    const made = await create(folder, 'half')
    expect([made.code, made.json]).toMatchObject([75, { error: { code: 'ANB4020' } }])
    expect((await run.ended).signal).toBe('SIGKILL')
    expect(savepointsOf(folder).filter(name => !name.startsWith('.'))).toEqual(left)
    await goesOn(folder)
    expect(savepointsOf(folder)).toEqual(['end', ...left])
    if (left.length === 0) expect(await create(folder, 'half')).toMatchObject({ code: 0 })
    const other = await folderOf(lines(0, 300))
    const args = ['--from', join(folder.path, 'out/savepoints/half')]
    await runUntil(other, 300, () => stop(other, 'end'), ...args)
    const from = left.length === 0 ? 300 : 200
    expect(sorted(other.rows('counts'))).toEqual(expected(300).slice(from))
  })

  test.each(['before', 'after'])('%s it drains goes on where it was', async side => {
    const folder = await folderOf(lines(0, 200))
    const run = folder.start(['--epoch', '50ms'], { env: { ANABRANCH_FAILPOINT: `shutdown.drain:${side}` } })
    await hasRead(folder, 200)
    expect(await folder.cli('stop', 'out')).toMatchObject({ code: 75 })
    expect((await run.ended).signal).toBe('SIGKILL')
    await goesOn(folder)
  })
})

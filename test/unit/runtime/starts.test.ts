/** Starts of a job in one output folder that die in the middle: what was consented to once is not asked for again. */
import { expect, test } from 'vitest'
import { Disk } from '../../support/disk.js'
import { type Beginning, JobLife, OutputFolder, type SinkId, isDeath } from '../../support/job-lives.js'

const on = (sinks: readonly SinkId[]): Beginning => ({ from: null, fresh: false, rewind: false, sinks })

/** A life that writes one row an epoch, saves behind each, and is stopped. */
async function lived(folder: OutputFolder, begins: Beginning, rows: readonly number[]): Promise<readonly string[]> {
  const life = new JobLife(folder, begins)
  const saved: string[] = []
  await life.start(() => undefined)
  for (const row of rows) {
    await life.write(row)
    life.cut()
    await life.settled()
    saved.push(await life.save())
  }
  await life.end('unfinished')
  await life.close()
  await folder.end()
  return saved
}

/** Whether its store had taken the place of the one before when it died at this step of its start. */
async function diesInStart(folder: OutputFolder, begins: Beginning, step: number): Promise<'before' | 'behind' | 'no'> {
  const store = (): string => folder.disk.readText('/lives/out/state/store/state.json')
  folder.bytes()
  const before = store()
  folder.disk.start(step, 'kept')
  const life = new JobLife(folder, begins)
  const died = await life
    .start(() => undefined)
    .then(
      () => false,
      (error: unknown) => isDeath(error) || Promise.reject(error),
    )
  await life.close()
  await folder.end()
  folder.bytes()
  return !died ? 'no' : store() === before ? 'before' : 'behind'
}

test('a sink that a savepoint does not know is taken back by the next start, where the one with consent died over it', async () => {
  const died = new Map<string, number>()
  for (let step = 1, isThrough = false; !isThrough; step += 1) {
    const folder = new OutputFolder(new Disk(), { bytes: 1, delivery: 'exactly-once' })
    const [from = ''] = await lived(folder, on(['a']), [1])
    await lived(folder, on(['a', 'b']), [2, 3])
    const goesBack: Beginning = { from, fresh: false, rewind: true, sinks: ['a', 'b'] }
    const when = await diesInStart(folder, goesBack, step)
    isThrough = when === 'no'
    died.set(when, (died.get(when) ?? 0) + 1)
    if (when !== 'behind') continue
    await lived(folder, on(['a', 'b']), [4])
    expect([folder.shown('a'), folder.shown('b')], `died at step ${step}`).toEqual([[1, 4], [4]])
  }
  expect(died.get('before')).toBeGreaterThan(3)
  expect(died.get('behind')).toBeGreaterThan(3)
})

test('a sink that comes to the job behind that is asked for itself', async () => {
  const folder = new OutputFolder(new Disk(), { bytes: 1, delivery: 'exactly-once' })
  const [from = ''] = await lived(folder, on(['a']), [1])
  await lived(folder, on(['a', 'b']), [2, 3])
  await lived(folder, { from, fresh: false, rewind: true, sinks: ['a'] }, [4])
  const before = folder.bytes()
  await expect(lived(folder, on(['a', 'b']), [5])).rejects.toMatchObject({ code: 'ANB6036' })
  await folder.end()
  expect(folder.bytes()).toEqual(before)
})

test('a sink that was away while runs began at two savepoints goes on beside what it showed', async () => {
  const folder = new OutputFolder(new Disk(), { bytes: 1, delivery: 'exactly-once' })
  await lived(folder, on(['a', 'b']), [1])
  const [first = ''] = await lived(folder, on(['a']), [2])
  const begins = (from: string): Beginning => ({ from, fresh: false, rewind: false, sinks: ['a'] })
  const [second = ''] = await lived(folder, begins(first), [3])
  await lived(folder, { ...begins(second), sinks: ['a', 'b'] }, [4])
  await lived(folder, on(['a', 'b']), [5])
  expect([folder.shown('a'), folder.shown('b')]).toEqual([
    [1, 2, 3, 4, 5],
    [1, 4, 5],
  ])
})

/** Whose epochs lie in an output folder, where runs began at savepoints of one another, and which of its files a start goes on with. */
import { describe, expect, test } from 'vitest'
import {
  type Descent,
  type Prepared,
  type Sink,
  type SinkStart,
  forebearsOf,
  lineagesBehind,
  noEpochs,
} from '../../../src/connectors/index.js'
import { type Delivery } from '../../../src/plan/index.js'
import { batchOf, numberedRows, numberedSchema } from '../../support/connectors.js'
import { Disk, diedIn } from '../../support/disk.js'
import { sinkTo } from '../../support/files-sink.js'

/** Run a until epoch 3, b until epoch 5, and c. */
const there: Descent = {
  lineage: 'c',
  forebears: [
    { lineage: 'a', epoch: 3 },
    { lineage: 'b', epoch: 5 },
  ],
}

describe('of runs that began at savepoints of one another', () => {
  test.each([
    ['d', { lineage: 'c', epoch: 9 }, [...there.forebears, { lineage: 'c', epoch: 9 }]],
    ['d', { lineage: 'b', epoch: 4 }, [there.forebears[0], { lineage: 'b', epoch: 4 }]],
    ['d', { lineage: 'a', epoch: 3 }, [{ lineage: 'a', epoch: 3 }]],
    ['c', { lineage: 'c', epoch: 9 }, there.forebears],
    ['c', { lineage: 'b', epoch: 5 }, there.forebears],
  ])('run %s goes on behind %o with the epochs before it', (lineage, at, forebears) => {
    expect(forebearsOf(lineage, at, there)).toEqual(forebears)
  })

  test.each([
    { lineage: 'a', epoch: 4 },
    { lineage: 'b', epoch: 6 },
    { lineage: 'z', epoch: 1 },
  ])('nobody goes on behind %o, since what is there has other epochs', at => {
    expect(forebearsOf('d', at, there)).toBe(null)
  })

  test('those behind an epoch of one of them are it and all that came later', () => {
    expect(lineagesBehind({ lineage: 'b', epoch: 5 }, there)).toEqual(['b', 'c'])
    expect(lineagesBehind({ lineage: 'a', epoch: 1 }, there)).toEqual(['a', 'b', 'c'])
    expect(lineagesBehind({ lineage: 'z', epoch: 1 }, there)).toEqual(['z'])
    expect(lineagesBehind({ lineage: 'a', epoch: 1 }, null)).toEqual(['a'])
  })
})

const freshDisk = (): Disk => {
  const disk = new Disk()
  disk.makeDirectory('/out')
  return disk
}

/** Each row is a part, unless that has more bytes. */
async function begun(disk: Disk, start: SinkStart, bytes = 1, delivery: Delivery = 'exactly-once'): Promise<Sink> {
  const sink = sinkTo('/out', { files: disk, bytes, delivery })
  await sink.check?.(start)
  await sink.open(start)
  return sink
}

async function refusedUntouched(disk: Disk, start: SinkStart, message: string): Promise<void> {
  const before = disk.steps
  await expect(begun(disk, start)).rejects.toMatchObject({ code: 'ANB6036', message })
  expect(disk.steps).toBe(before)
}

/** The host dies over the marker, behind all that it shows. */
async function showWithoutMarker(disk: Disk, commit: () => Promise<void>): Promise<void> {
  const marker = '/out/state/sinks/rows.epochs'
  const before = disk.readText(marker)
  await commit()
  disk.writeText(marker, before)
}

async function oneMore(sink: Sink, epoch: number, row: number): Promise<Prepared> {
  await sink.write(batchOf(numberedSchema, numberedRows(row, row + 1)))
  const prepared = await sink.prepare(epoch)
  await sink.commit(epoch, prepared)
  return prepared
}

const rowsIn = (disk: Disk): readonly number[] =>
  disk
    .below('/out/rows')
    .toSorted()
    .flatMap(path => disk.readText(path).split('\n'))
    .flatMap(line => (line === '' ? [] : Number(Object(JSON.parse(line)).n)))

describe('a start at a savepoint in a folder where runs went on from it', () => {
  /** A run until epoch 1, and one from there until epoch 2. Answers the start that a third one makes at epoch 1, with consent. */
  async function twoRuns(disk: Disk): Promise<SinkStart> {
    const prepared = await oneMore(await begun(disk, { ...noEpochs, lineage: 'a1' }), 1, 0)
    const second = await begun(disk, { lineage: 'b2', epoch: 1, prepared, marked: false })
    await oneMore(second, 2, 7)
    expect(rowsIn(disk)).toEqual([0, 7])
    return { lineage: 'c3', epoch: 1, prepared, marked: false, rewinds: true }
  }

  test('keeps the rows that came before it, where it died before its first epoch and begins again too', async () => {
    const disk = freshDisk()
    const start = await twoRuns(disk)
    await begun(disk, start)
    await oneMore(await begun(disk, start), 2, 4)
    expect(rowsIn(disk)).toEqual([0, 4])
  })

  test('is refused without consent while epochs behind it are shown, and nothing is touched', async () => {
    const disk = freshDisk()
    const start = await twoRuns(disk)
    await refusedUntouched(
      disk,
      { ...start, rewinds: false },
      'sink folder "rows" shows rows of epoch 2, and the savepoint is of epoch 1',
    )
  })

  test('is refused too where the run that showed them died before it could write its marker', async () => {
    const disk = freshDisk()
    const first = await begun(disk, { ...noEpochs, lineage: 'a1' })
    const prepared = await oneMore(first, 1, 0)
    await first.write(batchOf(numberedSchema, numberedRows(1, 2)))
    const second = await first.prepare(2)
    await showWithoutMarker(disk, () => first.commit(2, second))
    expect(rowsIn(disk)).toEqual([0, 1])
    const start = { lineage: 'b2', epoch: 1, prepared, marked: false }
    await refusedUntouched(disk, start, 'sink folder "rows" shows rows of epoch 2, and the savepoint is of epoch 1')
  })

  test('needs no consent where what came behind it was never shown', async () => {
    const disk = freshDisk()
    const first = await begun(disk, { ...noEpochs, lineage: 'a1' }, 1e9)
    const prepared = await oneMore(first, 1, 0)
    await oneMore(first, 2, 1)
    const again = await begun(disk, { lineage: 'b2', epoch: 1, prepared, marked: false }, 1e9)
    await oneMore(again, 2, 7)
    await again.finish('finished')
    expect(rowsIn(disk)).toEqual([0, 7])
  })

  test('is refused without consent where a run that promised less showed what came behind it', async () => {
    const disk = freshDisk()
    const less = await begun(disk, { ...noEpochs, lineage: 'a1' }, 1, 'at-least-once')
    const prepared = await oneMore(less, 1, 0)
    await oneMore(less, 2, 1)
    const start = { lineage: 'b2', epoch: 1, prepared, marked: false }
    await refusedUntouched(disk, start, 'sink folder "rows" shows rows of epoch 2, and the savepoint is of epoch 1')
    await oneMore(await begun(disk, { ...start, rewinds: true }), 2, 7)
    expect(rowsIn(disk)).toEqual([0, 7])
  })

  test('keeps a part with rows of both sides that a run showed which promised less, also for starts behind it', async () => {
    const disk = freshDisk()
    const less = await begun(disk, { ...noEpochs, lineage: 'a1' }, 30, 'at-least-once')
    const one = await oneMore(less, 1, 0)
    await less.commit(2, await less.prepare(2))
    await oneMore(less, 3, 1)
    expect(rowsIn(disk)).toEqual([0, 1])
    const start = { lineage: 'b2', epoch: 1, prepared: one, marked: false, rewinds: true }
    const two = await oneMore(await begun(disk, start, 30, 'at-least-once'), 2, 7)
    await begun(disk, { lineage: 'c3', epoch: 2, prepared: two, marked: false }, 30, 'at-least-once')
    expect(rowsIn(disk)).toEqual([0, 1])
  })

  test('in another folder writes what comes behind it there, where it died before its first epoch too', async () => {
    const start = await twoRuns(freshDisk())
    const elsewhere = freshDisk()
    await begun(elsewhere, start)
    await oneMore(await begun(elsewhere, start), 2, 4)
    expect(rowsIn(elsewhere)).toEqual([4])
  })

  test('is refused where rows of an unfinished run came from elsewhere, and nothing is touched', async () => {
    const disk = freshDisk()
    await twoRuns(disk)
    const other = await begun(freshDisk(), { ...noEpochs, lineage: 'a1' })
    await oneMore(other, 1, 0)
    const prepared = await oneMore(other, 2, 1)
    const message = 'sink folder "rows" shows rows that do not come before or behind the savepoint of epoch 2'
    await refusedUntouched(disk, { lineage: 'c3', epoch: 2, prepared, marked: false }, message)
  })
})

describe('a sink that joins a job at a savepoint', () => {
  /** Of a run that showed two rows here until epoch 2. */
  async function shown(disk: Disk): Promise<void> {
    const sink = await begun(disk, { ...noEpochs, lineage: 'a1' })
    await oneMore(sink, 1, 0)
    await oneMore(sink, 2, 1)
  }
  const joinsAt = (epoch: number, of = 'a1'): SinkStart => {
    return { lineage: 'b2', epoch, prepared: null, marked: false, forebears: [{ lineage: of, epoch }] }
  }

  test('goes on beside what it showed before that, where it died before its first epoch and begins again too', async () => {
    const disk = freshDisk()
    await shown(disk)
    await begun(disk, joinsAt(4))
    await oneMore(await begun(disk, joinsAt(4)), 5, 7)
    await oneMore(await begun(disk, { ...joinsAt(4), epoch: 9 }), 10, 8)
    expect(rowsIn(disk)).toEqual([0, 1, 7, 8])
  })

  test('takes back what it has shown behind that, with consent alone', async () => {
    const disk = freshDisk()
    await shown(disk)
    await refusedUntouched(
      disk,
      joinsAt(1),
      'sink folder "rows" shows rows of epoch 2, and the savepoint is of epoch 1',
    )
    await begun(disk, { ...joinsAt(1), rewinds: true })
    await oneMore(await begun(disk, { ...joinsAt(1), rewinds: true }), 2, 7)
    expect(rowsIn(disk)).toEqual([0, 7])
  })

  test('goes on beside what it showed where other runs came in between that it was no part of', async () => {
    const disk = freshDisk()
    await shown(disk)
    const between = [
      { lineage: 'a1', epoch: 2 },
      { lineage: 'b2', epoch: 5 },
    ]
    const joins = { lineage: 'c3', epoch: 9, prepared: null, marked: false, forebears: between }
    await oneMore(await begun(disk, joins), 10, 7)
    expect(rowsIn(disk)).toEqual([0, 1, 7])
  })

  test('is refused where it shows rows of a run that the job does not go on with, and nothing is touched', async () => {
    const disk = freshDisk()
    await shown(disk)
    const message = 'sink folder "rows" shows rows that do not come before or behind the savepoint of epoch 4'
    await refusedUntouched(disk, joinsAt(4, 'c3'), message)
    expect(rowsIn(disk)).toEqual([0, 1])
  })

  test('is refused where what it shows went elsewhere before that, whatever came earlier still', async () => {
    const disk = freshDisk()
    const first = await begun(disk, { ...noEpochs, lineage: 'z0' })
    const one = await oneMore(first, 1, 0)
    const second = await begun(disk, { lineage: 'a1', epoch: 1, prepared: one, marked: false })
    const two = await oneMore(second, 2, 1)
    await oneMore(await begun(disk, { lineage: 'k9', epoch: 2, prepared: two, marked: false }), 3, 2)
    const forebears = [
      { lineage: 'z0', epoch: 1 },
      { lineage: 'a1', epoch: 4 },
    ]
    const message = 'sink folder "rows" shows rows that do not come before or behind the savepoint of epoch 4'
    await refusedUntouched(disk, { lineage: 'b2', epoch: 4, prepared: null, marked: false, forebears }, message)
  })
})

describe('a finished run that is shown while another one waits', () => {
  /** A run until epoch 1, and one from there until epoch 2, which finished. Answers what the first one said. */
  async function finished(disk: Disk): Promise<Prepared> {
    const prepared = await oneMore(await begun(disk, { ...noEpochs, lineage: 'a1' }), 1, 0)
    const second = await begun(disk, { lineage: 'b2', epoch: 1, prepared, marked: false })
    await oneMore(second, 2, 7)
    await second.finish('finished')
    expect(rowsIn(disk)).toEqual([0, 7])
    return prepared
  }

  test('is gone on with at a savepoint that it went on from', async () => {
    const disk = freshDisk()
    const prepared = await finished(disk)
    await oneMore(await begun(disk, { ...noEpochs, lineage: 'd4' }), 1, 20)
    expect(rowsIn(disk)).toEqual([0, 7])
    await oneMore(await begun(disk, { lineage: 'c3', epoch: 1, prepared, marked: false, rewinds: true }), 2, 4)
    expect(rowsIn(disk)).toEqual([0, 4])
  })

  test('shows epochs behind a savepoint that it went on from, until it is replaced', async () => {
    const disk = freshDisk()
    const prepared = await finished(disk)
    const goesBack = { lineage: 'c3', epoch: 1, prepared, marked: false }
    const message = 'sink folder "rows" shows rows of epoch 2, and the savepoint is of epoch 1'
    const waits = await begun(disk, { ...noEpochs, lineage: 'd4' })
    await oneMore(waits, 1, 20)
    await refusedUntouched(disk, goesBack, message)
    // It died, and goes on.
    const again = await begun(disk, { lineage: 'd4', epoch: 1, prepared: await waits.prepare(2), marked: true })
    await refusedUntouched(disk, goesBack, message)
    await again.finish('finished')
    await begun(disk, goesBack)
    expect(rowsIn(disk)).toEqual([20])
  })

  test('is not finished any more once its first file is taken back', async () => {
    const outcomes = new Set<string>()
    for (let step = 1, isThrough = false; !isThrough; step += 1) {
      const disk = freshDisk()
      const start = { lineage: 'c3', epoch: 1, prepared: await finished(disk), marked: false, rewinds: true }
      disk.start(step, 'kept')
      isThrough = !(await diedIn(() => begun(disk, start)))
      disk.start(Number.POSITIVE_INFINITY, 'kept')
      const before = rowsIn(disk)
      await begun(disk, { ...noEpochs, lineage: 'e5' })
      outcomes.add(`${before.join(' ')} then ${rowsIn(disk).join(' ')}`)
    }
    expect([...outcomes]).toEqual(['0 7 then 0 7', '0 7 then ', '0 then '])
  })

  test('keeps its files where one that begins at a savepoint takes back those of the same names that wait', async () => {
    const disk = freshDisk()
    await finished(disk)
    const waits = await begun(disk, { ...noEpochs, lineage: 'd4' })
    const prepared = await oneMore(waits, 1, 20)
    await oneMore(waits, 2, 21)
    const begins = await begun(disk, { lineage: 'c3', epoch: 1, prepared, marked: false })
    expect(rowsIn(disk)).toEqual([0, 7])
    await begins.finish('finished')
    expect(rowsIn(disk)).toEqual([20])
  })
})

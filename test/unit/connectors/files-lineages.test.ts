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
import { batchOf, numberedRows, numberedSchema } from '../../support/connectors.js'
import { Disk } from '../../support/disk.js'
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

/** Each row is a part. */
async function begun(disk: Disk, start: SinkStart): Promise<Sink> {
  const sink = sinkTo('/out', { files: disk, bytes: 1 })
  await sink.check?.(start)
  await sink.open(start)
  return sink
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
  /** A run until epoch 1, and one from there until epoch 2. Answers the start that a third one makes at epoch 1. */
  async function twoRuns(disk: Disk): Promise<SinkStart> {
    const prepared = await oneMore(await begun(disk, { ...noEpochs, lineage: 'a1' }), 1, 0)
    const second = await begun(disk, { lineage: 'b2', epoch: 1, prepared, marked: false })
    await oneMore(second, 2, 7)
    expect(rowsIn(disk)).toEqual([0, 7])
    return { lineage: 'c3', epoch: 1, prepared, marked: false }
  }

  test('keeps the rows that came before it, where it died before its first epoch and begins again too', async () => {
    const disk = freshDisk()
    const start = await twoRuns(disk)
    await begun(disk, start)
    await oneMore(await begun(disk, start), 2, 4)
    expect(rowsIn(disk)).toEqual([0, 4])
  })

  test('is told of the epochs that lie behind it, whatever the store that is there knows of them', async () => {
    const disk = freshDisk()
    await twoRuns(disk)
    expect(await sinkTo('/out', { files: disk, bytes: 1 }).appliedIn?.('a1')).toBe(2)
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
    const before = disk.steps
    await expect(begun(disk, { lineage: 'c3', epoch: 2, prepared, marked: false })).rejects.toMatchObject({
      code: 'ANB6036',
      message: 'sink folder "rows" shows rows that do not come before or behind the savepoint of epoch 2',
    })
    expect(disk.steps).toBe(before)
  })
})

describe('who asks what a folder shows behind a savepoint', () => {
  /** A run until epoch 3, and one that begins there and dies before its first epoch. */
  async function shownUntil3(disk: Disk): Promise<Prepared> {
    const first = await begun(disk, { ...noEpochs, lineage: 'a1' })
    const one = await oneMore(first, 1, 0)
    await oneMore(first, 2, 1)
    const three = await oneMore(first, 3, 2)
    await begun(disk, { lineage: 'b2', epoch: 3, prepared: three, marked: false })
    return one
  }

  test('hears of the run before too, where one that began behind it died before its first epoch', async () => {
    const disk = freshDisk()
    await shownUntil3(disk)
    const sink = sinkTo('/out', { files: disk, bytes: 1 })
    expect([await sink.appliedIn?.('a1'), await sink.appliedIn?.('b2')]).toEqual([3, 0])
  })

  test('hears of nothing behind it once that was taken back', async () => {
    const disk = freshDisk()
    const prepared = await shownUntil3(disk)
    await begun(disk, { lineage: 'c3', epoch: 1, prepared, marked: false })
    const sink = sinkTo('/out', { files: disk, bytes: 1 })
    expect(await Promise.all(['a1', 'b2', 'c3'].map(each => sink.appliedIn?.(each)))).toEqual([1, 0, 0])
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
    return { lineage: 'b2', epoch, prepared: null, marked: false, begun: { lineage: of, epoch } }
  }

  test('goes on beside what it showed before that, where it died before its first epoch and begins again too', async () => {
    const disk = freshDisk()
    await shown(disk)
    await begun(disk, joinsAt(4))
    await oneMore(await begun(disk, joinsAt(4)), 5, 7)
    await oneMore(await begun(disk, { ...joinsAt(4), epoch: 9 }), 10, 8)
    expect(rowsIn(disk)).toEqual([0, 1, 7, 8])
  })

  test('begins anew where it has shown what comes behind that, with consent alone', async () => {
    const disk = freshDisk()
    await shown(disk)
    const before = disk.steps
    await expect(begun(disk, joinsAt(1))).rejects.toMatchObject({
      code: 'ANB6036',
      message: 'sink folder "rows" shows rows that came behind the savepoint of epoch 1',
      hint: expect.stringContaining('--rewind'),
    })
    expect(disk.steps).toBe(before)
    await oneMore(await begun(disk, { ...joinsAt(1), rewinds: true }), 2, 7)
    expect(rowsIn(disk)).toEqual([7])
  })

  test('is refused where it shows rows of a run that the job does not go on with, and nothing is touched', async () => {
    const disk = freshDisk()
    await shown(disk)
    const before = disk.steps
    await expect(begun(disk, joinsAt(4, 'c3'))).rejects.toMatchObject({ code: 'ANB6036' })
    expect(disk.steps).toBe(before)
    expect(rowsIn(disk)).toEqual([0, 1])
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
    await oneMore(await begun(disk, { lineage: 'c3', epoch: 1, prepared, marked: false }), 2, 4)
    expect(rowsIn(disk)).toEqual([0, 4])
  })

  test('is known to have epochs behind a savepoint that it went on from, until it is replaced', async () => {
    const disk = freshDisk()
    await finished(disk)
    const applied = (): Promise<unknown> => {
      const sink = sinkTo('/out', { files: disk })
      return Promise.all(['a1', 'b2', 'd4'].map(lineage => sink.appliedIn?.(lineage)))
    }
    const waits = await begun(disk, { ...noEpochs, lineage: 'd4' })
    await oneMore(waits, 1, 20)
    expect(await applied()).toEqual([2, 2, 1])
    // It died, and goes on.
    const again = await begun(disk, { lineage: 'd4', epoch: 1, prepared: await waits.prepare(2), marked: true })
    expect(await applied()).toEqual([2, 2, 1])
    await again.finish('finished')
    expect(await applied()).toEqual([0, 0, 1])
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

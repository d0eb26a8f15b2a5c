/** What a person finds in the folder of a files sink: after a roll, a failure, a second run, a kill, and where it must not write. */
import {
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type TableWork, type Sink, noEpochs } from '../../../src/connectors/index.js'
import {
  HandClock,
  batchOf,
  failingFiles,
  filesBelow,
  lay,
  linesOf,
  numberedRows,
  numberedSchema,
  readRows,
  readStandIn,
  refusal,
  standInWork,
  temporaryFolder,
} from '../../support/connectors.js'
import { type MoreOfSink, sinkTo } from '../../support/files-sink.js'

const write = (sink: Sink, from: number, to: number): Promise<void> =>
  sink.write(batchOf(numberedSchema, numberedRows(from, to)))

/** A whole run with a row for each batch, every one a file of its own where `more.bytes` is 1. */
async function run(out: string, from: number, to: number, more: MoreOfSink = {}): Promise<void> {
  const sink = sinkTo(out, more)
  await sink.open(noEpochs)
  for (let at = from; at < to; at += 1) await write(sink, at, at + 1)
  await sink.finish()
}

const shown = (out: string): readonly string[] => filesBelow(out).filter(name => !name.startsWith('state/'))
const rowsShown = (out: string): readonly object[] => shown(out).flatMap(name => readRows(join(out, name)))
const settled = async (check: () => boolean): Promise<void> => {
  while (!check()) await new Promise<void>(resolve => setImmediate(resolve))
}

describe('rolling', () => {
  test('by size: names count up, and a file is there as soon as it is whole', async () => {
    const out = temporaryFolder()
    const sink = sinkTo(out, { bytes: 40 })
    await sink.open(noEpochs)
    for (let at = 0; at < 5; at += 1) await write(sink, at, at + 1)
    await settled(() => shown(out).filter(name => name.startsWith('rows/')).length === 2)
    const files = await sink.finish()
    expect(shown(out)).toEqual(['rows/part-00000.jsonl', 'rows/part-00001.jsonl', 'rows/part-00002.jsonl'])
    expect(files.map(file => [file.path.slice(out.length), file.rows])).toEqual([
      ['/rows/part-00000.jsonl', 2],
      ['/rows/part-00001.jsonl', 2],
      ['/rows/part-00002.jsonl', 1],
    ])
    expect(readFileSync(join(out, 'rows/part-00000.jsonl'), 'utf8')).toBe(linesOf(numberedRows(0, 2)))
  })

  test('by age, also when nothing more is written', async () => {
    const out = temporaryFolder()
    const clock = new HandClock()
    const sink = sinkTo(out, { clock })
    await sink.open(noEpochs)
    await write(sink, 0, 3)
    clock.advance(59_999)
    expect(existsSync(join(out, 'rows/part-00000.jsonl'))).toBe(false)
    clock.advance(1)
    await settled(() => existsSync(join(out, 'rows/part-00000.jsonl')))
    expect(readRows(join(out, 'rows/part-00000.jsonl'))).toEqual(numberedRows(0, 3))
    clock.advance(60_000)
    expect(await sink.finish()).toHaveLength(1)
  })

  test('a sink that got no row leaves one file without rows', async () => {
    const out = temporaryFolder()
    await run(out, 0, 0)
    expect(readFileSync(join(out, 'rows/part-00000.jsonl'), 'utf8')).toBe('')
    await run(out, 0, 0, { path: 'columns/', format: 'parquet' })
    expect(readStandIn(join(out, 'columns/part-00000.parquet'))).toEqual({
      schema: [
        ['n', 'int32'],
        ['word', 'utf8'],
      ],
      groups: [[]],
    })
  })

  test('nothing of staging is left at the end', async () => {
    const out = temporaryFolder()
    await run(out, 0, 3, { format: 'parquet', bytes: 1 })
    expect(readdirSync(out).sort()).toEqual(['rows', 'state'])
  })
})

describe('Parquet', () => {
  test('two files are converted behind the writer, a third one waits; they appear in their order', async () => {
    const out = temporaryFolder()
    const work = standInWork(numberedSchema)
    const pending: (() => void)[] = []
    const slow: TableWork = {
      ...work,
      write: async request => {
        await new Promise<void>(resolve => pending.push(resolve))
        await work.write(request)
      },
    }
    const sink = sinkTo(out, { format: 'parquet', bytes: 1, tables: slow })
    await sink.open(noEpochs)
    await write(sink, 0, 1)
    await write(sink, 1, 2)
    let third = false
    const writing = write(sink, 2, 3).then(() => {
      third = true
    })
    await settled(() => pending.length === 2)
    pending[1]?.()
    await settled(() => work.log.length === 1)
    expect(third).toBe(false)
    expect(shown(join(out, 'rows'))).toEqual([])
    pending[0]?.()
    await writing
    await settled(() => shown(join(out, 'rows')).length === 2)
    pending[2]?.()
    await sink.finish()
    const names = shown(join(out, 'rows'))
    expect(names).toEqual(['part-00000.parquet', 'part-00001.parquet', 'part-00002.parquet'])
    expect(names.flatMap(name => readStandIn(join(out, 'rows', name)).groups.flat())).toEqual(numberedRows(0, 3))
  })

  test('a file may be read by whom the host lets read, whatever the process that writes it would keep private', async () => {
    const out = temporaryFolder()
    const work = standInWork(numberedSchema)
    const secretive: TableWork = {
      ...work,
      write: async request => {
        const mask = process.umask(0o077)
        await work.write(request).finally(() => process.umask(mask))
      },
    }
    await run(out, 0, 1, { format: 'parquet', tables: secretive })
    await run(out, 0, 1, { path: 'lines/' })
    const mode = (name: string): number => statSync(join(out, name)).mode
    expect(mode('rows/part-00000.parquet')).toBe(mode('lines/part-00000.jsonl'))
  })

  test('a conversion that fails stops the sink, and its rows are not visible', async () => {
    const out = temporaryFolder()
    const tables = { ...standInWork(numberedSchema), write: () => Promise.reject(new Error('No space left')) }
    const sink = sinkTo(out, { format: 'parquet', tables })
    await sink.open(noEpochs)
    await write(sink, 0, 1)
    const error = await refusal(() => sink.finish())
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4003'])
    expect(error.message).toContain('part-00000.parquet": No space left')
    expect(await sink.abort()).toEqual([])
    expect(shown(out)).toEqual([])
  })
})

describe('a run over another one', () => {
  test('a finished run stays whole until the new one is, then it is replaced', async () => {
    const out = temporaryFolder()
    await run(out, 0, 3, { bytes: 1 })
    const sink = sinkTo(out, { bytes: 1 })
    await sink.open(noEpochs)
    await write(sink, 100, 101)
    await write(sink, 101, 102)
    expect(rowsShown(join(out, 'rows'))).toEqual(numberedRows(0, 3))
    await sink.finish()
    expect(shown(out)).toEqual(['rows/part-00000.jsonl', 'rows/part-00001.jsonl'])
    expect(rowsShown(join(out, 'rows'))).toEqual(numberedRows(100, 102))
  })

  test('a finished run stays where the new one fails', async () => {
    const out = temporaryFolder()
    await run(out, 0, 3, { bytes: 1 })
    const sink = sinkTo(out, { bytes: 1 })
    await sink.open(noEpochs)
    await write(sink, 100, 101)
    expect(await sink.abort()).toEqual([])
    expect(rowsShown(join(out, 'rows'))).toEqual(numberedRows(0, 3))
    await run(out, 7, 8)
    expect(rowsShown(join(out, 'rows'))).toEqual(numberedRows(7, 8))
  })

  test('a run that was drained before its end does not replace a finished one, and its rows are not visible', async () => {
    const out = temporaryFolder()
    await run(out, 0, 3, { bytes: 1 })
    const sink = sinkTo(out, { bytes: 1 })
    await sink.open(noEpochs)
    await write(sink, 100, 101)
    expect(await sink.finish('unfinished')).toEqual([])
    expect(rowsShown(out)).toEqual(numberedRows(0, 3))
    await run(out, 7, 8)
    expect(rowsShown(out)).toEqual(numberedRows(7, 8))
  })

  test('where no finished run was, what a drained one wrote is visible until the next one begins', async () => {
    const out = temporaryFolder()
    const sink = sinkTo(out)
    await sink.open(noEpochs)
    await write(sink, 0, 3)
    expect((await sink.finish('unfinished')).map(file => file.rows)).toEqual([3])
    expect(rowsShown(out)).toEqual(numberedRows(0, 3))
    await sinkTo(out).open(noEpochs)
    expect(shown(out)).toEqual([])
  })

  test('files of an unfinished run go when the next one begins', async () => {
    const out = temporaryFolder()
    const killed = sinkTo(out, { bytes: 1 })
    await killed.open(noEpochs)
    await write(killed, 0, 1)
    await write(killed, 1, 2)
    await settled(() => shown(join(out, 'rows')).length === 2)
    const next = sinkTo(out)
    await next.open(noEpochs)
    expect(shown(out)).toEqual([])
    await write(next, 50, 51)
    await next.finish()
    expect(rowsShown(out)).toEqual(numberedRows(50, 51))
  })

  test('after a failure the files that were whole stay, and the sink says which', async () => {
    const out = temporaryFolder()
    const sink = sinkTo(out, { bytes: 40 })
    await sink.open(noEpochs)
    for (let at = 0; at < 3; at += 1) await write(sink, at, at + 1)
    await settled(() => shown(join(out, 'rows')).length === 1)
    expect((await sink.abort()).map(file => file.rows)).toEqual([2])
    expect(shown(out)).toEqual(['rows/part-00000.jsonl'])
  })

  test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])(
    'F1 a finished run that is killed while it replaces another one, at step %i: readers find one of both, whole',
    async step => {
      const out = temporaryFolder()
      await run(out, 0, 3, { bytes: 1 })
      let steps = 0
      const files = failingFiles(name => (name === 'rename' && ++steps > step ? 'EIO' : null))
      const sink = sinkTo(out, { bytes: 1, files })
      const finished = await sink
        .open(noEpochs)
        .then(() => write(sink, 100, 101))
        .then(() => write(sink, 101, 102))
        .then(() => sink.finish())
        .then(
          () => true,
          () => false,
        )
      const next = sinkTo(out)
      await next.open(noEpochs)
      const rows = rowsShown(join(out, 'rows'))
      expect([numberedRows(0, 3), numberedRows(100, 102)]).toContainEqual(rows)
      if (finished) expect(rows).toEqual(numberedRows(100, 102))
      await write(next, 7, 8)
      await next.finish()
      expect(rowsShown(join(out, 'rows'))).toEqual(numberedRows(7, 8))
    },
  )

  test('the format may change between runs', async () => {
    const out = temporaryFolder()
    await run(out, 0, 2)
    await run(out, 0, 2, { format: 'parquet' })
    expect(shown(out)).toEqual(['rows/part-00000.parquet'])
  })
})

describe('what is not ours', () => {
  // Two jobs with one --out and one sink name: the second replaced the first one's files without a word.
  test('what another job wrote is not replaced, and the message names that job', async () => {
    const out = temporaryFolder()
    await run(out, 0, 2, { bytes: 1 })
    const error = await refusal(() => sinkTo(out, { job: 'letters' }).open(noEpochs))
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4008'])
    expect(error.message).toBe(`sink folder "${join(out, 'rows')}" holds what job "numbers" wrote`)
    expect(error.detail).toBe('This is job "letters". It would replace 2 files.')
    expect(error.hint).toContain('give another --out')
    expect(rowsShown(out)).toEqual(numberedRows(0, 2))
    rmSync(join(out, 'rows'), { recursive: true })
    await run(out, 7, 8, { job: 'letters' })
    expect(rowsShown(out)).toEqual(numberedRows(7, 8))
  })

  test('F3 a file that no run wrote stops the job before the first row, and is not touched', async () => {
    const out = temporaryFolder()
    lay(out, { 'rows/notes.txt': 'mine', 'rows/more.txt': 'mine too' })
    const error = await refusal(() => sinkTo(out).open(noEpochs))
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4008'])
    expect(error.detail).toContain('"more.txt", "notes.txt"')
    expect(error.hint).toBe('move them away, or give another --out')
    expect(shown(out)).toEqual(['rows/more.txt', 'rows/notes.txt'])
    expect(readFileSync(join(out, 'rows/notes.txt'), 'utf8')).toBe('mine')
  })

  test('parts whose list was removed stop the job, which names the list and both ways on, and are not touched', async () => {
    const out = temporaryFolder()
    await run(out, 0, 2)
    rmSync(join(out, 'state'), { recursive: true })
    const error = await refusal(() => sinkTo(out).open(noEpochs))
    expect(error.code).toBe('ANB4008')
    expect(error.detail).toContain(`"part-00000.jsonl", and there is no ${join(out, 'state/sinks/rows.json')}`)
    expect(error.hint).toContain('bring back the folder state as a whole; or begin anew: give another --out')
    expect(rowsShown(out)).toEqual(numberedRows(0, 2))
  })

  test('F3 a file that appears while the job runs is not overwritten', async () => {
    const out = temporaryFolder()
    const sink = sinkTo(out)
    await sink.open(noEpochs)
    await write(sink, 0, 1)
    writeFileSync(join(out, 'rows/part-00000.jsonl'), 'mine\n')
    expect((await refusal(() => sink.finish())).code).toBe('ANB4008')
    await sink.abort()
    expect(readFileSync(join(out, 'rows/part-00000.jsonl'), 'utf8')).toBe('mine\n')
  })

  test.each(['../rows', '/etc/rows', 'a/../../rows', '.', '', 'state/x', 'dead-letters', '.staging/x'])(
    'the path %j leaves the folder of sinks and is refused at once',
    async path => {
      const error = await refusal(() => sinkTo(temporaryFolder(), { path }))
      expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4005'])
    },
  )

  test.each(['rows', 'rows/deep', '.staging'])('a link at %s that leads out is not followed', async at => {
    const [out, outside] = [temporaryFolder(), temporaryFolder()]
    mkdirSync(join(out, at, '..'), { recursive: true })
    symlinkSync(outside, join(out, at))
    expect((await refusal(() => sinkTo(out, { path: 'rows/deep/' }).open(noEpochs))).code).toBe('ANB4005')
    expect(readdirSync(outside)).toEqual([])
  })

  test('a folder that becomes a link while the job runs is not followed', async () => {
    const [out, outside] = [temporaryFolder(), temporaryFolder()]
    const sink = sinkTo(out)
    await sink.open(noEpochs)
    await write(sink, 0, 1)
    renameSync(join(out, 'rows'), join(out, 'moved'))
    symlinkSync(outside, join(out, 'rows'))
    expect((await refusal(() => sink.finish())).code).toBe('ANB4005')
    expect(readdirSync(outside)).toEqual([])
  })

  test('DIR itself may be a link', async () => {
    const out = temporaryFolder()
    const link = join(temporaryFolder(), 'link')
    symlinkSync(out, link)
    await run(link, 0, 1)
    expect(shown(out)).toEqual(['rows/part-00000.jsonl'])
  })
})

describe('a place that cannot be written', () => {
  test.each([
    ['write', 'ENOSPC', 'no space left on device (ENOSPC)'],
    ['open', 'EACCES', 'permission denied (EACCES)'],
    ['fsync', 'EIO', 'i/o error (EIO)'],
    ['rename', 'EIO', 'i/o error (EIO)'],
  ])('%s answers %s: the path and the errno are told, and no half file is visible', async (step, errno, words) => {
    const out = temporaryFolder()
    const files = failingFiles((at, path) => (at === step && path.includes('part-00001') ? errno : null))
    const sink = sinkTo(out, { bytes: 1, files })
    await sink.open(noEpochs)
    const error = await refusal(async () => {
      for (let at = 0; at < 3; at += 1) await write(sink, at, at + 1)
      await sink.finish()
    })
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4003'])
    expect(error.message).toContain(`part-00001.jsonl": ${words}`)
    expect((await sink.abort()).map(file => file.rows)).toEqual([1])
    expect(rowsShown(out)).toEqual(numberedRows(0, 1))
  })

  test('F2 another file system below DIR is found before the first row', async () => {
    const out = temporaryFolder()
    const files = failingFiles((step, path) => (step === 'rename' && path.includes('/rows/') ? 'EXDEV' : null))
    const error = await refusal(() => sinkTo(out, { files }).open(noEpochs))
    expect([error.code, error.message.includes('EXDEV')]).toEqual(['ANB4003', true])
  })
})

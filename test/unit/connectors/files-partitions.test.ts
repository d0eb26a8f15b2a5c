/** Where rows go in a sink with partitions, what their folders are called, and what becomes of them in the next run. */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Files } from '../../../src/base/index.js'
import { type Sink, noEpochs } from '../../../src/connectors/index.js'
import { realFiles } from '../../../src/runtime/open/files.js'
import {
  batchOf,
  filesBelow,
  lay,
  numberedSchema,
  readRows,
  refusal,
  temporaryFolder,
} from '../../support/connectors.js'
import { type MoreOfSink, sinkTo } from '../../support/files-sink.js'

describe('partitions', () => {
  const words = (of: readonly (string | null)[]) =>
    batchOf(
      numberedSchema,
      of.map((word, n) => ({ n, word })),
    )
  const partitioned = async (out: string, of: readonly (string | null)[], more: MoreOfSink = {}): Promise<Sink> => {
    const sink = sinkTo(out, { partitionBy: ['word'], ...more })
    await sink.open(noEpochs)
    await sink.write(words(of))
    return sink
  }
  const numbersIn = (out: string, name: string): readonly unknown[] =>
    readRows(join(out, 'rows', name)).map(row => row['n'])

  test('rows go to the folder of their value, in their order, without the column', async () => {
    const out = temporaryFolder()
    const files = await (await partitioned(out, ['a', 'b', 'a', null, ''])).finish()
    expect(files.map(file => file.rows)).toEqual([2, 1, 2])
    expect(filesBelow(join(out, 'rows'))).toEqual([
      'word=__HIVE_DEFAULT_PARTITION__/part-00002.jsonl',
      'word=a/part-00000.jsonl',
      'word=b/part-00001.jsonl',
    ])
    expect(readRows(join(out, 'rows/word=a/part-00000.jsonl'))).toEqual([{ n: 0 }, { n: 2 }])
    expect(numbersIn(out, 'word=__HIVE_DEFAULT_PARTITION__/part-00002.jsonl')).toEqual([3, 4])
  })

  test.each([
    ['../../x', 'word=..%2F..%2Fx'],
    ['a=b/c:d', 'word=a%3Db%2Fc%3Ad'],
    ['100%', 'word=100%25'],
    ['\u0000\n', 'word=%00%0A'],
    ['ünï 🚣', 'word=ünï 🚣'],
    ['..', 'word=..'],
    ['__HIVE_DEFAULT_PARTITION__', 'word=%5F_HIVE_DEFAULT_PARTITION__'],
  ])('%j stays inside as %s', async (word, folder) => {
    const out = temporaryFolder()
    await (await partitioned(out, [word])).finish()
    expect(filesBelow(out).filter(name => name.startsWith('rows/'))).toEqual([`rows/${folder}/part-00000.jsonl`])
  })

  test('a value too long for a folder is said before anything of it is written', async () => {
    const error = await refusal(() => partitioned(temporaryFolder(), ['x'.repeat(300)]))
    expect([error.code, error.message]).toEqual([
      'ANB4003',
      `a folder cannot be named by "${'x'.repeat(40)}"... in column "word"`,
    ])
  })

  test('of more partitions than files may be open, the one written longest ago is closed', async () => {
    const out = temporaryFolder()
    let open = 0
    let most = 0
    const counting: Files = {
      ...realFiles,
      open: (path, mode) => {
        const file = realFiles.open(path, mode)
        open += 1
        most = Math.max(most, open)
        return {
          ...file,
          close: () => {
            open -= 1
            file.close()
          },
        }
      },
    }
    const names = Array.from({ length: 100 }, (_, i) => `p${i}`)
    const sink = await partitioned(out, names, { files: counting })
    await sink.write(words(['p99', 'p0']))
    expect(most).toBeLessThan(70)
    await sink.finish()
    expect(filesBelow(join(out, 'rows'))).toHaveLength(101)
    expect(filesBelow(join(out, 'rows/word=p99'))).toHaveLength(1)
    expect(filesBelow(join(out, 'rows/word=p0'))).toHaveLength(2)
    expect(open).toBe(0)
  })

  test('a finished run is replaced, with folders that have no rows any more', async () => {
    const out = temporaryFolder()
    await (await partitioned(out, ['a', 'b'])).finish()
    const second = await partitioned(out, ['b', 'c'], { format: 'parquet' })
    expect(filesBelow(join(out, 'rows'))).toEqual(['word=a/part-00000.jsonl', 'word=b/part-00001.jsonl'])
    await second.finish()
    expect(filesBelow(join(out, 'rows'))).toEqual(['word=b/part-00000.parquet', 'word=c/part-00001.parquet'])
    expect(realFiles.stat(join(out, 'rows/word=a'))).toBeUndefined()
  })

  test('a folder of somebody else stops the job', async () => {
    const out = temporaryFolder()
    lay(out, { 'rows/word=a/data.csv': 'x' })
    expect((await refusal(() => partitioned(out, ['a']))).code).toBe('ANB4008')
  })
})

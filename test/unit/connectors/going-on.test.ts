/** Runs that are taken up again: which files they ask for, and what is said where one is not what it was. */
import { appendFileSync, copyFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type Source, type SourcePosition, filesSource } from '../../../src/connectors/index.js'
import { decoderOf } from '../../../src/formats/index.js'
import { type FormatNode } from '../../../src/plan/index.js'
import { realFiles } from '../../../src/runtime/open/files.js'
import {
  HandClock,
  lay,
  listening,
  numbered,
  numberedRows,
  numberedSchema,
  refusal,
  standInParquet,
  standInWork,
  temporaryFolder,
} from '../../support/connectors.js'
import { given, read } from '../../support/going-on.js'

const text: FormatNode = { kind: 'text' }
const all = { limits: [{ rowsMax: 100, bytesMax: 1 << 20 }], batches: Number.POSITIVE_INFINITY }
const twoRows = { limits: [{ rowsMax: 2, bytesMax: 1 << 20 }], batches: 1 }

/** A folder, and sources over its `*.in`; their log is kept. */
class Runs {
  readonly folder = temporaryFolder()
  readonly observer = listening()

  constructor(
    files: Readonly<Record<string, string | Uint8Array>>,
    private readonly format: FormatNode = text,
  ) {
    lay(this.folder, files)
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  source(): Source {
    const { folder, format, observer } = this
    const isTable = format.kind === 'parquet'
    return filesSource({
      glob: '*.in',
      folder,
      format,
      files: realFiles,
      clock: new HandClock(),
      observer,
      tables: isTable ? standInWork(numberedSchema) : null,
      decoder: isTable ? null : decoderOf(format),
      tail: false,
      needed: null,
    })
  }

  /** The place behind the first two rows. */
  async left(): Promise<SourcePosition | null> {
    return (await read(this.source(), null, twoRows)).next
  }

  async rest(from: SourcePosition | null): Promise<readonly string[]> {
    return given((await read(this.source(), from, all)).polled).rows.map(row => row.replace(/\{"line":"(.*)"\}$/, '$1'))
  }

  async refused(from: SourcePosition | null): Promise<readonly string[]> {
    const { code, message, detail, hint } = await refusal(() => this.source().open(from))
    expect([code, hint]).toEqual(['ANB4012', expect.stringContaining('--out')])
    return [message, ...detail.split('\n').filter(Boolean)]
  }
}

const five = 'one\ntwo\nthree\nfour\nfive\n'

describe('F4: a bounded run that is taken up again', () => {
  test('needs no file that it has read to its end and left', async () => {
    const runs = new Runs({ '1.in': 'zero\n', '2.in': five })
    const { next } = await read(runs.source(), null, { ...twoRows, batches: 2 })
    rmSync(runs.path('1.in'))
    expect(await runs.rest(next)).toEqual(['2.in:3 three', '2.in:4 four', '2.in:5 five'])
  })

  test('tells all files that it still has to read and that are gone or were cut', async () => {
    const runs = new Runs({ '1.in': five, '2.in': 'a\nb\n', '3.in': 'c\n' })
    const next = await runs.left()
    rmSync(runs.path('2.in'))
    truncateSync(runs.path('3.in'), 1)
    expect(await runs.refused(next)).toEqual([
      'file "2.in" is gone: expected its 4 bytes, nothing of "*.in" has its name',
      'file "3.in" was cut: expected at least 2 bytes, found 1',
    ])
  })

  test('does not go on in a file of the same name and size that begins otherwise', async () => {
    const runs = new Runs({ '1.in': five })
    const next = await runs.left()
    writeFileSync(runs.path('1.in'), five.toUpperCase())
    const [said] = await runs.refused(next)
    expect(said).toMatch(
      /^file "1\.in" begins with other bytes: expected 24 bytes with the digest [0-9a-f]{16}, found 24 with [0-9a-f]{16}$/,
    )
  })

  test('goes on in a copy, and in a folder of another name', async () => {
    const runs = new Runs({ '1.in': five })
    const next = await runs.left()
    const moved = new Runs({})
    copyFileSync(runs.path('1.in'), moved.path('1.in'))
    expect(await moved.rest(next)).toEqual(['1.in:3 three', '1.in:4 four', '1.in:5 five'])
  })

  test('leaves out files that came later, wherever they sort, and says so', async () => {
    const runs = new Runs({ '2.in': five, '4.in': 'last\n' })
    const next = await runs.left()
    lay(runs.folder, { '1.in': 'early\n', '3.in': 'between\n', '5.in': 'late\n' })
    expect(await runs.rest(next)).toEqual(['2.in:3 three', '2.in:4 four', '2.in:5 five', '4.in:1 last'])
    expect(runs.observer.lines).toEqual(['"*.in": files that came after the run began are left out: 1.in, 3.in, 5.in'])
  })

  test.each([
    ['plain', Buffer.from(`${five}half`)],
    ['gzip', gzipSync(`${five}half`)],
  ] as const)('reads a file that grew as far as it went when the run began: %s', async (_, bytes) => {
    const runs = new Runs({ '1.in': bytes })
    const next = await runs.left()
    appendFileSync(runs.path('1.in'), ' of a line\nmore\n')
    expect(await runs.rest(next)).toEqual(['1.in:3 three', '1.in:4 four', '1.in:5 five', '1.in:6 half'])
    expect(runs.observer.lines[0]).toBe('"*.in": what was appended after the run began is left out: 1.in')
  })

  test('an empty file that grew stays empty', async () => {
    const runs = new Runs({ '1.in': five, '2.in': '', '3.in': 'end\n' })
    const next = await runs.left()
    writeFileSync(runs.path('2.in'), gzipSync('later\n'))
    expect((await runs.rest(next)).at(-1)).toBe('3.in:1 end')
  })

  test('of a packed file it says how much was unpacked again', async () => {
    const runs = new Runs({ '1.in': gzipSync(five) })
    expect(await runs.rest(await runs.left())).toEqual(['1.in:3 three', '1.in:4 four', '1.in:5 five'])
    expect(runs.observer.lines).toEqual(['file "1.in" is packed: 8 bytes were unpacked again to go on, in 0 ms'])
  })

  test('a table that was written anew is refused, longer or shorter, also one that is still to come', async () => {
    const tableOf = (rows: number): Uint8Array => standInParquet(numbered, [numberedRows(0, rows)])
    const runs = new Runs({ '1.in': tableOf(5), '2.in': tableOf(3) }, { kind: 'parquet', schema: numbered })
    const next = await runs.left()
    writeFileSync(runs.path('2.in'), tableOf(4))
    expect(await runs.refused(next)).toEqual([
      `file "2.in" was written anew: expected ${tableOf(3).length} bytes, found ${tableOf(4).length}`,
    ])
  })

  test('behind the last row there is nothing, and no row comes again', async () => {
    const runs = new Runs({ '1.in': five, '2.in': 'last' })
    const { next } = await read(runs.source(), null, all)
    expect(await runs.rest(next)).toEqual([])
  })

  test('does not follow a file to another name', async () => {
    const runs = new Runs({ '1.in': five })
    const next = await runs.left()
    renameSync(runs.path('1.in'), runs.path('2.in'))
    const gone = 'file "1.in" is gone: expected its 24 bytes, nothing of "*.in" has its name'
    expect(await runs.refused(next)).toEqual([gone])
  })

  test.each([
    [
      'of another kind of source',
      { kind: 'tail', files: [] },
      'What was kept does not fit: the whole must be without "files".',
    ],
    ['a number', 3, 'What was kept does not fit: the whole must be an object.'],
    [
      'whose list of files is damaged',
      { kind: 'bytes', file: 'a', prefix: { bytes: 0, sha256: '' }, list: '!', at: 0, position: 1, pass: 0 },
      expect.stringContaining('fit: the list of its files cannot be unpacked'),
    ],
  ])('a position %s is refused', async (_, position, detail) => {
    const error = await refusal(() => new Runs({ '1.in': five }).source().open(position))
    expect([error.code, error.message, error.detail]).toEqual([
      'ANB4012',
      'the position to go on at is not one of this source',
      detail,
    ])
  })
})

test('a line over 64 MiB does not move the places behind it', () => {
  const decoder = decoderOf({ kind: 'text' })?.()
  if (decoder === undefined) throw new TypeError('text has a decoder')
  const feed = (bytes: Uint8Array): void => {
    decoder.space(bytes.length).set(bytes)
    decoder.filled(bytes.length)
  }
  const step = Buffer.alloc(1 << 20, 'x')
  feed(Buffer.from('first\n'))
  for (let i = 0; i < 70; i++) feed(step)
  feed(Buffer.from('\nbehind\nlast'))
  decoder.finish()
  const long = 'first\n'.length + 70 * step.length + 1
  const places = [6, long, long + 7, long + 11].map((at, i) => ({ at, position: i + 2, pass: 0 }))
  const marks = places.map(() => {
    decoder.next(1)
    return decoder.mark()
  })
  expect(marks).toEqual(places)
})

/** What a files source reads, and what it says of input that is missing, packed, cut off, damaged or changing. */
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdirSync, renameSync, symlinkSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type AnabranchError, type Files, PlanError, silent } from '../../../src/base/index.js'
import { type Polled, type Source, filesSource } from '../../../src/connectors/index.js'
import { decoderOf } from '../../../src/formats/index.js'
import { type FormatNode } from '../../../src/plan/index.js'
import { realFiles } from '../../../src/runtime/open/files.js'
import {
  HandClock,
  drainAll,
  failingFiles,
  lay,
  linesOf,
  numbered,
  numberedRows,
  placesOf,
  plainCsv,
  refusal,
  rowsOfAll,
  temporaryFolder,
} from '../../support/connectors.js'
import { packedByTool, rawZstd } from '../../support/zstd.js'

const json: FormatNode = { kind: 'json', schema: numbered }

function over(
  folder: string,
  glob: string,
  more: { format?: FormatNode; files?: Files; needed?: readonly string[] } = {},
): Source {
  const { format = json, files = realFiles, needed = null } = more
  return filesSource({
    glob,
    folder,
    format,
    files,
    tables: null,
    decoder: decoderOf(format),
    tail: false,
    clock: new HandClock(),
    observer: silent,
    needed,
  })
}

async function read(source: Source): Promise<readonly Polled[]> {
  await source.open()
  const all = await drainAll(source)
  await source.close()
  return all
}

/** The most memory that this process ever had. */
const peakBytes = (): number => process.resourceUsage().maxRSS * 1024

/** What was read before the refusal, and the refusal. */
async function readUntil(source: Source): Promise<{ polled: readonly Polled[]; error: AnabranchError }> {
  const polled: Polled[] = []
  await source.open()
  const error = await refusal(async () => {
    for (let one = await source.poll({ rowsMax: 1000, bytesMax: 65_536 }); one !== null; ) {
      polled.push(one)
      one = await source.poll({ rowsMax: 1000, bytesMax: 65_536 })
    }
  })
  await source.close()
  return { polled, error }
}

const csv: FormatNode = { kind: 'csv', schema: numbered, ...plainCsv }

describe('CSV', () => {
  test('headers that do not fit are all found before the first row, in packed files too', async () => {
    const folder = temporaryFolder()
    lay(folder, { '1.csv': 'word,n\na,1\n', '2.csv': 'n\n2\n', '3.csv': gzipSync('n,words\n3,c\n'), '4.csv': '' })
    const error = await refusal(() => over(folder, '*.csv', { format: csv }).open())
    expect([error.code, error.message]).toEqual(['ANB1018', '2 of 4 input files do not fit the declared schema'])
    expect(error instanceof PlanError && error.faults.map(fault => [fault.place, fault.message])).toEqual([
      ['file "2.csv"', 'column "word" is declared, but the header names only "n"'],
      ['file "3.csv"', 'column "word" is declared, but the header names only "n", "words"'],
    ])
  })

  test('rows and dead records name the file and the line, with columns in any order and only what is asked for', async () => {
    const folder = temporaryFolder()
    lay(folder, { '1.csv': 'word,n\n"a\nb",1\nc,x\nd,2\n', '2.csv': gzipSync('n,word\n3,e\n') })
    const all = await read(over(folder, '*.csv', { format: csv, needed: ['n'] }))
    expect(rowsOfAll(all)).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }])
    expect(placesOf(all)).toEqual(['1.csv:2', '1.csv:5', '2.csv:2'])
    expect(all.flatMap(one => one.dead.map(dead => `${one.split}:${dead.position} ${dead.message}`))).toEqual([
      '1.csv:4 column "n": expected int32, got "x"',
    ])
  })
})

describe('which files are read', () => {
  test('those that match, in the order of the bytes of their names, each a split of its own', async () => {
    const folder = temporaryFolder()
    const one = (n: number): string => linesOf(numberedRows(n, n + 1))
    lay(folder, {
      'in/b.jsonl': one(2),
      'in/B.jsonl': one(0),
      'in/a.jsonl': one(1),
      'in/é.jsonl': one(3),
      'in/x.csv': '',
    })
    const all = await read(over(folder, 'in/*.jsonl'))
    expect(placesOf(all)).toEqual(['in/B.jsonl:1', 'in/a.jsonl:1', 'in/b.jsonl:1', 'in/é.jsonl:1'])
    expect(rowsOfAll(all)).toEqual(numberedRows(0, 4))
  })

  test('a name with brackets is a name where such a file exists', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a[1].jsonl': linesOf(numberedRows(0, 1)), 'a1.jsonl': linesOf(numberedRows(1, 2)) })
    expect(rowsOfAll(await read(over(folder, 'a[1].jsonl')))).toEqual(numberedRows(0, 1))
  })

  test('the glob matches nothing: a fault of the plan that says where it looked', async () => {
    const folder = temporaryFolder()
    const error = await refusal(() => over(folder, 'in/*.jsonl').open())
    expect([error.class, error.code, error.message]).toEqual(['PlanError', 'ANB1019', 'no file matches "in/*.jsonl"'])
    expect(error.detail).toContain(folder)
  })

  test('a directory is refused with the glob that was meant', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'in/a.jsonl': '' })
    const error = await refusal(() => over(folder, 'in/').open())
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4001'])
    expect(error.message).toBe('input "in/" is a directory, expected files')
    expect(error.hint).toContain('"in/*"')
  })

  test('all files that cannot be read are named, before the first row', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.jsonl': '', 'b.jsonl': '', 'c.jsonl': '' })
    const files = failingFiles((step, path) => (step === 'open' && !path.endsWith('b.jsonl') ? 'EACCES' : null))
    const error = await refusal(() => over(folder, '*.jsonl', { files }).open())
    expect(error.code).toBe('ANB4001')
    expect(error.message).toBe('could not read "a.jsonl": permission denied (EACCES)')
    expect(error.detail).toBe('could not read "c.jsonl": permission denied (EACCES)')
  })

  test('a pipe is refused, not waited for', async () => {
    const folder = temporaryFolder()
    execFileSync('mkfifo', [join(folder, 'a.jsonl')])
    const error = await refusal(() => over(folder, 'a.jsonl').open())
    expect(error.message).toContain('a device, pipe or socket')
  })

  test('only the columns that are needed come, but a wrong value in another one still makes a row dead', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.jsonl': '{"n":1,"word":"x"}\n{"n":"one","word":"y"}\n' })
    const [polled] = await read(over(folder, '*.jsonl', { needed: ['word'] }))
    expect(rowsOfAll(polled === undefined ? [] : [polled])).toEqual([{ word: 'x' }])
    expect(polled?.dead.map(dead => dead.position)).toEqual([2])
  })
})

describe('what lines may look like', () => {
  test.each([
    ['no byte at all', '', [], []],
    ['only newlines', '\n\n\n', [], []],
    ['no newline at the end', '{"n":1}\n{"n":2}', ['a:1', 'a:2'], []],
    ['CRLF', '{"n":1}\r\n{"n":2}\r\n', ['a:1', 'a:2'], []],
    ['a byte order mark', '\ufeff{"n":1}\n', ['a:1'], []],
    ['an empty line between', '{"n":1}\n\n{"n":3}\n', ['a:1', 'a:3'], []],
    ['a line that does not parse', '{"n":1}\n{"n":\n{"n":3}\n', ['a:1', 'a:3'], [2]],
  ])('%s', async (_, text, places, dead) => {
    const folder = temporaryFolder()
    lay(folder, { a: text })
    const source = over(folder, 'a')
    const all = await read(source)
    expect(placesOf(all)).toEqual(places)
    expect(all.flatMap(one => one.dead.map(d => d.position))).toEqual(dead)
    expect(source.progress().rows).toBe(places.length + dead.length)
  })

  test('a line of 200 MB is one dead line, its neighbours are rows, and memory stays flat', async () => {
    const folder = temporaryFolder()
    const path = join(folder, 'a')
    writeFileSync(path, '{"n":1}\n{"word":"')
    for (let i = 0; i < 200; i += 1) appendFileSync(path, Buffer.alloc(1_000_000, 'x'))
    appendFileSync(path, '"}\n{"n":3}\n')
    const before = peakBytes()
    const all = await read(over(folder, 'a'))
    expect(peakBytes() - before).toBeLessThan(150_000_000)
    expect(placesOf(all)).toEqual(['a:1', 'a:3'])
    expect(all.flatMap(one => one.dead.map(d => [d.position, d.code]))).toEqual([[2, 'ANB4009']])
  })

  test('lines of text are rows of one column', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.txt': 'one\r\ntwo\n', 'b.txt': 'three' })
    const all = await read(over(folder, '*.txt', { format: { kind: 'text' } }))
    expect(rowsOfAll(all)).toEqual([{ line: 'one' }, { line: 'two' }, { line: 'three' }])
    expect(placesOf(all)).toEqual(['a.txt:1', 'a.txt:2', 'b.txt:1'])
  })
})

const rows = numberedRows(0, 30_000)
const text = linesOf(rows)
const codings = [
  ['gzip', '.gz', gzipSync(text)],
  ['gzip of two members', '.gzip', Buffer.concat([gzipSync(text.slice(0, 5000)), gzipSync(text.slice(5000))])],
  ['zstd', '.zst', rawZstd(text)],
  ['zstd of two frames', '.zst', Buffer.concat([rawZstd(text.slice(0, 5000)), rawZstd(text.slice(5000))])],
] as const

describe.each(codings)('%s', (_, extension, packed) => {
  test.each([extension, '.data'])('is unpacked by its content, also under the name %s', async name => {
    const folder = temporaryFolder()
    lay(folder, { [`a${name}`]: packed })
    const source = over(folder, `a${name}`)
    const all = await read(source)
    expect(rowsOfAll(all)).toEqual(rows)
    expect(placesOf(all).at(-1)).toBe(`a${name}:30000`)
    expect(source.progress()).toMatchObject({ done: packed.length, total: packed.length })
  })

  test('cut off at any place: the rows before it come, then the file and the byte are named', async () => {
    const folder = temporaryFolder()
    for (const length of [12, 1000, packed.length - 9, packed.length - 1]) {
      lay(folder, { a: packed.subarray(0, length) })
      const { polled, error } = await readUntil(over(folder, 'a'))
      expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4002'])
      expect(error.message).toMatch(/^file "a" is cut off: .* byte \d+$/)
      const got = rowsOfAll(polled)
      expect(got).toEqual(rows.slice(0, got.length))
      if (length > packed.length - 10) expect(got.length).toBeGreaterThan(20_000)
    }
  })
})

const bombBytes = 400_000_000

describe('packed files that are not what they seem', () => {
  test.each([
    ['a.gz', 'gzip'],
    ['a.zst', 'zstd'],
  ])('%s with plain lines in it is refused at open', async (name, coding) => {
    const folder = temporaryFolder()
    lay(folder, { [name]: '{"n":1}\n' })
    const error = await refusal(() => over(folder, name).open())
    expect(error.code).toBe('ANB4002')
    expect(error.message).toContain(`does not begin as ${coding} does`)
  })

  test('an empty file is empty whatever its name', async () => {
    const folder = temporaryFolder()
    lay(folder, { 'a.gz': '', 'b.zst': '' })
    expect(await read(over(folder, '*'))).toEqual([])
  })

  test('damaged bytes are refused', async () => {
    const folder = temporaryFolder()
    const packed = Buffer.from(gzipSync(text))
    packed.fill(0xff, 40_000, 40_020)
    lay(folder, { a: packed })
    const { error } = await readUntil(over(folder, 'a'))
    expect([error.code, /^file "a" has damaged gzip data at or before byte \d+$/.test(error.message)]).toEqual([
      'ANB4002',
      true,
    ])
  })

  test('zstd files as the zstd command writes them, one after the other with a frame to skip between', async () => {
    const folder = temporaryFolder()
    const skipped = Buffer.from('502a4d180400000061626364', 'hex')
    lay(folder, { a: Buffer.concat([skipped, ...packedByTool.flatMap(bytes => [bytes, skipped])]) })
    const expected = Array.from({ length: 20_000 }, (_, i) => ({ n: i % 97, word: `word ${i % 97}` }))
    expect(rowsOfAll(await read(over(folder, 'a')))).toEqual([...expected, ...expected])
  })

  test.each(['\n', 'and 8 bytes or more', '(\u00b5'])(
    'bytes after the last frame of zstd (%j) are told as what they are',
    async more => {
      const folder = temporaryFolder()
      lay(folder, { a: Buffer.concat([rawZstd('{"n":1,"word":"a"}\n'), Buffer.from(more)]) })
      const { polled, error } = await readUntil(over(folder, 'a'))
      expect(rowsOfAll(polled)).toEqual([{ n: 1, word: 'a' }])
      expect([error.code, error.message]).toEqual([
        'ANB4002',
        expect.stringMatching(/^file "a" has bytes that are not zstd at byte \d+$/),
      ])
    },
  )

  test('a window larger than 128 MiB is refused before it is allocated', async () => {
    const folder = temporaryFolder()
    lay(folder, { a: Buffer.from('28b52ffd00f0010000', 'hex') })
    const { error } = await readUntil(over(folder, 'a'))
    expect(error.message).toContain('needs a window of')
  })

  test.each(['gzip', 'zstd'])('a bomb of %s is read in flat memory', async coding => {
    const folder = temporaryFolder()
    const packed = coding === 'gzip' ? gzipSync(Buffer.alloc(bombBytes, 'x')) : rawZstd('', { repeat: bombBytes })
    lay(folder, { a: packed, b: '{"n":1}\n' })
    expect(packed.length).toBeLessThan(bombBytes / 1000)
    const before = peakBytes()
    const all = await read(over(folder, '*'))
    expect(peakBytes() - before).toBeLessThan(150_000_000)
    expect(placesOf(all)).toEqual(['b:1'])
    expect(all.flatMap(one => one.dead.map(d => d.code))).toEqual(['ANB4009'])
  })
})

describe('a file that changes while it is read', () => {
  const changes: readonly (readonly [string, (path: string) => void])[] = [
    ['is appended to', path => appendFileSync(path, '{"n":9}\n')],
    ['is cut', path => truncateSync(path, 100)],
    ['is touched', path => utimesSync(path, 1, 1)],
    [
      'is replaced',
      path => {
        writeFileSync(`${path}.other`, linesOf(rows))
        renameSync(`${path}.other`, path)
      },
    ],
  ]
  test.each(changes)('that %s stops the job', async (_, change) => {
    const folder = temporaryFolder()
    lay(folder, { a: linesOf(rows) })
    const source = over(folder, 'a')
    await source.open()
    await source.poll({ rowsMax: 10, bytesMax: 65_536 })
    change(join(folder, 'a'))
    const error = await refusal(() => drainAll(source))
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4004'])
    expect(error.message).toMatch(/^file "a" changed while it was read, near byte \d+$/)
    await source.close()
  })

  test('between open and its turn is found too', async () => {
    const folder = temporaryFolder()
    lay(folder, { a: linesOf(numberedRows(0, 5)), b: linesOf(numberedRows(5, 9)) })
    const source = over(folder, '*')
    await source.open()
    await source.poll({ rowsMax: 100, bytesMax: 65_536 })
    appendFileSync(join(folder, 'b'), '{"n":9}\n')
    expect((await refusal(() => drainAll(source))).code).toBe('ANB4004')
  })
})

// They were passed over in silence, so that a job read nothing and said that it was done.
test('what a glob finds and nobody can read is named: links that lead nowhere or to themselves, pipes', async () => {
  const folder = temporaryFolder()
  lay(folder, { 'in/a.jsonl': linesOf(numberedRows(0, 1)), 'in/sub/c.jsonl': '' })
  symlinkSync('a.jsonl', join(folder, 'in/good.jsonl'))
  symlinkSync('gone', join(folder, 'in/dangling.jsonl'))
  symlinkSync('loop.jsonl', join(folder, 'in/loop.jsonl'))
  symlinkSync('.', join(folder, 'in/here.jsonl'))
  execFileSync('mkfifo', [join(folder, 'in/pipe.jsonl')])
  const error = await refusal(() => over(folder, 'in/*.jsonl').open())
  expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4001'])
  expect([error.message, ...error.detail.split('\n')]).toEqual([
    'could not read "in/dangling.jsonl": it is a link to nothing, or was just removed',
    expect.stringMatching(/^could not read "in\/loop.jsonl": .*ELOOP/),
    'could not read "in/pipe.jsonl": it is a device, pipe or socket, expected a regular file',
  ])
})

test('a glob reaches out of the job folder, and a directory that matches is passed over', async () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'job'))
  lay(folder, { 'in/a.jsonl': linesOf(numberedRows(0, 2)), 'in/b.jsonl/': '' })
  expect(placesOf(await read(over(join(folder, 'job'), '../in/*')))).toEqual(['../in/a.jsonl:1', '../in/a.jsonl:2'])
})

/** Files that are followed: growing, renamed, cut, replaced and removed while they are read, by a clock moved by hand. */
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { type Files } from '../../../src/base/index.js'
import { filesSource, type Polled, type Source, type SourcePosition } from '../../../src/connectors/index.js'
import { decoderOf } from '../../../src/formats/index.js'
import { type FormatNode, type OnLost } from '../../../src/plan/index.js'
import { realFiles } from '../../../src/runtime/open/files.js'
import { HandClock, listening, plainCsv, refusal, temporaryFolder } from '../../support/connectors.js'
import { rowsOf } from '../formats/rows.js'

const text: FormatNode = { kind: 'text' }

/** A source over `*.log` of a new folder; `rows` are what came so far, as `file:line text`. */
class Following {
  readonly clock = new HandClock()
  readonly observer = listening()
  readonly rows: string[] = []
  readonly source: Source
  /** Behind what came. */
  next: SourcePosition | null = null
  /** Polls that brought no rows. */
  empties = 0
  private polling: Promise<Polled | null> | null = null

  constructor(
    format: FormatNode = text,
    glob = '*.log',
    files: Files = realFiles,
    readonly folder = temporaryFolder(),
    onLost: OnLost = 'fail',
  ) {
    const decoder = decoderOf(format)
    const { clock, observer } = this
    const more = { tables: null, decoder, tail: true, needed: null, clock, observer, onLost }
    this.source = filesSource({ glob, folder, format, files, ...more })
  }

  /** Another source over the folder, opened where this one was left. */
  async again(onLost: OnLost = 'fail'): Promise<Following> {
    await this.source.close()
    const later = new Following(text, '*.log', realFiles, this.folder, onLost)
    await later.source.open(this.next)
    return later
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  write(name: string, content: string): void {
    appendFileSync(this.path(name), content)
  }

  /** Lets the time of looks pass, and answers the rows that this brought, in order. */
  async look(times = 1): Promise<readonly string[]> {
    const before = this.rows.length
    for (let i = 0; i < times; i++) {
      this.clock.advance(250)
      while (await this.step());
    }
    return this.rows.slice(before)
  }

  /** Answers whether rows came; a poll that waits for the clock is kept for the next look. */
  private async step(): Promise<boolean> {
    this.polling ??= this.source.poll({ rowsMax: 100, bytesMax: 1 << 20 })
    // Everything but the clock is synchronous, so a poll that has rows settles before an immediate of now does.
    const waits = new Promise<'waits'>(resolve => setImmediate(() => resolve('waits')))
    const polled = await Promise.race([this.polling, waits])
    if (polled === 'waits' || polled === null) return false
    this.polling = null
    const { batch, split, firstPosition, positions, dead, next = null } = polled
    this.next = next
    this.empties += batch.rows + dead.length === 0 ? 1 : 0
    for (const [i, row] of rowsOf(batch).entries()) {
      this.rows.push(`${split}:${positions?.[i] ?? firstPosition + i} ${Object.values(row).map(String).join('|')}`)
    }
    for (const one of dead) this.rows.push(`dead ${split}:${one.position} ${one.message}`)
    return true
  }
}

describe('files that are followed', () => {
  test('rows that are there, then those that come, in files that were there or are new', async () => {
    const f = new Following()
    f.write('a.log', 'one\ntwo\n')
    await f.source.open()
    expect(await f.look()).toEqual(['a.log:1 one', 'a.log:2 two'])
    expect(await f.look()).toEqual([])
    f.write('a.log', 'three\n')
    f.write('b.log', 'other\n')
    f.write('b.txt', 'not asked for\n')
    expect((await f.look()).toSorted()).toEqual(['a.log:3 three', 'b.log:1 other'])
    await f.source.close()
  })

  test('a folder without files is no fault', async () => {
    const f = new Following()
    await f.source.open()
    expect(await f.look()).toEqual([])
    f.write('a.log', 'one\n')
    expect(await f.look()).toEqual(['a.log:1 one'])
    await f.source.close()
  })

  test('a half line waits for its end', async () => {
    const f = new Following()
    f.write('a.log', 'one\ntw')
    await f.source.open()
    expect(await f.look()).toEqual(['a.log:1 one'])
    f.write('a.log', 'o')
    expect(await f.look()).toEqual([])
    f.write('a.log', '\nthr')
    expect(await f.look()).toEqual(['a.log:2 two'])
    await f.source.close()
  })

  test('a renamed file goes on where it was, and the new one under its name begins at line 1', async () => {
    const f = new Following(text, '*.log*')
    f.write('a.log', 'one\n')
    await f.source.open()
    expect(await f.look()).toEqual(['a.log:1 one'])
    f.write('a.log', 'two\n')
    renameSync(f.path('a.log'), f.path('a.log.1'))
    f.write('a.log', 'new\n')
    f.write('a.log.1', 'three\n')
    expect((await f.look()).toSorted()).toEqual(['a.log.1:2 two', 'a.log.1:3 three', 'a.log:1 new'])
    await f.source.close()
  })

  test('one that was renamed out of the glob is read until it lies still, its half line last', async () => {
    const f = new Following()
    f.write('a.log', 'one\n')
    await f.source.open()
    await f.look()
    f.write('a.log', 'two\nthr')
    renameSync(f.path('a.log'), f.path('a.old'))
    expect(await f.look()).toEqual(['a.log:2 two'])
    expect(await f.look(30)).toEqual(['a.log:3 thr'])
    await f.source.close()
  })

  test('a removed file is read to its end', async () => {
    const f = new Following()
    f.write('a.log', 'one\n')
    await f.source.open()
    await f.look()
    f.write('a.log', 'two')
    rmSync(f.path('a.log'))
    expect(await f.look(30)).toEqual(['a.log:2 two'])
    await f.source.close()
  })

  test('a file that was cut begins anew at line 1, also where it has grown longer since', async () => {
    const f = new Following()
    f.write('a.log', 'one\ntwo\n')
    await f.source.open()
    await f.look()
    truncateSync(f.path('a.log'))
    f.write('a.log', 'new\n')
    expect(await f.look()).toEqual(['a.log:1 new'])
    writeFileSync(f.path('a.log'), 'again, and longer than all before\n')
    expect(await f.look()).toEqual(['a.log:1 again, and longer than all before'])
    await f.source.close()
  })

  test('CSV keeps its header, and a record over two lines waits for its second', async () => {
    const f = new Following({
      kind: 'csv',
      schema: [
        ['a', 'utf8'],
        ['n', 'int64'],
      ],
      ...plainCsv,
    })
    f.write('a.log', 'n,a\n1,"x')
    await f.source.open()
    expect(await f.look()).toEqual([])
    f.write('a.log', '\ny"\n')
    expect(await f.look()).toEqual(['a.log:2 x\ny|1'])
    f.write('a.log', 'many,z\n')
    expect(await f.look()).toEqual(['dead a.log:4 column "n": expected int64, got "many"'])
    await f.source.close()
  })

  test('a drain ends a poll that waits', async () => {
    const f = new Following()
    await f.source.open()
    const waiting = f.source.poll({ rowsMax: 1, bytesMax: 1 })
    f.source.drain()
    expect(await waiting).toBeNull()
    await f.source.close()
    await f.source.close()
  })

  test('packed files cannot be followed', async () => {
    const f = new Following()
    writeFileSync(f.path('a.log'), gzipSync('one\n'))
    const error = await refusal(() => f.source.open())
    expect([error.code, error.message]).toEqual([
      'ANB4002',
      'file "a.log" is packed, and cannot be followed while it grows',
    ])
    await f.source.close()
  })

  test('a file that is renamed between being found and being opened is found again', async () => {
    let vanishes = true
    const files: Files = {
      ...realFiles,
      open: (path, mode) => {
        if (!vanishes) return realFiles.open(path, mode)
        vanishes = false
        throw Object.assign(new Error('ENOENT: no such file or directory, open'), { code: 'ENOENT' })
      },
    }
    const f = new Following(text, '*.log', files)
    f.write('a.log', 'one\n')
    await f.source.open()
    expect(await f.look()).toEqual(['a.log:1 one'])
    await f.source.close()
  })

  test('more files than can be followed is said', async () => {
    const f = new Following()
    for (let i = 0; i < 257; i++) f.write(`${i}.log`, '')
    const error = await refusal(() => f.source.open())
    expect(error.message).toBe('more than 256 files to follow match "*.log"')
    await f.source.close()
  })
})

test('how far it is behind are the bytes that nobody read yet, of all files that it follows', async () => {
  const f = new Following()
  f.write('a.log', 'one\n')
  f.write('b.log', 'two\n')
  await f.source.open()
  expect(f.source.progress()).toMatchObject({ done: 0, behind: 8 })
  await f.look()
  f.write('b.log', 'and more\n')
  expect(f.source.progress()).toMatchObject({ rows: 2, done: 8, total: null, behind: 9 })
  await f.look()
  expect(f.source.progress()).toMatchObject({ rows: 3, done: 17, behind: 0 })
  await f.source.close()
  expect(f.source.progress().behind).toBe(0)
})

describe('F4: files that are followed again by a later run', () => {
  /** Two lines were given; `more` is what happens to the file while nobody reads. */
  async function left(more: (f: Following) => void): Promise<Following> {
    const f = new Following()
    f.write('a.log', 'one\ntwo\n')
    await f.source.open()
    expect(await f.look()).toEqual(['a.log:1 one', 'a.log:2 two'])
    await f.source.close()
    more(f)
    return f
  }

  test('go on behind what was given, under the new name where they were renamed', async () => {
    const f = await left(before => {
      before.write('a.log', 'three\n')
      renameSync(before.path('a.log'), before.path('a.log.1'))
      before.write('a.log', 'new\n')
    })
    const later = await f.again()
    expect((await later.look()).toSorted()).toEqual(['a.log.1:3 three', 'a.log:1 new'])
    await later.source.close()
  })

  test.each([
    [
      'is gone',
      (f: Following) => rmSync(f.path('a.log')),
      /^file "a.log" is gone: expected it with 8 bytes or more, found/,
    ],
    [
      'was cut',
      (f: Following) => truncateSync(f.path('a.log'), 3),
      /^file "a.log" was cut: expected at least 8 bytes, found 3$/,
    ],
    [
      'was written anew',
      (f: Following) => writeFileSync(f.path('a.log'), 'another\nfile\n'),
      /^file "a.log" begins with other bytes: expected 8 bytes with the digest \w{16}, found 8 with \w{16}$/,
    ],
  ] as const)('a file that %s is refused, since rows of it may be lost', async (_, change, message) => {
    const f = await left(change)
    const error = await refusal(() => f.again())
    expect([error.code, error.message]).toEqual(['ANB4012', expect.stringMatching(message)])
    expect(error.hint).toContain("onLost: 'earliest'")
  })

  test.each([
    ['is gone', (f: Following) => rmSync(f.path('a.log')), ['b.log:1 other']],
    ['was cut', (f: Following) => writeFileSync(f.path('a.log'), 'x\n'), ['a.log:1 x', 'b.log:1 other']],
  ] as const)(
    'of a file that %s the loss is told where it may be lost, and what is there is read',
    async (_, change, rows) => {
      const f = await left(before => {
        change(before)
        before.write('b.log', 'other\n')
      })
      const later = await f.again('earliest')
      expect((await later.look()).toSorted()).toEqual(rows)
      expect(later.observer.lines).toEqual([
        expect.stringMatching(/^file "a.log" .*; what it had behind byte 8 and nobody read is lost$/),
      ])
      const last = await later.again()
      expect(await last.look()).toEqual([])
      await last.source.close()
    },
  )

  test('a file that was restored from a copy is the same', async () => {
    const f = await left(before => {
      rmSync(before.path('a.log'))
      before.write('b.log', 'other\n')
      before.write('a.log', 'one\ntwo\nthree\n')
    })
    const later = await f.again()
    expect((await later.look()).toSorted()).toEqual(['a.log:3 three', 'b.log:1 other'])
    await later.source.close()
  })

  test('one that was removed and let go while it was read is not asked for, though nothing came behind it', async () => {
    const f = new Following()
    f.write('a.log', 'one\n')
    await f.source.open()
    expect(await f.look()).toEqual(['a.log:1 one'])
    rmSync(f.path('a.log'))
    expect(await f.look(25)).toEqual([])
    expect([f.empties, f.next]).toEqual([1, { kind: 'tail', files: [] }])
    const later = await f.again()
    later.write('b.log', 'two\n')
    expect(await later.look()).toEqual(['b.log:1 two'])
    await later.source.close()
  })
})

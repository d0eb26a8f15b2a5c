/** What a person finds in DIR: the lock and run.json while a job runs, dead letters with their captures, and no trace after it. */
import { spawn } from 'node:child_process'
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Random, silent } from '../../../src/base/index.js'
import {
  type DeadLetter,
  type OutputFolder,
  deadLetters,
  noEpochs,
  nullSink,
  outputFolder,
} from '../../../src/connectors/index.js'
import { realFiles } from '../../../src/runtime/open/files.js'
import { schemaFromJson } from '../../../src/schema/index.js'
import {
  HandClock,
  batchOf,
  failingFiles,
  filesBelow,
  lay,
  listening,
  readRows,
  refusal,
  temporaryFolder,
} from '../../support/connectors.js'

let tokens = 0
const random: Random = {
  below: () => 0,
  hex: () => {
    tokens += 1
    return `token${tokens}`
  },
}

function openFolder(path: string, more: { pid?: number; files?: typeof realFiles } = {}): OutputFolder {
  const { pid = process.pid, files = realFiles } = more
  const folder = outputFolder({ path, job: 'flights', pid, files, clock: new HandClock(), random })
  onTestFinished(() => folder.close())
  return folder
}
const runJson = (path: string): unknown => JSON.parse(readFileSync(join(path, 'run.json'), 'utf8'))

/** A process that lives until the test ends. */
function sleeper(): { pid: number; gone: Promise<void>; kill: () => void } {
  const child = spawn('sleep', ['600'], { stdio: 'ignore' })
  const gone = new Promise<void>(resolve => child.once('exit', () => resolve()))
  onTestFinished(() => void child.kill('SIGKILL'))
  return { pid: child.pid ?? 0, gone, kill: () => void child.kill('SIGKILL') }
}

describe('the output folder', () => {
  test('is made with its parents, and says who works in it while the job runs', () => {
    const path = join(temporaryFolder(), 'deep', 'out')
    const folder = openFolder(path)
    expect(runJson(path)).toEqual({
      job: 'flights',
      host: process.pid,
      control: null,
      workers: [],
      started: '2026-01-01T00:00:00.000Z',
    })
    folder.workers([11, 12])
    expect(runJson(path)).toMatchObject({ workers: [11, 12] })
    folder.close()
    folder.close()
    folder.workers([13])
    expect(readdirSync(path)).toEqual([])
  })

  // A full disk ended jobs that waited for room, when one of their workers changed: the note of their ids could not be written.
  test('S7 of which a full disk takes no note of other workers is as before, and says it with the next change', () => {
    const path = temporaryFolder()
    let full = false
    const folder = openFolder(path, { files: failingFiles(step => (full && step === 'write' ? 'ENOSPC' : null)) })
    folder.workers([11])
    full = true
    folder.workers([12])
    expect(runJson(path)).toMatchObject({ workers: [11] })
    expect(() => folder.listens('/run/control')).toThrow('no space left on device')
    full = false
    folder.workers([13])
    expect(runJson(path)).toMatchObject({ workers: [13], control: '/run/control' })
    full = true
    folder.workers([14])
    folder.close()
    expect(readdirSync(path)).toEqual([])
  })

  test('T6 a second run in the same folder is refused with the process id of the first, which goes on unharmed', async () => {
    const path = temporaryFolder()
    openFolder(path)
    const error = await refusal(() => openFolder(path, { pid: process.ppid }))
    expect([error.class, error.code]).toEqual(['ConnectorError', 'ANB4007'])
    expect(error.message).toBe(`output folder "${path}" is in use by process ${process.pid}`)
    expect(runJson(path)).toMatchObject({ host: process.pid })
  })

  test('the lock of a run that was killed holds nobody', async () => {
    const path = temporaryFolder()
    const killed = sleeper()
    const lost = openFolder(path, { pid: killed.pid })
    expect((await refusal(() => openFolder(path))).code).toBe('ANB4007')
    killed.kill()
    await killed.gone
    const next = openFolder(path)
    expect(runJson(path)).toMatchObject({ host: process.pid })
    lost.close()
    expect(existsSync(join(path, '.lock'))).toBe(true)
    next.close()
    expect(readdirSync(path)).toEqual([])
  })

  test.each([
    ['of another boot of the machine', { boot: 'another' }],
    ['of a process whose id another one has now', { started: '1' }],
  ])('a lock %s holds nobody', (_, change) => {
    const path = temporaryFolder()
    openFolder(path)
    const lock = JSON.parse(readFileSync(join(path, '.lock'), 'utf8')) as object
    writeFileSync(join(path, '.lock'), JSON.stringify({ ...lock, ...change }))
    expect(openFolder(path).path).toBe(path)
  })

  test.each(['', '{"pid":', 'null', '{"pid":1}'])(
    'a lock that was cut off while it was written (%j) holds nobody',
    text => {
      const path = temporaryFolder()
      writeFileSync(join(path, '.lock'), text)
      expect(openFolder(path).path).toBe(path)
    },
  )

  test('where nobody can tell whether a process lives, the lock holds and the hint says what to remove', async () => {
    const path = temporaryFolder()
    const files = { ...realFiles, readText: (at: string) => (at.startsWith('/proc') ? '' : realFiles.readText(at)) }
    openFolder(path, { files })
    const error = await refusal(() => openFolder(path, { files }))
    expect(error.hint).toContain(join(path, '.lock'))
  })

  test('a place that cannot be written is told with its errno, and leaves no lock', async () => {
    const path = temporaryFolder()
    const files = failingFiles((step, at) => (step === 'open' && at.includes('run.json') ? 'EACCES' : null))
    const error = await refusal(() => openFolder(path, { files }))
    expect([error.code, error.message.includes('permission denied (EACCES)')]).toEqual(['ANB4003', true])
    expect(readdirSync(path)).toEqual([])
  })

  test('a file with its name is refused', async () => {
    const folder = temporaryFolder()
    lay(folder, { out: 'mine' })
    expect((await refusal(() => openFolder(join(folder, 'out')))).code).toBe('ANB4003')
  })
})

const letter = (more: Partial<DeadLetter> = {}): DeadLetter => ({
  operator: 'enrich',
  transform: 'enrich',
  source: 'in/a.jsonl',
  position: 3,
  row: { json: '{"n":9007199254740993}' },
  error: { class: 'TransformError', code: 'ANB2001', type: 'ValueError', message: 'bad', traceback: 'at line 3' },
  capture: null,
  codeDigest: 'abc',
  attempt: 2,
  ...more,
})
const fields = ['operator', 'transform', 'source', 'position', 'row', 'error', 'capture', 'code_digest', 'attempt']

describe('dead letters', () => {
  test('are one JSON object a line with exactly these fields, one file an operator, there as soon as written', () => {
    const out = temporaryFolder()
    const letters = deadLetters({ out, files: realFiles, observer: silent })
    expect(readdirSync(out)).toEqual([])
    const line = letter({ operator: 'lines', transform: null, row: { text: 'a "line"\n' } })
    letters.write([letter(), line, letter({ position: 4 })])
    const path = join(out, 'dead-letters/enrich.jsonl')
    expect(readRows(path).map(row => Object.keys(row))).toEqual([fields, fields])
    expect(readRows(path).map(row => row['position'])).toEqual([3, 4])
    expect(Object.keys(readRows(path)[0]?.['error'] as object)).toEqual([
      'class',
      'code',
      'type',
      'message',
      'traceback',
    ])
    expect(readFileSync(path, 'utf8')).toContain('"row":{"n":9007199254740993}')
    expect(readRows(join(out, 'dead-letters/lines.jsonl'))[0]).toMatchObject({ row: 'a "line"\n', transform: null })
    expect([...letters.counts]).toEqual([
      ['enrich', 2],
      ['lines', 1],
    ])
    letters.close()
    letters.close()
  })

  test('a capture is a file, named in the letter; after 1,000 no more are kept and the log says how many', () => {
    const out = temporaryFolder()
    const observer = listening()
    const letters = deadLetters({ out, files: realFiles, observer })
    const nothing = (): Uint8Array => Buffer.from('')
    expect(letters.capture('enrich', () => Buffer.from('ARROW'))).toBe('dead-letters/captures/1-enrich.arrow')
    expect(readFileSync(join(out, 'dead-letters/captures/1-enrich.arrow'), 'utf8')).toBe('ARROW')
    for (let i = 0; i < 999; i += 1) letters.capture('enrich', nothing)
    expect([letters.capture('enrich', nothing), letters.capture('enrich', nothing)]).toEqual([null, null])
    letters.close()
    expect(readdirSync(join(out, 'dead-letters/captures'))).toHaveLength(1000)
    expect(observer.lines).toEqual(['2 captures were not kept in dead-letters/captures: the limit of a run is 1000'])
  })

  test('a run replaces those of an earlier one, and nothing else in the folder', async () => {
    const out = temporaryFolder()
    lay(out, {
      'dead-letters/enrich.jsonl': '{}\n',
      'dead-letters/notes.txt': 'mine',
      'dead-letters/captures/1-enrich.arrow': '',
      'dead-letters/captures/mine.arrow': '',
    })
    const letters = deadLetters({ out, files: realFiles, observer: silent })
    await letters.open(noEpochs)
    letters.close()
    expect(filesBelow(out)).toEqual(['dead-letters/captures/mine.arrow', 'dead-letters/notes.txt'])
  })

  test('an operator is a file in the folder whatever it is called', () => {
    const out = temporaryFolder()
    const letters = deadLetters({ out, files: realFiles, observer: silent })
    letters.write([letter({ operator: '../../x' }), letter({ operator: '..' })])
    letters.close()
    expect(filesBelow(out)).toEqual(['dead-letters/%2E%2E%2F..%2Fx.jsonl', 'dead-letters/%2E%2E.jsonl'])
  })

  test('a full disk is told with path and errno', async () => {
    const out = temporaryFolder()
    const files = failingFiles(step => (step === 'write' ? 'ENOSPC' : null))
    const letters = deadLetters({ out, files, observer: silent })
    const error = await refusal(() => letters.write([letter()]))
    expect([error.code, error.message]).toEqual([
      'ANB4003',
      `could not write "${join(out, 'dead-letters/enrich.jsonl')}": no space left on device (ENOSPC)`,
    ])
  })
})

test('the null sink adds up its column in row order and leaves nulls out', async () => {
  const schema = schemaFromJson([['z', 'float64']])
  const sink = nullSink({ checksum: 'z' })
  await sink.open(noEpochs)
  await sink.write(batchOf(schema, [{ z: 0.1 }, { z: null }, { z: 0.2 }]))
  await sink.write(batchOf(schema, [{ z: 0.3 }]))
  expect([sink.rows, sink.checksum]).toEqual([4, 0.1 + 0.2 + 0.3])
  expect(await sink.finish()).toEqual([{ path: 'null', rows: 4 }])
})

test('a null sink that goes on counts what an earlier run prepared, whatever number its sum is', async () => {
  const schema = schemaFromJson([['z', 'float64']])
  const first = nullSink({ checksum: 'z' })
  await first.open({ ...noEpochs, lineage: 'a' })
  await first.write(batchOf(schema, [{ z: 0.1 }, { z: 0.2 }]))
  const prepared = await first.prepare(1)
  await first.write(batchOf(schema, [{ z: 7 }]))
  const next = nullSink({ checksum: 'z' })
  await next.open({ lineage: 'a', epoch: 1, prepared, marked: false })
  expect([next.rows, next.checksum]).toEqual([2, 0.1 + 0.2])
  await next.open({ lineage: 'a', epoch: 1, prepared: { rows: 3, checksum: 'NaN' }, marked: false })
  expect([next.rows, next.checksum]).toEqual([3, Number.NaN])
})

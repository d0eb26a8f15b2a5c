/**
 * What happens to a store whose files were damaged. Images are copies of a real folder, taken while the store was open, as a
 * crash leaves it; each is opened as a run would. Whatever was done to it: either state as it was after some epoch, or a
 * StateError and not one file changed.
 */
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { AnabranchError } from '../../../src/base/index.js'
import { KeyDigest, expectKeys } from '../../../src/state/index.js'
import { StateStore, openStateFolder } from '../../../src/state/stores/index.js'
import { KeyedRows, countsByUser } from './rows-of-state.js'

const pause = (): Promise<void> => Promise.resolve()
const epochs = 24
const users = 40
let root = ''
/** State after each epoch. */
const after: Readonly<Record<string, number>>[] = [{}]
let count = 0

const place = (path: string, job = 'clicks') =>
  openStateFolder({ path, job, lineage: '0123456789abcdef', ballastBytes: 0 })

/**
 * A folder with all epochs, as a crash leaves it: those up to `tabled` in tables, the others in the log. Answers the state
 * after each.
 */
async function crashed(
  name: string,
  { tabled, recordBytes }: { readonly tabled: number; readonly recordBytes: number },
): Promise<typeof after> {
  const path = join(root, `${name}-live`)
  const rows = new KeyedRows('counts', countsByUser)
  const states: typeof after = [{}]
  let store = await StateStore.open({ place: await place(path), pause })
  for (let epoch = 1; epoch <= epochs; epoch++) {
    // Behind the first epoch no key is new, so that a lost one shows in values alone.
    const all = epoch === 1 ? Array.from({ length: users }, (_, i) => i) : []
    const some = [0, 1, 2].map(i => (epoch * 7 + i * 5) % users)
    rows.count(Object.fromEntries([...all, ...some].map(user => [`user ${user}`, epoch])))
    const record = new TextEncoder().encode(`record ${epoch}`.padEnd(recordBytes))
    await store.prepare(epoch, record, rows.take(epoch), rows.takeKeys())
    store.finish(epoch - 1)
    states.push(rows.counts())
    if (epoch !== tabled) continue
    await store.close()
    store = await StateStore.open({ place: await place(path), pause })
  }
  cpSync(path, join(root, name), { recursive: true })
  await store.close()
  return states
}

beforeAll(async () => {
  root = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'anabranch-damage-'))
  after.splice(0, 1, ...(await crashed('crashed', { tabled: epochs / 2, recordBytes: 0 })))
})
afterAll(() => rmSync(root, { recursive: true, force: true }))

/** Another copy of the crash. */
function image(from = 'crashed'): string {
  const path = join(root, `image-${count++}`)
  cpSync(join(root, from), path, { recursive: true, filter: name => !name.endsWith('/lock/LOCK') })
  return path
}

const files = (path: string): readonly string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && !entry.parentPath.includes('/lock'))
    .map(entry => join(entry.parentPath, entry.name))
    .filter(name => !name.endsWith('owner.json') && !/\/(LOCK|LOG|LOG\.old)$/.test(name))
    .sort()

function hashOf(path: string): string {
  const hash = createHash('sha256')
  for (const file of files(path)) hash.update(file).update('\0').update(readFileSync(file))
  return hash.digest('hex')
}

interface Outcome {
  readonly error: unknown
  readonly epoch: number
  readonly counts: Readonly<Record<string, number>>
}

async function start(path: string): Promise<Outcome> {
  let store: StateStore | undefined
  try {
    store = await StateStore.open({ place: await place(path), pause })
    const rows = new KeyedRows('counts', countsByUser)
    const snapshot = await store.snapshot()
    await snapshot?.restore('counts', block => rows.restore(block))
    snapshot?.release()
    const expected = snapshot?.digests?.get('counts') ?? new KeyDigest(countsByUser.keyGroups)
    expectKeys(
      { operator: 'counts', place: path, epoch: snapshot?.epoch ?? 0 },
      expected,
      rows.state.countRestored(null),
    )
    return { error: null, epoch: store.last?.epoch ?? 0, counts: rows.counts() }
  } catch (error) {
    return { error, epoch: 0, counts: {} }
  } finally {
    await store?.close()
  }
}

/** Starts on a damaged image. Answers the epoch that it stands at, or null where it was refused, untouched. */
async function startsRightOrRefuses(path: string): Promise<number | null> {
  const before = hashOf(path)
  const { error, epoch, counts } = await start(path)
  if (error === null) {
    expect(counts).toEqual(after[epoch])
    rmSync(path, { recursive: true })
    return epoch
  }
  expect(error).toBeInstanceOf(AnabranchError)
  expect(error).toMatchObject({ class: 'StateError', code: expect.stringMatching(/^ANB601[0-69]$/) })
  expect(hashOf(path)).toBe(before)
  rmSync(path, { recursive: true })
  return null
}

const fileNamed = (path: string, pattern: RegExp): string =>
  files(path).find(name => pattern.test(name)) ?? expect.fail(`${path} has a file ${pattern}`)

/** Forgets how far the store was: as after a loss of power, where what was not synced is gone. */
const loseHead = (path: string): void => rmSync(join(path, 'head'))

function flip(file: string, at: number, bit: number): void {
  const bytes = readFileSync(file)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << bit)
  writeFileSync(file, bytes)
}

/** Files that name all others. */
const roots = [
  ['CURRENT', /CURRENT$/],
  ['the MANIFEST', /MANIFEST-\d+$/],
] as const

describe('a store that was damaged', { timeout: 240_000 }, () => {
  it('S2 a crash leaves the newest epoch that was acknowledged', async () => {
    const outcome = await start(image())
    expect(outcome).toEqual({ error: null, epoch: epochs, counts: after[epochs] })
  })

  it('S3 a torn end of the log gives an epoch before it, whole, wherever it is torn', async () => {
    const bytes = statSync(fileNamed(join(root, 'crashed'), /\.log$/)).size
    const seen = new Set<number | null>()
    for (let i = 1; i <= 200; i++) {
      const path = image()
      loseHead(path)
      truncateSync(fileNamed(path, /\.log$/), Math.floor((bytes * i) / 201))
      seen.add(await startsRightOrRefuses(path))
    }
    expect(seen.has(null)).toBe(false)
    expect(Math.min(...[...seen].map(Number))).toBeLessThan(epochs / 2 + 2)
    expect(seen.size).toBeGreaterThan(8)
  })

  it('S3 a torn end of the log is refused where the process died and not the machine', async () => {
    const path = image()
    const log = fileNamed(path, /\.log$/)
    truncateSync(log, statSync(log).size - 100)
    const { error } = await start(path)
    expect(error).toMatchObject({
      code: 'ANB6010',
      message: expect.stringContaining(`ends with epoch ${epochs - 1}, but had epoch ${epochs}`),
    })
  })

  it('S4 a bit flipped anywhere in the log is found, and nothing is touched', async () => {
    const bytes = statSync(fileNamed(join(root, 'crashed'), /\.log$/)).size
    for (let i = 0; i < 120; i++) {
      const path = image()
      flip(fileNamed(path, /\.log$/), Math.floor((bytes * i) / 120), i % 8)
      expect(await startsRightOrRefuses(path)).toBe(null)
    }
  })

  it('S4 an epoch that is gone from the middle of a long log, as a flipped bit takes it out, is missed', async () => {
    // LevelDB leaves out what it cannot read up to the next block of its log, and says nothing.
    const states = await crashed('long', { tabled: 0, recordBytes: 20 << 10 })
    expect(states).toEqual(after)
    const bytes = statSync(fileNamed(join(root, 'long'), /\.log$/)).size
    const outcomes: (number | null)[] = []
    for (let i = 1; i < 24; i++) {
      const path = image('long')
      flip(fileNamed(path, /\.log$/), Math.floor((bytes * i) / 30), i % 8)
      outcomes.push(await startsRightOrRefuses(path))
    }
    // Behind a record that lists all blocks nobody reads those before it.
    expect(outcomes.every(epoch => epoch === null || epoch === epochs)).toBe(true)
    expect(outcomes.filter(epoch => epoch === null).length).toBeGreaterThan(3)
  })

  it('S5 a bit flipped anywhere in the tables never gives a wrong value', async () => {
    const outcomes: (number | null)[] = []
    for (let i = 0; i < 160; i++) {
      const path = image()
      const tables = files(path).filter(name => name.endsWith('.ldb'))
      const table = tables[i % tables.length] ?? expect.fail('the image has tables')
      flip(table, Math.floor((statSync(table).size * i) / 160), i % 8)
      outcomes.push(await startsRightOrRefuses(path))
    }
    // Blocks that are dead, and filters, may be anything: nobody reads them.
    expect(outcomes.every(epoch => epoch === null || epoch === epochs)).toBe(true)
    expect(outcomes.filter(epoch => epoch === null).length).toBeGreaterThan(40)
  })

  it('S5 an error of damaged state names the operator, its key groups and the epoch', async () => {
    const path = image()
    const table = fileNamed(path, /\.ldb$/)
    const bytes = readFileSync(table)
    const at = bytes.indexOf('ABSB')
    bytes[at + 70] = (bytes[at + 70] ?? 0) ^ 1
    writeFileSync(table, bytes)
    const { error } = await start(path)
    expect(error).toMatchObject({
      code: 'ANB6010',
      message: expect.stringMatching(/^state of operator "counts" is not what was written in /),
      detail: expect.stringMatching(/^Key groups \d+ to \d+, written in epoch \d+\. Nothing was changed\.$/),
      hint: expect.stringContaining('savepoint'),
    })
  })

  it.each([...roots, ['a table', /\.ldb$/], ['the log', /\.log$/]] as const)(
    'S6 without %s it is refused and nothing is touched',
    async (_, pattern) => {
      const path = image()
      rmSync(fileNamed(path, pattern))
      expect(await startsRightOrRefuses(path)).toBeNull()
    },
  )

  it.each(roots)('S6 without %s, or with a bit of it flipped, the words say which', async (_, pattern) => {
    const [without, flipped] = [image(), image()]
    const name = fileNamed(without, pattern)
    rmSync(name)
    flip(fileNamed(flipped, pattern), 12, 5)
    expect((await start(without)).error).toMatchObject({ code: 'ANB6010', message: `the state lacks ${name}` })
    const message = expect.stringMatching(/is not what was written$/)
    expect((await start(flipped)).error).toMatchObject({ code: 'ANB6010', message })
  })

  it('S6 with a bit flipped in a file that says what is there, it starts right or is refused', async () => {
    for (let i = 0; i < 60; i++) {
      const path = image()
      const file = fileNamed(path, [/CURRENT$/, /MANIFEST-\d+$/, /state\.json$/, /head$/][i % 4] ?? /head$/)
      flip(file, (i * 7) % statSync(file).size, i % 8)
      const epoch = await startsRightOrRefuses(path)
      expect([null, epochs]).toContain(epoch)
    }
  })

  it('S13 tables of an older copy are refused with both epochs', async () => {
    const path = image()
    const older = join(root, 'older')
    cpSync(path, older, { recursive: true })
    const log = fileNamed(older, /\.log$/)
    loseHead(older)
    truncateSync(log, Math.floor(statSync(log).size / 2))
    cpSync(log, fileNamed(path, /\.log$/))
    const { error } = await start(path)
    expect(error).toMatchObject({
      code: 'ANB6010',
      message: expect.stringMatching(new RegExp(`ends with epoch \\d+, but had epoch ${epochs}$`)),
    })
  })
})

describe('a state folder', () => {
  it('S10 is refused while somebody has it, who is named', async () => {
    const path = image()
    const taken = await place(path)
    await expect(place(path)).rejects.toMatchObject({
      code: 'ANB6012',
      message: `state in ${path} is used by process ${process.pid}`,
    })
    await taken.close()
    await (await place(path)).close()
  })

  it('that was let go has nothing of who held it', async () => {
    const path = image()
    await (await place(path)).close()
    expect(readdirSync(join(path, 'lock'))).toEqual(['LOCK'])
    await (await place(path)).close()
  })

  it('S11 is refused where nothing can be written', async () => {
    await expect(place('/sys/anabranch')).rejects.toMatchObject({
      code: 'ANB6015',
      message: expect.stringMatching(/^could not make the state in \/sys\/anabranch/),
    })
  })

  it('of another job is refused with both names', async () => {
    const path = image()
    const before = hashOf(path)
    await expect(place(path, 'orders')).rejects.toMatchObject({
      code: 'ANB6013',
      message: `state in ${path} is of job "clicks", not of "orders"`,
    })
    expect(hashOf(path)).toBe(before)
  })

  it('of another user is refused with both ids', async () => {
    const path = image()
    const uid = statSync(join(path, 'state.json')).uid
    vi.spyOn(process, 'getuid').mockReturnValue(uid + 1)
    await expect(place(path)).rejects.toMatchObject({
      code: 'ANB6013',
      message: `state in ${path} belongs to user ${uid}, and this is user ${uid + 1}`,
    })
    vi.restoreAllMocks()
  })

  it('S6 without state.json, or the generation that it names, is refused and left as it is', async () => {
    for (const gone of ['state.json', 'generation-']) {
      const path = image()
      const name = readdirSync(path).find(each => each.startsWith(gone)) ?? expect.fail(`there is ${gone}`)
      rmSync(join(path, name), { recursive: true })
      const before = hashOf(path)
      expect((await start(path)).error).toMatchObject({
        code: 'ANB6010',
        message: `the state lacks ${join(path, name)}`,
      })
      expect(hashOf(path)).toBe(before)
    }
  })

  it('S6 whose state.json names a generation that is not there keeps the one that is', async () => {
    const path = image()
    const file = join(path, 'state.json')
    const { check: _, ...said } = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...said, format: 2, generation: said.generation + 5 }))
    const before = hashOf(path)
    expect((await start(path)).error).toMatchObject({ code: 'ANB6010' })
    expect(hashOf(path)).toBe(before)
  })

  it('S4 with any bit flipped in state.json is refused and left as it is', async () => {
    const path = image()
    const file = join(path, 'state.json')
    const before = hashOf(path)
    for (let bit = 0; bit < statSync(file).size * 8; bit++) {
      flip(file, bit >> 3, bit & 7)
      const { error } = await start(path)
      // White space between fields means nothing.
      if (error !== null) expect(error).toMatchObject({ code: expect.stringMatching(/^ANB601[034]$/) })
      flip(file, bit >> 3, bit & 7)
      expect(hashOf(path)).toBe(before)
    }
  })

  it('of format 2, which had no check sum, is gone on with', async () => {
    const path = image()
    const file = join(path, 'state.json')
    const { check: _, ...said } = JSON.parse(readFileSync(file, 'utf8'))
    writeFileSync(file, JSON.stringify({ ...said, format: 2 }))
    expect(await start(path)).toEqual({ error: null, epoch: epochs, counts: after[epochs] })
  })

  it('is as it was until something is written, whoever refuses the run behind it', async () => {
    const path = image()
    const before = hashOf(path)
    const store = await StateStore.open({ place: await place(path), pause })
    await store.close()
    expect(hashOf(path)).toBe(before)
  })

  it('of a later format is refused and left as it is', async () => {
    const path = image()
    const file = join(path, 'state.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('"format": 3', '"format": 4'))
    const before = hashOf(path)
    await expect(place(path)).rejects.toMatchObject({
      code: 'ANB6014',
      message: `state in ${path} has format 4, this version knows 3`,
    })
    expect(hashOf(path)).toBe(before)
  })
})

/** Savepoints as files: written from a store that goes on, read back whole, and refused in words where anything is not as it was. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tableFromIPC } from 'apache-arrow'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  type EpochRecord,
  encodeRecord,
  openSavepoint,
  recordVersion,
  writeSavepoint,
} from '../../../src/checkpoint/index.js'
import { realFiles } from '../../../src/runtime/index.js'
import { KeyDigest, StoredOperator } from '../../../src/state/index.js'
import { StateStore, openStateFolder } from '../../../src/state/stores/index.js'
import { repository } from '../../support/repository.js'
import { KeyedRows, countsByUser } from '../state/rows-of-state.js'

const lineage = '0123456789abcdef'
const record = (epoch: number): EpochRecord => ({
  version: recordVersion,
  job: 'clicks',
  lineage,
  epoch,
  wallMs: 1,
  sources: { in: { position: { at: 7 }, rows: 7 } },
  sinks: {},
  letters: null,
  captures: null,
  lastCalls: [],
  ledger: { rowsIn: 7, rowsDead: 0, deadByReason: {} },
  checks: {},
  code: {},
  swapped: {},
  plan: { keyGroups: 16, sources: { in: 'tail of json' }, sinks: {} },
  begun: null,
  watermarks: {},
  timers: {},
})

let folder = ''
let path = ''
let store: StateStore
let counts: KeyedRows

const commit = async (epoch: number, changed: Readonly<Record<string, number | null>>): Promise<void> => {
  counts.count(changed)
  await store.prepare(epoch, encodeRecord(record(epoch)), counts.take(epoch), counts.takeKeys())
  store.finish(epoch)
}

const save = async (beforeItsName: () => Promise<void> = async () => undefined): Promise<void> => {
  const snapshot = (await store.snapshot()) ?? expect.fail('there is an epoch')
  const breathe = async (): Promise<void> => undefined
  await writeSavepoint({
    snapshot,
    path,
    files: realFiles,
    wallMs: 2,
    budgetBytes: null,
    breathe,
    sourceOf: () => null,
    settled: beforeItsName,
  })
  snapshot.release()
}

async function rowsOf(from: string): Promise<unknown> {
  const base = openSavepoint(realFiles, from)
  const stored = new StoredOperator('counts', countsByUser)
  await base.restore('counts', (form, rows) => stored.takeRows(form, rows))
  const again = new KeyedRows('counts', countsByUser)
  await base.restore('counts', (form, rows) => again.state.restoreRows(form, rows))
  expect(stored.slots).toHaveLength(Object.keys(again.all()).length)
  return again.all()
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'anabranch-savepoint-'))
  path = join(folder, 'sp')
  const place = await openStateFolder({ path: join(folder, 'store'), job: 'clicks', lineage })
  store = await StateStore.open({ place, pause: () => Promise.resolve() })
  counts = new KeyedRows('counts', countsByUser)
  await commit(1, { ann: 1, bob: 2, cid: 3 })
  await commit(2, { bob: null, cid: 4, dan: 5 })
})
afterEach(async () => {
  await store.close()
  rmSync(folder, { recursive: true, force: true })
})

test('a savepoint has the rows of its epoch and nothing that was deleted', async () => {
  const before = counts.all()
  await save()
  expect(await rowsOf(path)).toEqual(before)
  expect(openSavepoint(realFiles, path).record).toEqual(record(2))
})

test('an epoch that is written meanwhile changes nothing of a savepoint, even where it supersedes every block', async () => {
  const before = counts.all()
  await save(() => commit(3, { ann: 9, cid: 9, dan: 9, bob: 9 }))
  expect(await rowsOf(path)).toEqual(before)
})

test('a savepoint may be moved, and any reader of Arrow reads its files', async () => {
  await save()
  const moved = join(folder, 'elsewhere')
  cpSync(path, moved, { recursive: true })
  rmSync(path, { recursive: true })
  expect(await rowsOf(moved)).toEqual(counts.all())
  const table = tableFromIPC(readFileSync(join(moved, 'operators/0.arrow')))
  expect(table.schema.fields.map(field => `${field.name} ${String(field.type)}`)).toEqual([
    'key_group Int32',
    'key.user Utf8',
    'state.n Int64',
    'state.label Utf8',
  ])
  const groups = [...table].map(row => Number(row['key_group']))
  expect(groups).toEqual([...groups].sort((a, b) => a - b))
  expect(table.numRows).toBe(3)
})

test('U6: a savepoint of a later version is refused, and stays as it is', async () => {
  await save()
  const file = join(path, 'savepoint.json')
  const later = readFileSync(file, 'utf8').replace('"format": 2', '"format": 3')
  writeFileSync(file, later)
  expect(() => openSavepoint(realFiles, path)).toThrow('has format 3, this version knows 2')
  expect(readFileSync(file, 'utf8')).toBe(later)
})

test('U1: a savepoint of format 1 is read by this version, from files that are kept', async () => {
  const kept = join(repository, 'test/golden/savepoint-1')
  expect(await rowsOf(kept)).toEqual({
    ann: { n: 1n, label: 'ann 1' },
    cid: { n: 4n, label: 'cid 4' },
    dan: { n: 5n, label: 'dan 5' },
  })
  expect(openSavepoint(realFiles, kept).digests).toBeNull()
})

test('a savepoint has the keys of each key group, as they were counted', async () => {
  await save()
  const found = new KeyDigest(countsByUser.keyGroups)
  const stored = new StoredOperator('counts', countsByUser)
  const base = openSavepoint(realFiles, path)
  await base.restore('counts', (form, rows) => stored.takeRows(form, rows))
  stored.countInto(found)
  expect(found.total).toBe(3)
  expect(base.digests?.get('counts')?.whole('counts')).toEqual(found.whole('counts'))
})

test('no savepoint is made of state that lost a key, and nothing of it is left behind', async () => {
  counts.count({ ann: null })
  await store.prepare(3, encodeRecord(record(3)), counts.take(3), [])
  store.finish(3)
  const names = readdirSync(folder)
  await expect(save()).rejects.toMatchObject({
    code: 'ANB6019',
    message: expect.stringMatching(/^operator "counts" has 0 keys in key group \d+, 1 were written to /),
  })
  expect(readdirSync(folder)).toEqual(names)
})

test('a savepoint that is there is not written over, and one that failed leaves nothing behind', async () => {
  await save()
  await expect(save()).rejects.toThrow(expect.objectContaining({ code: 'ANB6032' }))
  const names = readdirSync(folder)
  path = join(folder, 'other')
  await expect(save(() => Promise.reject(new Error('the run died')))).rejects.toThrow('the run died')
  expect(readdirSync(folder)).toEqual(names)
})

describe('a savepoint is refused, and nothing is guessed, where', () => {
  const file = (name: string): string => join(path, name)
  const flip = (name: string, at: number): void => {
    const bytes = readFileSync(file(name))
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(file(name), bytes)
  }
  const edit = (from: string, to: string): void => {
    const text = readFileSync(file('savepoint.json'), 'utf8')
    expect(text).toContain(from)
    writeFileSync(file('savepoint.json'), text.replace(from, to))
  }
  test.each([
    [
      'savepoint.json was cut short',
      () => truncateSync(file('savepoint.json'), 200),
      'ANB6030',
      'is cut short or is no JSON',
    ],
    ['savepoint.json was edited', () => edit('"at": 7', '"at": 8'), 'ANB6030', 'has another digest than was written'],
    ['it has no savepoint.json', () => rmSync(file('savepoint.json')), 'ANB6030', 'lacks savepoint.json'],
    ['a file is missing', () => rmSync(file('operators/0.arrow')), 'ANB6030', 'lacks operators/0.arrow'],
    ['a file was cut short', () => truncateSync(file('operators/0.arrow'), 100), 'ANB6030', 'has 100 bytes of'],
    ['a bit of a file flipped', () => flip('operators/0.arrow', 700), 'ANB6030', 'has another digest than was written'],
    [
      'a later version wrote it',
      () => edit('"format": 2', '"format": 3'),
      'ANB6031',
      'has format 3, this version knows 2',
    ],
    [
      'its folder cannot be read',
      () => {
        rmSync(file('savepoint.json'))
        mkdirSync(file('savepoint.json'))
      },
      'ANB6034',
      'cannot be read: EISDIR at savepoint.json',
    ],
    [
      'it is the folder of something else',
      () => {
        rmSync(file('savepoint.json'))
        rmSync(file('operators'), { recursive: true })
      },
      'ANB6034',
      'is no savepoint: it has no savepoint.json',
    ],
    ['there is none', () => rmSync(path, { recursive: true }), 'ANB6034', 'there is no savepoint'],
  ])('%s', async (_, harm, code, words) => {
    await save()
    harm()
    expect(() => openSavepoint(realFiles, path)).toThrow(expect.objectContaining({ code }))
    expect(() => openSavepoint(realFiles, path)).toThrow(words)
  })
})

describe('every byte of a savepoint is held against what was written', () => {
  /** All files of it, by name. */
  const filesOf = (): readonly (readonly [string, Buffer])[] =>
    ['savepoint.json', 'operators/0.arrow'].map(name => [name, readFileSync(join(path, name))])

  const refused = (name: string, bytes: Buffer, what: string): void => {
    writeFileSync(join(path, name), bytes)
    expect(() => openSavepoint(realFiles, path), `${name}: ${what}`).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^ANB603[01]$/) }),
    )
    expect(readFileSync(join(path, name)).equals(bytes)).toBe(true)
  }

  test('a bit flipped anywhere in it is refused, and nothing is changed', async () => {
    await save()
    for (const [name, whole] of filesOf()) {
      for (let at = 0; at < whole.length; at += 3) {
        const bytes = Buffer.from(whole)
        bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8))
        refused(name, bytes, `bit ${at % 8} of byte ${at}`)
      }
      writeFileSync(join(path, name), whole)
    }
    expect(await rowsOf(path)).toEqual(counts.all())
  })

  test('one that was cut short anywhere is refused, and one with more behind it', async () => {
    await save()
    for (const [name, whole] of filesOf()) {
      // The last byte of the JSON is the end of a line, which says nothing.
      const last = name.endsWith('.json') ? whole.length - 1 : whole.length
      for (let length = 0; length < last; length += 7) refused(name, whole.subarray(0, length), `${length} bytes`)
      refused(name, Buffer.concat([whole, Buffer.from('x')]), 'a byte more')
      writeFileSync(join(path, name), whole)
    }
    expect(await rowsOf(path)).toEqual(counts.all())
  })
})

test('from a savepoint of any epoch the same changes lead to the same state', async () => {
  const users = ['ann', 'bob', 'cid', 'dan', 'eve']
  const change = fc.dictionary(fc.constantFrom(...users), fc.option(fc.integer({ min: 0, max: 99 })), { minKeys: 1 })
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), fc.nat(), async (changes, at) => {
      run += 1
      path = join(folder, `sp-${run}`)
      const cut = at % changes.length
      const place = await openStateFolder({
        path: join(folder, `store-${run}`),
        job: 'clicks',
        lineage,
        ballastBytes: 0,
      })
      await store.close()
      store = await StateStore.open({ place, pause: () => Promise.resolve() })
      counts = new KeyedRows('counts', countsByUser)
      for (const [i, each] of changes.slice(0, cut + 1).entries()) await commit(i + 1, each)
      await save()
      const again = new KeyedRows('counts', countsByUser)
      await openSavepoint(realFiles, path).restore('counts', (form, rows) => again.state.restoreRows(form, rows))
      for (const each of changes.slice(cut + 1)) {
        counts.count(each)
        again.count(each)
      }
      expect(again.all()).toEqual(counts.all())
    }),
    { numRuns: 40 },
  )
}, 60_000)

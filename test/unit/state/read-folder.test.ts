/** A state folder of another user, which is read: it has no lock, so it has to be as it was when all of it is read. */
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { StateStore, openForReading, openStateFolder } from '../../../src/state/stores/index.js'
import { KeyedRows, countsByUser } from './rows-of-state.js'

const pause = (): Promise<void> => Promise.resolve()
let path = ''

beforeEach(async () => {
  path = join(mkdtempSync(join(tmpdir(), 'anabranch-state-')), 'state')
  const store = await StateStore.open({
    place: await openStateFolder({ path, job: 'clicks', lineage: '0123456789abcdef', ballastBytes: 0 }),
    pause,
  })
  const rows = new KeyedRows('counts', countsByUser)
  rows.count({ ann: 1 })
  await store.prepare(1, Uint8Array.of(1), rows.take(1), rows.takeKeys())
  store.finish(1)
  await store.close()
  vi.spyOn(process, 'getuid').mockReturnValue(statSync(path).uid + 1)
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(join(path, '..'), { recursive: true, force: true })
})

const treeOf = (): readonly string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .map(each => [join(each.parentPath, each.name), each.isFile()] as const)
    .map(([name, isFile]) => (isFile ? `${name} ${readFileSync(name, 'base64')}` : name))

test('that is left alone gives its newest epoch, and has nothing of who read it', async () => {
  const before = treeOf()
  const store = await StateStore.open({ place: await openForReading(path), pause })
  expect(store.last?.epoch).toBe(1)
  expect(treeOf()).toEqual(before)
  await store.close()
  expect(treeOf()).toEqual(before)
})

test('that is written meanwhile is refused, and said to be in use', async () => {
  const place = await openForReading(path)
  appendFileSync(join(path, 'head'), ' ')
  await expect(StateStore.open({ place, pause })).rejects.toMatchObject({
    code: 'ANB6012',
    message: `state in ${path} was written while it was read`,
  })
})

test('a part of which goes meanwhile is said to be in use, not to be damaged', async () => {
  const place = await openForReading(path)
  for (const name of readdirSync(path))
    if (name.startsWith('generation-')) rmSync(join(path, name), { recursive: true })
  await expect(StateStore.open({ place, pause })).rejects.toMatchObject({ code: 'ANB6012' })
})

test('of a job that has written no epoch says so, and not that another folder should be named', async () => {
  path = join(path, '..', 'fresh')
  await (await openStateFolder({ path, job: 'clicks', lineage: '0123456789abcdef', ballastBytes: 0 })).close()
  await expect(openForReading(path)).rejects.toMatchObject({
    code: 'ANB6015',
    message: expect.stringContaining('yet: job "clicks" has written no epoch'),
  })
})

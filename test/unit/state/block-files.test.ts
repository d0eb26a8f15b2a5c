/** Large values of a store lie in files beside LevelDB: what becomes of them, and what of a store whose files were hurt. */
import {
  appendFileSync,
  cpSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { openWithBlocks } from '../../../src/state/stores/block-files.js'
import { writeWhole } from '../../../src/state/stores/folder-files.js'
import { type KeyValue, StateStore, openStateFolder } from '../../../src/state/stores/index.js'
import { KeyedRows, countsByUser } from './rows-of-state.js'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach(path => rmSync(path, { recursive: true, force: true })))

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), 'anabranch-blocks-'))
  folders.push(path)
  return path
}

const key = (n: number): Uint8Array => Uint8Array.of(0, 0, n >> 8, n & 255)
const large = (n: number, bytes = 100_000): Uint8Array => new Uint8Array(bytes).fill(n)
const put = (n: number, value = large(n)): { key: Uint8Array; value: Uint8Array } => ({ key: key(n), value })
const blockFiles = (path: string): readonly string[] => readdirSync(path).filter(name => name.endsWith('.blocks'))
const bytesIn = (path: string): number =>
  blockFiles(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
const isThere = async (kv: KeyValue, n: number, bytes?: number): Promise<boolean> =>
  Buffer.compare((await kv.get(key(n))) ?? new Uint8Array(0), large(n, bytes)) === 0

describe('a large value', () => {
  it('is written whole, however few bytes a call takes', async () => {
    for (const most of [1, 3, 4, 7, 100]) {
      const written: number[] = []
      const writev = (values: readonly Uint8Array[], at: number): Promise<{ bytesWritten: number }> => {
        expect(at).toBe(50 + written.length)
        const some = Buffer.concat(values).subarray(0, most)
        written.push(...some)
        return Promise.resolve({ bytesWritten: some.length })
      }
      await writeWhole({ writev }, [Uint8Array.of(1, 2, 3), Uint8Array.of(4), Uint8Array.of(5, 6, 7, 8)], 50)
      expect(written).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    }
  })

  it('comes back as it was, alone, among others and in another process', async () => {
    const path = join(folder(), 'kv')
    const kv = await openWithBlocks(path, true)
    await kv.write([put(1), put(2, Uint8Array.of(7)), put(3)])
    await kv.write([put(4), put(1, large(9))])
    const seen = async (from: KeyValue): Promise<void> => {
      expect([...(await from.getMany([1, 2, 3, 4, 5].map(key)))].map(value => [value?.length, value?.[0]])).toEqual([
        [100_000, 9],
        [1, 7],
        [100_000, 3],
        [100_000, 4],
        [undefined, undefined],
      ])
      const entries: number[] = []
      for await (const { value } of from.entries({ from: key(2) })) entries.push(value[0] ?? 0)
      expect(entries).toEqual([7, 3, 4])
    }
    await seen(kv)
    await kv.close()
    const again = await openWithBlocks(path, false)
    await seen(again)
    await again.write([put(6)])
    expect(blockFiles(path)).toEqual(['000001.blocks', '000002.blocks'])
    await again.close()
  })

  it('is written once, and what LevelDB has of it is its address', async () => {
    const path = join(folder(), 'kv')
    const kv = await openWithBlocks(path, true)
    for (let n = 0; n < 40; n++) await kv.write([put(n)])
    await kv.close()
    const all = readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0)
    expect(bytesIn(path)).toBe(4_000_000)
    expect(all).toBeLessThan(4_020_000)
  })

  it('gives its room back when it is forgotten, and those that stay move together', async () => {
    const path = join(folder(), 'kv')
    const kv = await openWithBlocks(path, true)
    const mib = 1 << 20
    for (let n = 0; n < 400; n++) {
      await kv.write([put(n, large(n, mib))])
      // One of fifty stays.
      if (n % 50 === 49) await kv.forget(Array.from({ length: 49 }, (_, i) => key(n - i)))
    }
    for (let turn = 0; turn < 8; turn++) await kv.forget([])
    expect(bytesIn(path)).toBeLessThan(180 * mib)
    for (let n = 0; n < 400; n += 50) expect(await isThere(kv, n, mib)).toBe(true)
    await kv.close()
    const again = await openWithBlocks(path, false)
    for (let n = 0; n < 400; n += 50) expect(await isThere(again, n, mib)).toBe(true)
    await again.close()
  })

  it('of a write that was not done is taken away by the next process', async () => {
    const path = join(folder(), 'kv')
    const kv = await openWithBlocks(path, true)
    await kv.write([put(1)])
    await kv.close()
    writeFileSync(join(path, '000002.blocks'), large(2))
    appendFileSync(join(path, '000001.blocks'), 'torn')
    const again = await openWithBlocks(path, false)
    expect(blockFiles(path)).toEqual(['000001.blocks'])
    expect(await isThere(again, 1)).toBe(true)
    await again.close()
  })

  it('that cannot be written is the last one that is tried', async () => {
    const path = join(folder(), 'kv')
    const kv = await openWithBlocks(path, true)
    writeFileSync(join(path, '000001.blocks'), 'in its way')
    await expect(kv.write([put(1)])).rejects.toMatchObject({ code: 'EEXIST' })
    await expect(kv.write([put(2, Uint8Array.of(1))])).rejects.toMatchObject({ code: 'ANB6011' })
    expect(await kv.get(key(1))).toBeUndefined()
    await kv.close()
  })
})

describe('a store whose blocks are large', { timeout: 60_000 }, () => {
  const pause = (): Promise<void> => Promise.resolve()
  const place = (path: string) => openStateFolder({ path, job: 'clicks', lineage: '0123456789abcdef', ballastBytes: 0 })
  const users = Array.from({ length: 100 }, (_, i) => `user ${i} ${'x'.repeat(2000)}`)

  /** As a crash leaves it. */
  async function crashed(): Promise<{ readonly path: string; readonly counts: object; readonly file: string }> {
    const root = folder()
    const store = await StateStore.open({ place: await place(join(root, 'live')), pause })
    const rows = new KeyedRows('counts', countsByUser)
    for (let epoch = 1; epoch <= 3; epoch++) {
      rows.count(Object.fromEntries(users.slice(epoch).map(user => [user, epoch])))
      await store.prepare(epoch, Uint8Array.of(epoch), rows.take(epoch))
      store.finish(epoch)
    }
    const path = join(root, 'crashed')
    cpSync(join(root, 'live'), path, { recursive: true, filter: name => !name.endsWith('/lock/LOCK') })
    await store.close()
    const [file] = blockFiles(join(path, 'generation-1'))
    return { path, counts: rows.counts(), file: join(path, 'generation-1', file ?? expect.fail('it has a block file')) }
  }

  async function counts(path: string): Promise<object> {
    const store = await StateStore.open({ place: await place(path), pause })
    const rows = new KeyedRows('counts', countsByUser)
    await store.restore('counts', block => rows.restore(block))
    await store.close()
    return rows.counts()
  }

  it('S2 has after a crash what was acknowledged, start after start', async () => {
    const { path, counts: expected } = await crashed()
    expect(await counts(path)).toEqual(expected)
    expect(await counts(path)).toEqual(expected)
  })

  it('S5 is refused where a bit of a block is another one, and nothing is touched', async () => {
    const { path, file } = await crashed()
    const bytes = readFileSync(file)
    for (const at of [0.75, 0.9, 0.99].map(share => Math.floor(share * bytes.length))) {
      bytes[at] = (bytes[at] ?? 0) ^ 4
      writeFileSync(file, bytes)
      const outcome = await counts(path).catch((error: unknown) => error)
      expect(outcome).toMatchObject({
        code: 'ANB6010',
        message: expect.stringMatching(/^state of operator "counts" is not what was written in /),
      })
      expect(readFileSync(file).equals(bytes)).toBe(true)
      bytes[at] = (bytes[at] ?? 0) ^ 4
    }
  })

  it('S6 is refused where a block file is gone or shorter', async () => {
    const { path, file } = await crashed()
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.subarray(0, bytes.length - 1))
    await expect(counts(path)).rejects.toMatchObject({
      code: 'ANB6010',
      message: expect.stringContaining('is missing in'),
    })
    rmSync(file)
    await expect(counts(path)).rejects.toMatchObject({
      code: 'ANB6010',
      message: expect.stringContaining('is missing in'),
    })
    writeFileSync(file, bytes)
    expect(Object.keys(await counts(path))).toHaveLength(99)
  })
})

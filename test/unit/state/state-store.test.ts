/** The store over a real folder and over a simulated disk: the same promises. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { StateStore, type StorePlace, openStateFolder } from '../../../src/state/stores/index.js'
import { SimulatedPlace } from '../../../src/testing/simulation/store.js'
import { KeyedRows, countsByUser } from './rows-of-state.js'

const text = (s: string): Uint8Array => new TextEncoder().encode(s)
const said = (record: { readonly bytes: Uint8Array } | null): string =>
  record === null ? '' : new TextDecoder().decode(record.bytes)

const pause = (): Promise<void> => Promise.resolve()
const folders: string[] = []
afterEach(() => folders.splice(0).forEach(path => rmSync(path, { recursive: true, force: true })))

/** Each call is another start on the same disk. */
function realDisk(): () => Promise<StorePlace> {
  const path = join(mkdtempSync(join(tmpdir(), 'anabranch-state-')), 'state')
  folders.push(join(path, '..'))
  return () => openStateFolder({ path, job: 'clicks', lineage: '0123456789abcdef', ballastBytes: 0 })
}

function simulatedDisk(): () => Promise<StorePlace> {
  const place = new SimulatedPlace('0123456789abcdef')
  return () => Promise.resolve(place)
}

const restored = async (store: StateStore, operator = 'counts'): Promise<KeyedRows> => {
  const rows = new KeyedRows(operator, countsByUser)
  await store.restore(operator, block => rows.restore(block))
  return rows
}

describe.each([
  ['a real folder', realDisk],
  ['a simulated disk', simulatedDisk],
])('a state store on %s', (_, disk) => {
  it('has nothing at the first start', async () => {
    const store = await StateStore.open({ place: await disk()(), pause })
    expect(store.last).toBeNull()
    expect(store.unfinished).toEqual([])
    expect(store.operators).toEqual([])
    expect(store.lineage).toBe('0123456789abcdef')
    await store.close()
    await store.close()
  })

  it('gives back the newest epoch, those that are not finished, and the state of each operator', async () => {
    const start = disk()
    const counts = new KeyedRows('counts', countsByUser)
    const others = new KeyedRows('others', countsByUser)
    const store = await StateStore.open({ place: await start(), pause })
    counts.count({ ann: 1, bob: 1 })
    others.count({ zed: 9 })
    await store.prepare(1, text('one'), [...counts.take(1), ...others.take(1)])
    counts.count({ bob: null, cid: 1 })
    const second = store.prepare(2, text('two'), counts.take(2))
    const third = store.prepare(3, text('three'), [])
    await Promise.all([second, third])
    store.finish(1)
    await store.close()

    const again = await StateStore.open({ place: await start(), pause })
    expect(said(again.last)).toBe('three')
    expect(again.unfinished.map(each => [each.epoch, said(each)])).toEqual([
      [2, 'two'],
      [3, 'three'],
    ])
    expect((await restored(again)).counts()).toEqual({ ann: 1, cid: 1 })
    expect((await restored(again, 'others')).counts()).toEqual({ zed: 9 })
    expect(again.operators.map(each => each.operator)).toEqual(['counts', 'others'])
    expect(again.operators[0]?.form).toEqual(countsByUser)
    again.finish(3)
    await again.close()
    const third3 = await StateStore.open({ place: await start(), pause })
    expect(third3.unfinished).toEqual([])
    expect(said(third3.last)).toBe('three')
    await third3.close()
  })

  it('goes on over many starts, and over epochs that leave numbers out', async () => {
    const start = disk()
    const rows = new KeyedRows('counts', countsByUser)
    let epoch = 0
    for (let round = 0; round < 6; round++) {
      const store = await StateStore.open({ place: await start(), pause })
      expect((await restored(store)).counts()).toEqual(rows.counts())
      expect(store.last?.epoch ?? 0).toBe(epoch)
      for (let i = 0; i < 15; i++) {
        epoch += 1 + (i % 3)
        rows.count({ [`user ${epoch % 17}`]: epoch, [`user ${epoch % 5}`]: i % 4 === 0 ? null : epoch })
        await store.prepare(epoch, text(`${epoch}`), rows.take(epoch))
        store.finish(epoch)
      }
      await store.close()
    }
  })

  it('counts what it writes', async () => {
    const store = await StateStore.open({ place: await disk()(), pause })
    const rows = new KeyedRows('counts', countsByUser)
    rows.count({ ann: 1 })
    const blocks = rows.take(1)
    const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
    await store.prepare(1, text('one'), blocks)
    expect(store.counts).toMatchObject({ epochs: 1, bytesChanged: bytes, reopened: 0 })
    expect(store.counts.bytesWritten).toBeGreaterThan(bytes)
    expect(store.liveBytes).toBe(bytes)
    await store.close()
  })
})

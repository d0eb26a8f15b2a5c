import { describe, expect, it } from 'vitest'
import { StateStore } from '../../../src/state/stores/index.js'
import { SimulatedPlace } from '../../../src/testing/simulation/store.js'
import { KeyedRows, countsByUser } from './rows-of-state.js'

const pause = (): Promise<void> => Promise.resolve()
const form = { ...countsByUser, keyGroups: 128 }

/** Numbers in [0, below), the same in every run. */
function chance(seed: number): (below: number) => number {
  let state = seed
  return below => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 4294967296) * below)
  }
}

interface Trickle {
  readonly users: number
  readonly epochs: number
  readonly perEpoch: number
  /** One of so many changes clears a key. */
  readonly clears: number
}

/** The store after so many epochs, restarted now and then; what it wrote, what lives, and what it gives back. */
async function trickled({ users, epochs, perEpoch, clears }: Trickle): Promise<{
  readonly liveBytes: number
  readonly liveBlocks: number
  readonly rows: KeyedRows
  readonly changed: number
  readonly written: number
}> {
  const below = chance(11)
  const place = new SimulatedPlace('0123456789abcdef')
  let rows = new KeyedRows('counts', form)
  let store = await StateStore.open({ place, pause })
  let [changed, written] = [0, 0]
  for (let epoch = 1; epoch <= epochs; epoch++) {
    const some = Array.from({ length: perEpoch }, () => [
      `user ${below(users)}`,
      clears > 0 && below(clears) === 0 ? null : epoch,
    ])
    rows.count(Object.fromEntries(some))
    const blocks = rows.take(epoch)
    await store.prepare(epoch, Uint8Array.of(1), blocks)
    store.finish(epoch)
    if (epoch % Math.ceil(epochs / 3) !== 0) continue
    changed += store.counts.bytesChanged
    written += store.counts.bytesWritten
    await store.close()
    store = await StateStore.open({ place, pause })
    const again = new KeyedRows('counts', form)
    await store.restore('counts', block => again.restore(block))
    expect(again.counts()).toEqual(rows.counts())
    rows = again
  }
  const { liveBytes, liveBlocks } = store
  await store.close()
  return { liveBytes, liveBlocks, rows, changed, written }
}

/** Bytes of the state written once. */
function stateBytes(rows: KeyedRows): number {
  const fresh = new KeyedRows('counts', form)
  fresh.count(rows.counts())
  return fresh.take(1).reduce((sum, block) => sum + block.bytes.length, 0)
}

describe('what a store keeps', () => {
  it('is little more than four times a small state, however often it changes, and a third more than changed is written', async () => {
    const { liveBytes, rows, changed, written } = await trickled({
      users: 20_000,
      epochs: 90,
      perEpoch: 4000,
      clears: 5,
    })
    expect(liveBytes).toBeLessThan(5 * stateBytes(rows))
    expect(written).toBeLessThan(1.5 * changed)
  })

  it('is everything once, where nearly everything changed', async () => {
    const rows = new KeyedRows('counts', form)
    const users = Array.from({ length: 1000 }, (_, i) => `user ${i}`)
    rows.count(Object.fromEntries(users.map(user => [user, 1])))
    rows.take(1)
    rows.count(Object.fromEntries(users.slice(50).map(user => [user, user === 'user 60' ? null : 2])))
    const blocks = rows.take(2)
    expect(blocks.map(({ since, rows: n }) => [since, n])).toEqual([[0, 999]])
    expect(blocks[0]?.changed).toBeCloseTo((950 / 999) * (blocks[0]?.bytes.length ?? 0))
  })

  it('is few blocks after many epochs of a few rows', async () => {
    const { liveBlocks, rows } = await trickled({ users: 3000, epochs: 1200, perEpoch: 3, clears: 0 })
    expect(liveBlocks).toBeLessThan(50)
    expect(Object.keys(rows.counts()).length).toBeGreaterThan(1500)
  })

  it('gives the room of dead blocks back, on a disk as large as a few times the state', async () => {
    const place = new SimulatedPlace('0123456789abcdef')
    const store = await StateStore.open({ place, pause })
    const rows = new KeyedRows('counts', form)
    const long = 'x'.repeat(3000)
    for (let epoch = 1; epoch <= 60; epoch++) {
      rows.count(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`${i} ${long}`, epoch])))
      await store.prepare(epoch, Uint8Array.of(1), rows.take(epoch))
      store.finish(epoch)
    }
    await store.close()
    const bytes = [...place.disk.values()].reduce((sum, value) => sum + value.length, 0)
    expect(store.liveBytes).toBeLessThan(3_000_000)
    expect(bytes).toBeLessThan(20_000_000)
  })

  it('has nothing of keys that are gone', async () => {
    const { liveBytes, rows } = await trickled({ users: 300, epochs: 600, perEpoch: 300, clears: 1 })
    expect(rows.counts()).toEqual({})
    expect(liveBytes).toBeLessThan(100_000)
  })
})

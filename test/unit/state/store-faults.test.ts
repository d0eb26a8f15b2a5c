/** Write errors: what failed may be there, and what is acknowledged after an error may not. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { openLevel } from '../../../src/state/stores/level.js'
import { StateStore } from '../../../src/state/stores/index.js'
import { HostDied, SimulatedPlace, type WriteFate } from '../../../src/testing/simulation/store.js'
import { KeyedRows, countsByUser } from './rows-of-state.js'

const pause = (): Promise<void> => Promise.resolve()
const place = (fates: Readonly<Record<number, WriteFate>>): SimulatedPlace =>
  new SimulatedPlace('0123456789abcdef', write => fates[write] ?? 'done')

async function run(
  store: StateStore,
  rows: KeyedRows,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<void> {
  for (let epoch = from; epoch <= to; epoch++) {
    rows.count({ [`user ${epoch % 7}`]: epoch })
    await store.prepare(epoch, Uint8Array.of(epoch), rows.take(epoch))
    store.finish(epoch)
  }
}

async function counts(disk: SimulatedPlace): Promise<{ readonly epoch: number; readonly counts: object }> {
  const store = await StateStore.open({ place: disk, pause })
  const rows = new KeyedRows('counts', countsByUser)
  await store.restore('counts', block => rows.restore(block))
  const epoch = store.last?.epoch ?? 0
  await store.close()
  return { epoch, counts: rows.counts() }
}

/** As sinks that are slow: three epochs are on their way, whatever their records list. */
async function behind(disk: SimulatedPlace, last: number): Promise<void> {
  const store = await StateStore.open({ place: disk, pause, deadCountMax: 1 })
  const rows = new KeyedRows('counts', countsByUser)
  for (let epoch = 1; epoch <= last; epoch++) {
    rows.count({ [`user ${epoch % 7}`]: epoch })
    await store.prepare(epoch, Uint8Array.of(epoch), rows.take(epoch))
    if (epoch > 3) store.finish(epoch - 3)
  }
}

// A record that lists all blocks hid those before it, so sinks that were slow never committed an epoch that was written.
it('an epoch that no sink has committed is found wherever the host dies, whatever the records behind it list', async () => {
  for (let last = 4; last <= 60; last++) {
    const disk = place({})
    await behind(disk, last)
    await disk.crash()
    const store = await StateStore.open({ place: disk, pause })
    // What is finished is noted with the next write.
    expect(store.unfinished.map(({ epoch }) => epoch)).toEqual([last - 3, last - 2, last - 1, last])
    await store.close()
  }
})

describe('a write that fails', () => {
  it('S7 on a full disk is tried again on a fresh handle, and nothing that is acknowledged later is lost', async () => {
    const disk = place({ 3: 'refused', 4: 'refused' })
    const store = await StateStore.open({ place: disk, pause })
    const rows = new KeyedRows('counts', countsByUser)
    await run(store, rows, { from: 1, to: 40 })
    expect(store.counts.reopened).toBe(2)
    await disk.crash()
    expect(await counts(disk)).toEqual({ epoch: 40, counts: rows.counts() })
  })

  it('S7 on a disk that stays full stops the job at the last epoch that was acknowledged', async () => {
    const disk = new SimulatedPlace('0123456789abcdef', write => (write < 5 ? 'done' : 'refused'))
    const store = await StateStore.open({ place: disk, pause })
    const rows = new KeyedRows('counts', countsByUser)
    await run(store, rows, { from: 1, to: 5 })
    const before = rows.counts()
    rows.count({ ann: 6 })
    await expect(store.prepare(6, Uint8Array.of(6), rows.take(6))).rejects.toMatchObject({
      class: 'StateError',
      code: 'ANB6011',
      message: 'epoch 6 could not be written to /simulated/state',
    })
    await expect(store.prepare(7, Uint8Array.of(7), [])).rejects.toMatchObject({ code: 'ANB6011' })
    store.finish(5)
    await store.close()
    expect(await counts(disk)).toEqual({ epoch: 5, counts: before })
  })

  it('S7 little room is told before the disk is full, and ends when there is some again', async () => {
    const disk = place({})
    const store = await StateStore.open({ place: disk, pause, spaceMin: 1000 })
    await store.prepare(1, Uint8Array.of(1), [])
    expect(store.spaceLow).toBe(false)
    disk.free = 999
    await store.prepare(2, Uint8Array.of(2), [])
    expect([store.spaceLow, disk.hasBallast]).toEqual([true, false])
    disk.free = 5000
    await store.roomAgain()
    expect([store.spaceLow, disk.hasBallast]).toEqual([false, true])
    await store.close()
  })

  it('S8 with an error of fsync may be there all the same, and is not written twice', async () => {
    const disk = place({ 2: 'refused but kept' })
    const store = await StateStore.open({ place: disk, pause })
    const rows = new KeyedRows('counts', countsByUser)
    await run(store, rows, { from: 1, to: 6 })
    expect(store.counts.reopened).toBe(1)
    expect(disk.writes).toBe(6)
    await disk.crash()
    expect(await counts(disk)).toEqual({ epoch: 6, counts: rows.counts() })
  })

  it('S8 is refused where what was acknowledged before it is gone', async () => {
    const disk = place({ 4: 'refused' })
    const store = await StateStore.open({ place: disk, pause })
    const rows = new KeyedRows('counts', countsByUser)
    await run(store, rows, { from: 1, to: 4 })
    for (const key of [...disk.disk.keys()].slice(-2)) disk.disk.delete(key)
    await expect(store.prepare(5, Uint8Array.of(5), [])).rejects.toMatchObject({
      code: 'ANB6010',
      message: 'epoch 4 was written and is gone from /simulated/state',
    })
  })

  it('S9 a slow disk holds the epochs behind it, in their order, and loses none', async () => {
    const disk = place({})
    const store = await StateStore.open({ place: disk, pause })
    const rows = new KeyedRows('counts', countsByUser)
    let release: () => void = () => undefined
    disk.slow = new Promise(resolve => (release = resolve))
    const settled: number[] = []
    const prepares = [1, 2, 3].map(epoch => {
      rows.count({ ann: epoch })
      return store.prepare(epoch, Uint8Array.of(epoch), rows.take(epoch)).then(() => settled.push(epoch))
    })
    await Promise.resolve()
    expect([settled, disk.disk.size]).toEqual([[], 0])
    release()
    await Promise.all(prepares)
    expect(settled).toEqual([1, 2, 3])
    await disk.crash()
    expect(await counts(disk)).toEqual({ epoch: 3, counts: { ann: 3 } })
  })

  it('S9 a snapshot that is asked for while a slow disk writes an epoch is of that epoch, positions and state', async () => {
    // It once had the record of the epoch before and the state of this one, which a start from it would have counted twice.
    const disk = place({})
    const store = await StateStore.open({ place: disk, pause })
    const rows = new KeyedRows('counts', countsByUser)
    await run(store, rows, { from: 1, to: 3 })
    let release: () => void = () => undefined
    disk.slow = new Promise(resolve => (release = resolve))
    rows.count({ 'user 1': 40, ann: 4 })
    const written = store.prepare(4, Uint8Array.of(4), rows.take(4))
    const taken = store.snapshot()
    await Promise.resolve()
    release()
    await written
    rows.count({ ann: 5 })
    await store.prepare(5, Uint8Array.of(5), rows.take(5))
    const snapshot = (await taken) ?? expect.fail('there are epochs')
    const found = new KeyedRows('counts', countsByUser)
    await snapshot.restore('counts', block => found.restore(block))
    expect([snapshot.epoch, snapshot.bytes]).toEqual([4, Uint8Array.of(4)])
    expect(found.counts()).toEqual({ 'user 1': 40, 'user 2': 2, 'user 3': 3, ann: 4 })
    await store.close()
  })

  it('S1 S2 whatever fails and wherever the host dies, the store has what was acknowledged, or one epoch more', async () => {
    const fate = fc.constantFrom<WriteFate>(
      'done',
      'done',
      'done',
      'refused',
      'refused but kept',
      'lost with the host',
      'kept with the host',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { minLength: 20, maxLength: 60 }), async fates => {
        const disk = new SimulatedPlace('0123456789abcdef', write => fates[write] ?? 'done')
        const models: object[] = [{}]
        let acknowledged = 0
        for (let life = 0; life < 30; life++) {
          const store = await StateStore.open({ place: disk, pause })
          const epoch = store.last?.epoch ?? 0
          expect([acknowledged, acknowledged + 1]).toContain(epoch)
          const rows = new KeyedRows('counts', countsByUser)
          await store.restore('counts', block => rows.restore(block))
          expect(rows.counts()).toEqual(models[epoch])
          acknowledged = epoch
          const died = await lives(store, rows, { models, from: epoch + 1, noted: at => (acknowledged = at) })
          await disk.crash()
          if (!died) break
        }
        expect((await counts(disk)).epoch).toBeGreaterThanOrEqual(acknowledged)
      }),
      { numRuns: 60, seed: 21 },
    )
  })
})

/** Goes on until the host dies or the disk refuses for good; answers whether it has to start again. */
async function lives(
  store: StateStore,
  rows: KeyedRows,
  {
    models,
    from,
    noted,
  }: { readonly models: object[]; readonly from: number; readonly noted: (epoch: number) => void },
): Promise<boolean> {
  for (let epoch = from; epoch < from + 6; epoch++) {
    rows.count({ [`user ${epoch % 5}`]: epoch, [`user ${epoch % 3}`]: epoch % 4 === 0 ? null : epoch })
    models[epoch] = rows.counts()
    try {
      await store.prepare(epoch, Uint8Array.of(epoch), rows.take(epoch))
    } catch (error) {
      return error instanceof Error && (error instanceof HostDied || error.name === 'StateError')
    }
    noted(epoch)
    store.finish(epoch)
  }
  return false
}

describe('a handle of LevelDB', () => {
  it('creates nothing where something should be, and opens nothing where something should be new', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'anabranch-level-')), 'level')
    await expect(openLevel(path, false)).rejects.toThrow()
    const level = await openLevel(path, true)
    await level.write([{ key: Uint8Array.of(1), value: Uint8Array.of(2) }])
    await level.close()
    await expect(openLevel(path, true)).rejects.toThrow()
    const again = await openLevel(path, false)
    expect([...((await again.get(Uint8Array.of(1))) ?? [])]).toEqual([2])
    await again.close()
    rmSync(join(path, '..'), { recursive: true })
  })

  it('writes nothing more after an error', async () => {
    const path = join(mkdtempSync(join(tmpdir(), 'anabranch-level-')), 'level')
    const level = await openLevel(path, true)
    await level.close()
    const put = { key: Uint8Array.of(1), value: Uint8Array.of(1) }
    await expect(level.write([put])).rejects.toThrow('not open')
    await expect(level.write([put])).rejects.toMatchObject({ code: 'ANB6011' })
    rmSync(join(path, '..'), { recursive: true })
  })
})

/** The keys of each key group are counted in the record of each epoch, and a start finds these keys or none are taken. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { KeyDigest, type StateBlock, expectKeys } from '../../../src/state/index.js'
import { StateStore, openStateFolder } from '../../../src/state/stores/index.js'
import { SimulatedPlace } from '../../../src/testing/simulation/store.js'
import { Run } from './budget-run.js'
import { KeyedRows, countsByUser } from './rows-of-state.js'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach(path => rmSync(path, { recursive: true, force: true })))

function newFolder(): string {
  const path = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'anabranch-keys-'))
  folders.push(path)
  return path
}

const storeIn = async (path: string): Promise<StateStore> => {
  const place = await openStateFolder({ path, job: 'clicks', lineage: '0123456789abcdef', ballastBytes: 0 })
  return StateStore.open({ place, pause: () => Promise.resolve() })
}

/** Writes what changed, and by default which keys came and went. */
async function commit(store: StateStore, rows: KeyedRows, keys = rows.takeKeys): Promise<void> {
  const epoch = (store.last?.epoch ?? 0) + 1
  await store.prepare(epoch, Uint8Array.of(1), rows.take(epoch), keys.call(rows))
  store.finish(epoch)
}

/** A start: all rows, and whether they have the keys that were counted. */
async function start(store: StateStore): Promise<KeyedRows> {
  const rows = new KeyedRows('counts', countsByUser)
  const snapshot = (await store.snapshot()) ?? expect.fail('there is an epoch')
  await snapshot.restore('counts', block => rows.restore(block))
  snapshot.release()
  const found = rows.state.countRestored(null)
  const expected = snapshot.digests?.get('counts') ?? new KeyDigest(16)
  expectKeys({ operator: 'counts', place: 'DIR/state', epoch: snapshot.epoch }, expected, found)
  return rows
}

const users = Array.from({ length: 30 }, (_, i) => `user ${i}`)
const change = fc.dictionary(fc.constantFrom(...users), fc.option(fc.nat(9), { freq: 2 }), { minKeys: 1 })

describe('the keys of a key group', () => {
  it('are counted as they come, change and go, and each start finds the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.record({ change, restart: fc.boolean() }), { maxLength: 60 }), async steps => {
        const path = newFolder()
        let store = await storeIn(path)
        let rows = new KeyedRows('counts', countsByUser)
        for (const step of steps) {
          rows.count(step.change)
          await commit(store, rows)
          if (!step.restart) continue
          const before = rows.all()
          await store.close()
          store = await storeIn(path)
          rows = await start(store)
          expect(rows.all()).toEqual(before)
        }
        await store.close()
      }),
      { numRuns: 20 },
    )
  })

  it('are told in a record only where one came or went', async () => {
    const rows = new KeyedRows('counts', countsByUser)
    rows.count({ ann: 1, bob: 2 })
    rows.take(1)
    expect(rows.takeKeys().map(({ keys }) => [...keys])).toEqual([[1, 1]])
    rows.count({ ann: 5, cid: 1 })
    rows.count({ cid: null })
    rows.take(2)
    expect(rows.takeKeys()).toEqual([])
    rows.count({ ann: null })
    rows.take(3)
    expect(rows.takeKeys().map(({ keys, sums }) => [...keys, ...sums])).toEqual([[0, 0]])
  })

  it('are the same whatever of them lies beyond memory', async () => {
    const place = new SimulatedPlace('5eed5eed5eed5eed', () => 'done')
    const budgeted = await Run.open(place, 1)
    const path = newFolder()
    const store = await storeIn(path)
    const rows = new KeyedRows('counts', countsByUser)
    for (let epoch = 1; epoch <= 40; epoch++) {
      const changes = Object.fromEntries(
        [0, 1, 2].map(i => [users[(epoch * 7 + i * 5) % 30] ?? '', i === 2 ? null : epoch]),
      )
      rows.count(changes)
      await commit(store, rows)
      await budgeted.rows(Object.entries(changes))
      await budgeted.cut()
    }
    const digestOf = async (of: StateStore): Promise<unknown> => {
      const snapshot = await of.snapshot()
      snapshot?.release()
      return snapshot?.digests?.get('counts')?.whole('counts')
    }
    expect(budgeted.store.coldRowsOf('counts')).toBeGreaterThan(5)
    expect(await digestOf(budgeted.store)).toEqual(await digestOf(store))
    await store.close()
    // Whoever goes on finds in memory and beyond it what was counted.
    await place.crash()
    await (await Run.open(place, 1)).store.close()
  })
})

describe('a start is refused, with operator, key group and both counts, where', () => {
  const refusal = async (wrong: (rows: KeyedRows) => void): Promise<unknown> => {
    const store = await storeIn(newFolder())
    const rows = new KeyedRows('counts', countsByUser)
    rows.count(Object.fromEntries(users.map(user => [user, 1])))
    await commit(store, rows)
    wrong(rows)
    await commit(store, rows, () => [])
    try {
      return await start(store).then(
        () => expect.fail('it is refused'),
        (error: unknown) => error,
      )
    } finally {
      await store.close()
    }
  }

  it('a key is missing', async () => {
    expect(await refusal(rows => rows.count({ 'user 7': null }))).toMatchObject({
      code: 'ANB6019',
      message: expect.stringMatching(/^operator "counts" has \d keys in key group \d+, \d were written to DIR\/state$/),
      detail: expect.stringMatching(
        /^Epoch 2 has \d keys with digest [0-9a-f]{8} there, \d with digest [0-9a-f]{8} were read back\. 1 of 16 key groups differ\./,
      ),
      hint: expect.stringContaining('start from a savepoint'),
    })
  })

  it('there is a key that nobody wrote', async () => {
    expect(await refusal(rows => rows.count({ 'user 30': 1 }))).toMatchObject({ code: 'ANB6019' })
  })

  it('one key stands for another of its key group', async () => {
    const rows = new KeyedRows('counts', countsByUser)
    rows.count(Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`user ${i}`, 1])))
    const [seven, other] = [
      rows.groupOf('user 7'),
      30 + Array.from({ length: 170 }, (_, i) => rows.groupOf(`user ${30 + i}`)).indexOf(rows.groupOf('user 7')),
    ]
    expect(seven).toBe(rows.groupOf(`user ${other}`))
    expect(await refusal(each => each.count({ 'user 7': null, [`user ${other}`]: 1 }))).toMatchObject({
      code: 'ANB6019',
      message: `operator "counts" has other keys in key group ${seven} than were written to DIR/state`,
    })
  })

  it('a block lost the row of a key on its way to the store', async () => {
    const store = await storeIn(newFolder())
    const rows = new KeyedRows('counts', countsByUser)
    rows.count({ ann: 1, bob: 2, cid: 3 })
    const shorter = (blocks: readonly StateBlock[]): readonly StateBlock[] => blocks.slice(1)
    rows.count(Object.fromEntries(Array.from({ length: 40_000 }, (_, i) => [`user ${i}`, 1])))
    await store.prepare(1, Uint8Array.of(1), shorter(rows.take(1)), rows.takeKeys())
    await expect(start(store)).rejects.toMatchObject({ code: 'ANB6019' })
    await store.close()
  })
})

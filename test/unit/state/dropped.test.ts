/** An operator whose state is left behind: nothing of it is stored from one write on, in memory and beyond. */
import { describe, expect, test } from 'vitest'
import { type StateStore } from '../../../src/state/stores/index.js'
import { SimulatedPlace, type WriteFate } from '../../../src/testing/simulation/store.js'
import { Run } from './budget-run.js'

const users = Array.from({ length: 60 }, (_, i) => `user ${i}`)
const budgets = [
  ['in memory', 2 ** 30],
  ['beyond memory', 1],
] as const

class Disk {
  fates: (write: number) => WriteFate = () => 'done'
  readonly place = new SimulatedPlace('0123456789abcdef', write => this.fates(write))

  constructor(readonly budget: number) {}

  /** A host opens what is there, does this, and is gone. */
  async after(work: (run: Run) => Promise<void>): Promise<void> {
    const run = await Run.open(this.place, this.budget)
    await work(run)
    await run.store.close()
  }
}

const counted = (run: Run): Promise<void> => run.rows(users.map((user, i) => [user, i] as const)).then(() => run.cut())
const drop = ({ store }: Run): Promise<void> =>
  store.prepare((store.last?.epoch ?? 0) + 1, Uint8Array.of(1), [], [], ['counts'])

const numbers = async (run: Run, of: readonly string[]): Promise<readonly unknown[]> =>
  (await run.found(of)).map(row => row['n'])

async function expectNothing(store: StateStore): Promise<void> {
  const snapshot = await store.snapshot()
  expect(snapshot?.operators).toEqual([])
  expect(snapshot?.digests?.get('counts')).toBeUndefined()
  snapshot?.release()
  expect(store.operators).toEqual([])
  expect(store.liveBlocks).toBe(0)
  expect(store.coldRowsOf('counts')).toBe(0)
  await store.checkCold()
}

describe.each(budgets)('state that lies %s', (_, budget) => {
  test('is gone with the epoch that drops its operator, and at each start behind it', async () => {
    const disk = new Disk(budget)
    await disk.after(counted)
    await disk.after(async run => {
      expect(run.store.operators).toHaveLength(1)
      await drop(run)
      await expectNothing(run.store)
    })
    for (let start = 0; start < 3; start++) await disk.after(({ store }) => expectNothing(store))
  })

  test('is not what an operator of that id begins with, which comes later', async () => {
    const disk = new Disk(budget)
    await disk.after(counted)
    await disk.after(drop)
    await disk.after(async run => {
      await run.rows([['user 7', 1]])
      await run.cut()
    })
    await disk.after(async run => expect(await numbers(run, ['user 7', 'user 8'])).toEqual([1n, null]))
  })

  test('is there whole where the write that drops it is lost, and gone where it is not', async () => {
    for (const fate of ['lost with the host', 'kept with the host'] as const) {
      const disk = new Disk(budget)
      await disk.after(counted)
      const run = await Run.open(disk.place, budget)
      disk.fates = () => fate
      await expect(drop(run)).rejects.toMatchObject({ code: 'ANB6011' })
      disk.fates = () => 'done'
      await disk.place.crash()
      await disk.after(async next => {
        if (fate === 'kept with the host') return expectNothing(next.store)
        expect(await numbers(next, users)).toEqual(users.map((_, i) => BigInt(i)))
      })
    }
  })
})

/** Savepoints of one running job that are asked for at once. */
import { expect, test } from 'vitest'
import { Saves, unlessOver } from '../../../src/runtime/open/saves.js'

const saved = (epoch: number) => ({ path: `savepoints/${epoch}`, epoch })

test('savepoints that are asked for at once are made one after the other, also behind one that could not be', async () => {
  const saves = new Saves()
  const steps: string[] = []
  const ends: (() => void)[] = []
  const made = async (epoch: number) => {
    steps.push(`begin ${epoch}`)
    await new Promise<void>(resolve => ends.push(resolve))
    steps.push(`end ${epoch}`)
    if (epoch === 1) throw new Error('is there already')
    return saved(epoch)
  }
  const first = saves.add(() => made(1))
  const second = saves.add(() => made(2))
  await expect.poll(() => ends.length).toBe(1)
  ends[0]?.()
  await expect(first).rejects.toThrow('is there already')
  await expect.poll(() => ends.length).toBe(2)
  ends[1]?.()
  expect(await second).toEqual(saved(2))
  await saves.settled()
  expect(steps).toEqual(['begin 1', 'end 1', 'begin 2', 'end 2'])
})

test('a savepoint that waits for another one when the run is over is refused, and its making never begins', async () => {
  const saves = new Saves()
  const first = saves.add(over => unlessOver(over, new Promise<never>(() => undefined)))
  const second = saves.add(() => Promise.resolve(saved(2)))
  const ended = Promise.allSettled([first, second])
  await saves.close()
  expect(await ended).toMatchObject([
    { status: 'rejected', reason: { code: 'ANB6033' } },
    { status: 'rejected', reason: { code: 'ANB6033' } },
  ])
})

/** State that expires beyond memory: the real tables and the real store, against a map with times. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { schemaFromJson } from '../../../src/schema/index.js'
import { type StateForm } from '../../../src/state/index.js'
import { SimulatedPlace } from '../../../src/testing/simulation/store.js'
import { Run } from './budget-run.js'
import { countsByUser } from './rows-of-state.js'

const lifeMs = 1_000
const ttl = { ms: lifeMs, update: 'on_create_and_write', visibility: 'never_return_expired' } as const
const keep = { as: 'value', ttl } as const
const form: StateForm = {
  ...countsByUser,
  state: schemaFromJson([
    ['n', 'int64', { keep }],
    ['label', 'utf8', { keep }],
  ]),
}
const users = Array.from({ length: 40 }, (_, i) => `user ${i}`)
const newPlace = (): SimulatedPlace => new SimulatedPlace('0123456789abcdef')

/** Until nothing more goes; answers how many epochs that took. */
async function idle(run: Run, clock: { wallMs: number }): Promise<void> {
  for (let i = 0; i < 40; i++) {
    clock.wallMs += lifeMs / 4
    for (let tick = 0; tick < 8; tick++) await run.tick()
    run.rest()
    await run.cut()
  }
}

describe('state that expires beyond memory', () => {
  it('goes from the disk without being asked for, and what lives stays', async () => {
    const clock = { wallMs: 0 }
    const place = newPlace()
    const run = await Run.open(place, 1, form, clock)
    await run.rows(users.map((user, i) => [user, i] as const))
    await run.cut()
    expect(run.hotKeys).toBe(0)
    expect(run.store.coldRowsOf('counts')).toBe(users.length)
    clock.wallMs = lifeMs - 1
    await run.rows([['user 7', 70]])
    for (let i = 0; i < 30; i++) await run.tick()
    await run.cut()
    expect(run.store.coldRowsOf('counts')).toBe(users.length)
    clock.wallMs = 2 * lifeMs - 2
    for (let i = 0; i < 30; i++) {
      await run.tick()
      run.rest()
      await run.cut()
    }
    expect(run.store.coldRowsOf('counts')).toBe(1)
    expect((await run.found(['user 7', 'user 8'])).map(row => row['n'])).toEqual([70n, null])
    await run.store.close()
  })

  it.each([1, 40_000])('with a budget of %s bytes is what it would be in memory, whoever dies', async budget => {
    const step = fc.record({
      rows: fc.uniqueArray(fc.tuple(fc.constantFrom(...users), fc.option(fc.nat(99), { freq: 4 })), {
        selector: ([user]) => user,
        maxLength: 8,
      }),
      passMs: fc.constantFrom(0, 50, 400),
      next: fc.constantFrom('cut', 'cut', 'cut slowly', 'go on', 'restart'),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 50 }), async steps => {
        const clock = { wallMs: 0 }
        const place = newPlace()
        let run = await Run.open(place, budget, form, clock)
        let all = new Map<string, { readonly n: number; readonly atMs: number }>()
        let durable = new Map(all)
        for (const { rows, passMs, next } of steps) {
          clock.wallMs += passMs
          await run.tick()
          const expected = rows.map(([user]) => {
            const has = all.get(user)
            return has !== undefined && has.atMs + lifeMs > clock.wallMs ? BigInt(has.n) : null
          })
          expect(await run.rows(rows)).toEqual(expected)
          for (const [user, n] of rows) n === null ? all.delete(user) : all.set(user, { n, atMs: clock.wallMs })
          if (next === 'cut' || next === 'cut slowly') {
            await (next === 'cut' ? run.cut() : run.cutSlowly())
            durable = new Map(all)
          } else if (next === 'restart') {
            await place.crash()
            all = new Map(durable)
            run = await Run.open(place, budget, form, clock)
          }
        }
        await idle(run, clock)
        expect(run.hotKeys).toBe(0)
        expect(run.store.coldRowsOf('counts')).toBe(0)
        await run.store.close()
      }),
      { numRuns: 25, seed: 13 },
    )
  })
})

/** State larger than memory: the real tables and the real store, against a map that has all of it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { type SchemaJson, schemaFromJson } from '../../../src/schema/index.js'
import { type StateForm } from '../../../src/state/index.js'
import { stateBudgetBytesMin } from '../../../src/plan/index.js'
import { besideStore, bufferBytesOf } from '../../../src/state/stores/cold-memory.js'
import { type StateStore, type StorePlace, openStateFolder } from '../../../src/state/stores/index.js'
import { SimulatedPlace, type WriteFate } from '../../../src/testing/simulation/store.js'
import { Run } from './budget-run.js'
import { KeyedRows, countsByUser as form } from './rows-of-state.js'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach(path => rmSync(path, { recursive: true, force: true })))

/** Everything that the store has, as `state list` and a savepoint see it. */
async function stored(store: StateStore): Promise<ReadonlyMap<string, number>> {
  const rows = new KeyedRows('counts', form)
  await store.restore('counts', block => rows.restore(block))
  return new Map(Object.entries(rows.counts()))
}

const users = Array.from({ length: 40 }, (_, i) => `user ${i}`)
const steps = fc.array(
  fc.record({
    rows: fc.uniqueArray(fc.tuple(fc.constantFrom(...users), fc.option(fc.nat(99), { freq: 3 })), {
      selector: ([user]) => user,
      maxLength: 12,
    }),
    next: fc.constantFrom('cut', 'cut', 'cut slowly', 'go on', 'restart'),
  }),
  { minLength: 5, maxLength: 60 },
)

/** Runs the steps; answers what went out of memory. */
async function judge(
  run: typeof steps extends fc.Arbitrary<infer T> ? T : never,
  place: SimulatedPlace,
  budget: number,
) {
  let host = await Run.open(place, budget)
  const all = new Map<string, number>()
  let durable = new Map<string, number>()
  let coldMost = 0
  for (const { rows, next } of run) {
    const expected = rows.map(([user]) => (all.has(user) ? BigInt(all.get(user) ?? 0) : null))
    expect(await host.rows(rows)).toEqual(expected)
    for (const [user, n] of rows) n === null ? all.delete(user) : all.set(user, n)
    if (next === 'go on') continue
    if (next === 'restart') {
      await place.crash()
      all.clear()
      for (const [user, n] of durable) all.set(user, n)
      host = await Run.open(place, budget)
    } else {
      await (next === 'cut' ? host.cut() : host.cutSlowly())
      durable = new Map(all)
    }
    coldMost = Math.max(coldMost, host.store.coldRowsOf('counts'))
    expect(await stored(host.store)).toEqual(durable)
  }
  await host.store.close()
  return coldMost
}

describe('state larger than memory', () => {
  it.each([1, 40_000, 200_000])('of %s bytes is what it would be without a limit, whoever dies', async budget => {
    let cold = 0
    await fc.assert(
      fc.asyncProperty(steps, async run => {
        cold += await judge(run, new SimulatedPlace('0123456789abcdef'), budget)
      }),
      { numRuns: 25, seed: 11 },
    )
    if (budget === 1) expect(cold).toBeGreaterThan(100)
  })

  it('is whole after writes that failed, whether they were kept or not', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.infiniteStream(fc.nat(9)), async (run, chance) => {
        const fates: readonly WriteFate[] = ['refused', 'refused but kept']
        const fate = (write: number): WriteFate =>
          (write % 2 === 0 ? fates[chance.next().value ?? 9] : undefined) ?? 'done'
        await judge(run, new SimulatedPlace('0123456789abcdef', fate), 1)
      }),
      { numRuns: 25, seed: 12 },
    )
  })

  it('leaves memory until it is within the limit', async () => {
    const run = await Run.open(new SimulatedPlace('0123456789abcdef'), 400_000)
    for (let round = 0; round < 20; round++) {
      await run.rows(Array.from({ length: 1_000 }, (_, i) => [`user ${1_000 * round + i}`, i] as const))
      await run.cut()
    }
    expect(run.hotKeys).toBeLessThan(6_000)
    expect(run.store.coldRowsOf('counts')).toBeGreaterThan(14_000)
    expect(await run.rows([['user 17', 1]])).toEqual([17n])
    await run.store.close()
  })

  // The next blocks said nothing of what was not known yet to lie there.
  it('stays gone where it goes while it is written beyond memory', async () => {
    const run = await Run.open(new SimulatedPlace('0123456789abcdef'), 1)
    const [, ...others] = users
    await run.rows(users.map(user => [user, 1] as const))
    await run.cutSlowly()
    await run.rows(others.map(user => [user, null] as const))
    await run.cut()
    expect(await stored(run.store)).toEqual(new Map([['user 0', 1]]))
    await run.store.close()
  })

  it('is in what a snapshot says that an operator takes, so that a savepoint reads no more of it at once than of the rest', async () => {
    const bytesOf = async (budget: number): Promise<number> => {
      const run = await Run.open(new SimulatedPlace('0123456789abcdef'), budget)
      for (let round = 0; round < 20; round++) {
        await run.rows(Array.from({ length: 1_000 }, (_, i) => [`user ${1_000 * round + i}`, i] as const))
        await run.cut()
      }
      const snapshot = await run.store.snapshot()
      const bytes = snapshot?.operators.find(each => each.operator === 'counts')?.bytes ?? 0
      snapshot?.release()
      await run.store.close()
      return bytes
    }
    const inMemory = await bytesOf(2 ** 30)
    expect(await bytesOf(1)).toBeGreaterThan(inMemory / 2)
  })
})

it('the least budget is what the databases take', () => {
  const { entries, epochs } = bufferBytesOf(stateBudgetBytesMin)
  expect(besideStore(stateBudgetBytesMin)).toBe(1)
  expect(besideStore(stateBudgetBytesMin + 16)).toBeGreaterThan(8)
  expect(Math.ceil((2 * (entries + epochs)) / (1 - 1 / 8))).toBe(stateBudgetBytesMin)
})

describe('a start that has no room for what blocks bring', () => {
  it('gives the newest of it, of keys too that left while it read and come again with a later block', async () => {
    const place = new SimulatedPlace('0123456789abcdef')
    const many = Array.from({ length: 400 }, (_, i) => `user ${i}`)
    let run = await Run.open(place, 1)
    await run.rows(many.map(user => [user, 0] as const))
    await run.cut()
    expect(run.hotKeys).toBe(0)
    await place.crash()
    run = await Run.open(place, 2 ** 30)
    for (let round = 1; round <= 6; round++) {
      await run.rows(many.filter((_, i) => i % (round + 1) === 0).map(user => [user, round] as const))
      await run.cut()
    }
    expect(run.store.liveBlocks).toBeGreaterThan(3)
    const expected = await run.rows(many.map(user => [user, null] as const))
    await place.crash()
    run = await Run.open(place, 1)
    await run.store.checkCold()
    expect(await run.rows(many.map(user => [user, 9] as const))).toEqual(expected)
    await run.cut()
    await run.store.checkCold()
    await run.store.close()
  })
})

describe('a walk through all keys', () => {
  it('meets each once, in the same order whatever lies beyond memory, and leaves memory as it was', async () => {
    const inMemory = await Run.open(new SimulatedPlace('0123456789abcdef'), 2 ** 30)
    await inMemory.rows(users.map((user, i) => [user, i] as const))
    const expected = await inMemory.walked(1)
    expect(expected.map(({ user }) => user).toSorted()).toEqual(users.toSorted())
    const someBack = fc.uniqueArray(fc.constantFrom(...users))
    await fc.assert(
      fc.asyncProperty(someBack, fc.integer({ min: 1, max: 50 }), async (back, entriesMax) => {
        const run = await Run.open(new SimulatedPlace('0123456789abcdef'), 1)
        await run.rows(users.map((user, i) => [user, i] as const))
        await run.rows([['nobody', 1]])
        await run.cut()
        expect(run.hotKeys).toBe(0)
        await run.rows([['nobody', null]])
        await run.found(back)
        await run.rows(back.slice(1, 4).map(user => [user, users.indexOf(user)] as const))
        expect(await run.walked(entriesMax)).toEqual(expected)
        await run.store.close()
      }),
      { numRuns: 60, seed: 14 },
    )
  })
})

describe('state beyond memory under other columns', () => {
  const declare = (...state: SchemaJson): StateForm => ({ ...form, state: schemaFromJson(state) })
  const second = declare(['label', 'utf8'], ['extra', 'int64', { default: '5' }])
  const third = declare(
    ['n', 'int64', { default: '-1' }],
    ['name', 'utf8', { alias: 'label' }],
    ['extra', 'int64', { default: '9' }],
  )

  it('went through all that the job had since, as state did that stayed', async () => {
    const place = new SimulatedPlace('0123456789abcdef')
    let run = await Run.open(place, 1)
    await run.rows(users.map((user, i) => [user, i] as const))
    await run.cut()
    expect(run.hotKeys).toBe(0)
    run = await restarted(place, second)
    // No key leaves in this run: the store is told of its columns all the same.
    expect(await run.found(['user 3'])).toEqual([{ label: 'user 3 3', extra: 5n }])
    await run.cut()
    run = await restarted(place, third)
    const expected = users.map((user, i) => ({ n: -1n, name: `${user} ${i}`, extra: 5n }))
    expect(await run.found(users)).toEqual(expected)
    await run.cut()
    expect(await (await restarted(place, third)).found(users)).toEqual(expected)
  })

  it('is in the columns of the last epoch, whoever began with others and wrote none', async () => {
    const place = new SimulatedPlace('0123456789abcdef')
    const inMemory = await Run.open(place, 2 ** 30)
    await inMemory.rows(users.map((user, i) => [user, i] as const))
    await inMemory.cut()
    // There is no room for any key, and what has none would lose its numbers in these columns.
    await restarted(place, second)
    const run = await restarted(place, form)
    expect((await run.found(users)).map(({ n }) => n)).toEqual(users.map((_, i) => BigInt(i)))
    await run.store.close()
  })

  it('is refused where they cannot be made of what was stored, with nothing touched', async () => {
    const place = new SimulatedPlace('0123456789abcdef')
    const run = await Run.open(place, 1)
    await run.rows(users.map((user, i) => [user, i] as const))
    await run.cut()
    const before = new Map(place.cold)
    await expect(restarted(place, declare(['n', 'utf8']))).rejects.toMatchObject({ code: 'ANB6016' })
    expect(place.cold).toEqual(before)
  })

  async function restarted(place: SimulatedPlace, declared: StateForm): Promise<Run> {
    await place.crash()
    return Run.open(place, 1, declared)
  }
})

describe('what lies beyond memory on a real disk', () => {
  const start = (path: string): Promise<StorePlace> =>
    openStateFolder({ path, job: 'clicks', lineage: '0123456789abcdef', ballastBytes: 0 })

  async function folderWithState(): Promise<string> {
    const path = join(mkdtempSync(join(tmpdir(), 'anabranch-budget-')), 'store')
    folders.push(join(path, '..'))
    const run = await Run.open(await start(path), 1)
    for (let round = 0; round < 3; round++) {
      await run.rows(users.map((user, i) => [`${user} of ${round}`, i] as const))
      await run.cut()
    }
    // The newest record says how many writes there were before it.
    await run.rows([['last', 1]])
    await run.cut()
    await run.store.close()
    return path
  }

  const coldFiles = (path: string): readonly string[] => {
    const generation = readdirSync(path).find(name => name.startsWith('generation-')) ?? ''
    const folder = join(path, generation, 'cold')
    return readdirSync(folder).map(name => join(folder, name))
  }

  it('is there for the next run', async () => {
    const path = await folderWithState()
    const run = await Run.open(await start(path), 1)
    expect(await run.rows([['user 7 of 0', 1]])).toEqual([7n])
    expect(await run.rows([['user 700', 1]])).toEqual([null])
    await run.store.close()
  })

  it('is refused where a bit of an entry is another one', async () => {
    const path = await folderWithState()
    const file = coldFiles(path).find(name => /\.(log|ldb)$/.test(name) && statSync(name).size > 0) ?? ''
    const bytes = readFileSync(file)
    const at = bytes.indexOf('user 7 of 0')
    expect(at).toBeGreaterThan(0)
    bytes[at] = (bytes[at] ?? 0) ^ 1
    writeFileSync(file, bytes)
    await expect(Run.open(await start(path), 1)).rejects.toMatchObject({ code: 'ANB6010' })
  })

  it('is refused where it is gone', async () => {
    const path = await folderWithState()
    rmSync(join(coldFiles(path)[0] ?? '', '..'), { recursive: true })
    await expect(Run.open(await start(path), 1)).rejects.toMatchObject({ code: 'ANB6010' })
  })
})

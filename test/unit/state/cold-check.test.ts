/**
 * Entries beyond memory whose bytes are right, and which are not those that were written: nothing tells a start, and all of them are
 * read behind it.
 */
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { crc32c } from '../../../src/kernels/index.js'
import { openLevel } from '../../../src/state/stores/level.js'
import { StateStore, type StorePlace, openStateFolder } from '../../../src/state/stores/index.js'
import { SimulatedPlace } from '../../../src/testing/simulation/store.js'
import { refusing } from '../../support/refusing.js'
import { Run } from './budget-run.js'

const folders: string[] = []
afterEach(() => folders.splice(0).forEach(path => rmSync(path, { recursive: true, force: true })))

const users = Array.from({ length: 200 }, (_, i) => `user ${i}`)
const tallyName = 'ff'.repeat(6)

type Entries = Map<string, Uint8Array>

/** Some users beyond memory, twice: as they were before, and as they are. */
async function stored(): Promise<{ readonly place: SimulatedPlace; readonly before: Entries; readonly cold: Entries }> {
  const place = new SimulatedPlace('0123456789abcdef')
  const run = await Run.open(place, 1)
  await run.rows(users.map((user, i) => [user, i] as const))
  await run.cut()
  const before = new Map(place.cold)
  await run.rows(users.map((user, i) => [user, i + 1] as const))
  await run.cut()
  await place.crash()
  return { place, before, cold: place.cold ?? new Map<string, Uint8Array>() }
}

const entriesOf = (cold: Entries): readonly string[] => [...cold.keys()].filter(name => name !== tallyName)

const opened = (place: StorePlace): Promise<StateStore> =>
  StateStore.open({ place, pause: () => Promise.resolve(), cold: true })

/** What a check says of entries that somebody changed; a start says nothing. */
async function checked(change: (cold: Entries, before: Entries) => void): Promise<unknown> {
  const { place, cold, before } = await stored()
  change(cold, before)
  const store = await opened(place)
  try {
    await store.checkCold()
    return null
  } catch (error) {
    return error
  } finally {
    await store.close()
  }
}

const otherEntries = {
  code: 'ANB6010',
  message: expect.stringMatching(
    /^state beyond memory in .* key group \d+ of operator "counts" has other entries than were written$/,
  ),
}

describe('a check behind the start', () => {
  it('says nothing where all entries are those that were written', async () => {
    expect(await checked(() => undefined)).toBe(null)
  })

  it('S4 finds an entry that is gone, whichever it is', async () => {
    for (let i = 0; i < users.length; i += 37)
      expect(await checked(cold => cold.delete(entriesOf(cold)[i] ?? ''))).toMatchObject(otherEntries)
  })

  it('S13 finds an entry that is what it was before', async () => {
    const older = (cold: Entries, before: Entries): void => {
      const [name = ''] = entriesOf(cold)
      cold.set(name, before.get(name) ?? expect.fail('it was there before'))
    }
    expect(await checked(older)).toMatchObject(otherEntries)
  })

  it('S5 finds an entry of which a bit is another one', async () => {
    const flipped = (cold: Entries): void => {
      const value = cold.get(entriesOf(cold)[9] ?? '') ?? expect.fail('there are entries')
      value[value.length - 7] = (value[value.length - 7] ?? 0) ^ 4
    }
    expect(await checked(flipped)).toMatchObject({
      code: 'ANB6010',
      message: expect.stringContaining('an entry of operator "counts" is not what was written'),
    })
  })

  it('S4 what it found is told to the next start, which is refused at once and changes nothing', async () => {
    const { place, cold } = await stored()
    const [name = ''] = entriesOf(cold)
    const entry = cold.get(name) ?? expect.fail('there are entries')
    cold.delete(name)
    const store = await opened(place)
    await expect(store.checkCold()).rejects.toMatchObject(otherEntries)
    await store.close()
    cold.set(name, entry)
    await expect(opened(place)).rejects.toMatchObject({
      ...otherEntries,
      hint: 'bring back the whole folder, begin at a savepoint with --from, or begin anew: --fresh',
    })
  })

  it('S5 what a row finds that reads it is told to the next start, but not what a start finds that is refused', async () => {
    const { place } = await stored()
    const flip = (): void => {
      for (const [name, value] of place.cold ?? []) if (name !== tallyName) value[0] = (value[0] ?? 0) ^ 4
    }
    flip()
    const starting = await opened(place)
    const all = { operator: 'counts', groups: { first: 0, last: 15 }, from: null, entriesMax: 9 }
    await expect(starting.readColdPage(all)).rejects.toMatchObject({ code: 'ANB6010' })
    await starting.close()
    expect(place.condemned).toBe(null)
    flip()
    const run = await Run.open(place, 1)
    await run.rows([['user 7', 1]])
    await run.cut()
    flip()
    await expect(run.rows([['user 9', 1]])).rejects.toMatchObject({ code: 'ANB6010' })
    await run.store.close()
    await expect(opened(place)).rejects.toMatchObject({
      code: 'ANB6010',
      message: expect.stringContaining('an entry of operator "counts" is not what was written'),
    })
  })

  it('an entry of an operator that nobody knows is refused by the start', async () => {
    const { place, cold } = await stored()
    const [name = ''] = entriesOf(cold)
    cold.set(`0001${name.slice(4)}`, cold.get(name) ?? new Uint8Array(0))
    await expect(opened(place)).rejects.toMatchObject({
      message: expect.stringContaining('it has an entry that nobody wrote'),
    })
  })

  it.each([
    { said: undefined, has: 1, hint: 'make a savepoint with the version that wrote it, and begin there: ' },
    { said: 9, has: 9, hint: 'run it with the version that wrote it' },
  ])('state that says version $said is of another version, not damaged', async ({ said, has, hint }) => {
    const { place, cold } = await stored()
    const json: object = JSON.parse(new TextDecoder().decode(cold.get(tallyName)?.subarray(4)))
    const body = Buffer.from(JSON.stringify({ ...json, version: said }))
    const sum = Buffer.alloc(4)
    sum.writeUInt32LE(crc32c(body))
    cold.set(tallyName, Buffer.concat([sum, body]))
    await expect(opened(place)).rejects.toMatchObject({
      code: 'ANB6014',
      message: `state beyond memory in ${place.path} has format version ${has}, this version knows 3`,
      hint: expect.stringContaining(hint),
    })
  })

  it('is of one moment, whatever is written meanwhile', async () => {
    const { place } = await stored()
    const run = await Run.open(place, 1)
    let pages = 0
    await run.store.checkCold(async () => {
      pages += 1
      await run.rows(users.slice(0, 90).map((user, i) => [user, i % 3 === 0 ? null : 7] as const))
      await run.cut()
    })
    expect(pages).toBeGreaterThan(0)
    await run.store.checkCold()
    await run.store.close()
  })
})

describe('on a real disk', () => {
  const folder = (): string => {
    const path = mkdtempSync(join(tmpdir(), 'anabranch-cold-check-'))
    folders.push(path)
    return join(path, 'store')
  }
  const start = (path: string): Promise<StorePlace> =>
    openStateFolder({ path, job: 'clicks', lineage: '0123456789abcdef', ballastBytes: 0 })

  /** A run of more keys than come in one page, and what makes its writes fail. */
  const withMany = async () => {
    const place = await start(folder())
    const { refuse } = refusing(place)
    const run = await Run.open(place, 1)
    const many = Array.from({ length: 9_000 }, (_, i) => [`user ${i}`, i] as const)
    await run.rows(many)
    await run.cut()
    return { run, refuse, many }
  }

  it('a check goes on where the databases were opened again after a write that failed', async () => {
    const { run, refuse } = await withMany()
    let pages = 0
    await run.store.checkCold(async () => {
      pages += 1
      if (pages > 1) return
      refuse(1, 0)
      await run.rows([['another', 1]])
      await run.cut()
    })
    expect(run.store.counts.reopened).toBe(1)
    // One in vain, and three that have all.
    expect(pages).toBe(4)
    await run.store.close()
  })

  // The write was made all the same, and the job stopped for want of what was being read.
  it('S7 rows that wait for their state get it where the databases were opened again meanwhile', async () => {
    const { run, refuse, many } = await withMany()
    refuse(1, 0)
    const epoch = (run.store.last?.epoch ?? 0) + 1
    const [found] = await Promise.all([
      run.found(many.map(([user]) => user)),
      run.store.prepare(epoch, new Uint8Array(1), []),
    ])
    expect(run.store.counts.reopened).toBe(1)
    expect(found.map(({ n }) => Number(n))).toEqual(many.map(([, n]) => n))
    await run.store.close()
  })

  it('S4 a folder in which something was found is refused until what was good lies there again', async () => {
    const path = folder()
    const run = await Run.open(await start(path), 1)
    await run.rows(users.map((user, i) => [user, i] as const))
    await run.cut()
    await run.store.close()
    const copy = `${path}-copy`
    cpSync(path, copy, { recursive: true })
    const [generation = ''] = readdirSync(path).filter(name => name.startsWith('generation-'))
    const cold = await openLevel(join(path, generation, 'cold'), false)
    for await (const { key } of cold.entries({ limit: 1 })) await cold.write([], [key])
    await cold.close()

    const store = await opened(await start(path))
    await expect(store.checkCold()).rejects.toMatchObject(otherEntries)
    await store.close()
    for (let again = 0; again < 2; again++) await expect(opened(await start(path))).rejects.toMatchObject(otherEntries)

    rmSync(join(path, generation), { recursive: true })
    cpSync(copy, path, { recursive: true })
    const restored = await opened(await start(path))
    await restored.checkCold()
    await restored.close()
  })

  it('S3 a start is refused where writes that an epoch counts on are gone from the end of the log', async () => {
    const path = folder()
    const run = await Run.open(await start(path), 1)
    for (let round = 0; round < 3; round++) {
      await run.rows(users.map(user => [user, round] as const))
      await run.cut()
    }
    await run.store.close()
    const generation = readdirSync(path).find(name => name.startsWith('generation-')) ?? ''
    const cold = join(path, generation, 'cold')
    const log = join(cold, readdirSync(cold).find(name => name.endsWith('.log')) ?? '')
    // No epoch counts on the last of three.
    truncateSync(log, Math.floor(statSync(log).size / 2))
    await expect(opened(await start(path))).rejects.toMatchObject({
      code: 'ANB6010',
      message: expect.stringMatching(/is damaged: it has seen 1 writes of 2$/),
    })
  })
})

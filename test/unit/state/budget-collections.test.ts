/** Lists and maps that are larger than memory: the real tables and the real store, against plain arrays and maps a key. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Change, MortalPlace, Run, type Terms, lifeMs, logged } from './kept-run.js'

interface Kept {
  /** How many calls wrote it. */
  n: { readonly value: bigint; readonly atMs: number } | null
  readonly log: { readonly item: bigint; readonly atMs: number }[]
  readonly seen: { readonly item: string | null; readonly atMs: number }[]
  readonly last: Entries
  readonly named: Entries
}
type Entries = Map<string, { readonly value: bigint; readonly atMs: number }>
type All = Map<string, Kept>
const nothing = (): Kept => ({ n: null, log: [], seen: [], last: new Map(), named: new Map() })
const copyOf = (all: All): All =>
  new Map(
    [...all].map(([user, { n, log, seen, last, named }]) => [
      user,
      { n, log: [...log], seen: [...seen], last: new Map(last), named: new Map(named) },
    ]),
  )

const users = Array.from({ length: 30 }, (_, i) => `user ${i}`)
const name = fc.constantFrom('/', '/x', 'a longer name than eight', '')
/** As many as come from beyond memory at first, and more. */
const numbered = fc.nat(11).map(i => `entry ${i}`)
const change: fc.Arbitrary<Change> = fc.record({
  // Few have many entries.
  user: fc.oneof(fc.constantFrom('user 0', 'user 1', 'user 2'), fc.constantFrom(...users)),
  name: fc.option(numbered, { nil: null }),
  unnamed: fc.array(numbered, { maxLength: 3 }),
  named: fc.oneof(
    { weight: 15, arbitrary: fc.array(fc.tuple(numbered, fc.bigInt({ min: -9n, max: 9n })), { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc
        .bigInt({ min: -9n, max: 9n })
        .map(n => Array.from({ length: 8 }, (_, i) => [`entry ${i}`, n] as const)),
    },
  ),
  gone: fc.integer({ min: 0, max: 9 }).map(n => n === 0),
  clear: fc.integer({ min: 0, max: 7 }).map(n => n === 0),
  seen: fc.array(fc.option(fc.string({ maxLength: 9 }), { nil: null }), { maxLength: 4 }),
  removed: fc.array(name, { maxLength: 2 }),
  last: fc.array(fc.tuple(name, fc.bigInt({ min: -9n, max: 9n })), { maxLength: 3 }),
})
const step = fc.record({
  changes: fc.uniqueArray(change, { maxLength: 6, selector: one => one.user }),
  passMs: fc.constantFrom(0, 50, 400),
  /** All entries are looked at before, as last calls do. */
  ends: fc.nat(9).map(n => n === 0),
  next: fc.constantFrom('cut', 'cut', 'cut slowly', 'go on', 'restart'),
  /** Of a restart: which budget it has. */
  budget: fc.nat(9),
  /** And hosts that die in it, each at one of its writes. */
  dying: fc.array(fc.record({ writes: fc.nat(4), kept: fc.boolean() }), { maxLength: 4 }),
})

function note(
  all: All,
  changes: readonly Change[],
  { atMs, sinceMs }: { readonly atMs: number; readonly sinceMs: number },
): void {
  for (const { user, gone, clear, seen, removed, last, unnamed, named } of changes) {
    const before = all.get(user) ?? nothing()
    const { n } = living(before, sinceMs)
    const of = gone || clear ? nothing() : before
    of.n = gone ? null : { value: (n ?? 0n) + 1n, atMs }
    of.log.push(...seen.map(logged).map(item => ({ item, atMs })))
    of.seen.push(...seen.map(item => ({ item, atMs })))
    for (const each of removed) of.last.delete(each)
    for (const [each, value] of last) of.last.set(each, { value, atMs })
    for (const each of unnamed) of.named.delete(each)
    for (const [each, value] of named) of.named.set(each, { value, atMs })
    all.set(user, of)
  }
}

interface Living {
  readonly n: bigint | null
  readonly log: unknown[]
  readonly seen: unknown[]
  readonly last: unknown[]
  readonly named: readonly (readonly [string, bigint])[]
}

function living(of: Kept | undefined, sinceMs: number): Living {
  const { n, log, seen, last, named } = of ?? nothing()
  return {
    n: n === null || n.atMs <= sinceMs ? null : n.value,
    log: log.filter(({ atMs }) => atMs > sinceMs),
    seen: seen.filter(({ atMs }) => atMs > sinceMs).map(({ item }) => item),
    last: livingOf(last, sinceMs),
    named: livingOf(named, sinceMs),
  }
}

const livingOf = (entries: Entries, sinceMs: number): (readonly [string, bigint])[] =>
  [...entries]
    .filter(([, { atMs }]) => atMs > sinceMs)
    .map(([key, { value }]) => [key, value] as const)
    .toSorted()

/** What a row of this user finds that names this entry. */
function found(of: Kept | undefined, name: string | null, sinceMs: number): unknown {
  const { log, named, ...rest } = living(of, sinceMs)
  const isNew = rest.n === null && [log, rest.seen, rest.last, named].every(({ length }) => length === 0)
  return { ...rest, named: named.filter(([key]) => key === name), isNew }
}

describe('lists and maps larger than memory', () => {
  // Of a key that hardly ever is in memory it takes a while until a block is the only one that has what it had then.
  it.each([
    [[1], 80],
    [[60_000], 5],
    [[400_000], 5],
    // Much lies beyond memory of keys that a start with more room has blocks of.
    [[1, 400_000, 400_000], 40],
  ])(
    'with a budget of %s bytes are what they would be without, whoever dies, in %s steps and more',
    async (budgets, stepsMin) => {
      const steps = fc.array(step, { minLength: stepsMin, maxLength: 2 * stepsMin + 30 })
      let [beyond, died, fetched] = [0, 0, 0]
      await fc.assert(
        fc.asyncProperty(steps, fc.boolean(), async (run, expires) => {
          const clock = { wallMs: 10_000 }
          const place = new MortalPlace()
          const termsOf = (n: number): Terms => {
            return { budgetBytes: budgets[n % budgets.length] ?? 1, expires, clock }
          }
          let host = await Run.open(place, termsOf(0))
          let all: All = new Map()
          let durable: All = new Map()
          for (const { changes, passMs, next, budget, dying, ends } of run) {
            clock.wallMs += passMs
            await host.tick()
            const sinceMs = expires ? clock.wallMs - lifeMs : 0
            if (ends) {
              const whole = changes.map(({ user }) => living(all.get(user), sinceMs).named)
              expect(await host.all(changes.map(({ user }) => user))).toEqual(whole)
            }
            const expected = changes.map(({ user, name: of }) => found(all.get(user), of, sinceMs))
            expect(await host.rows(changes)).toEqual(expected)
            fetched = Math.max(fetched, host.fetched)
            note(all, changes, { atMs: clock.wallMs, sinceMs })
            if (next === 'cut' || next === 'cut slowly') {
              await (next === 'cut' ? host.cut() : host.cutSlowly())
              durable = copyOf(all)
              beyond = Math.max(beyond, host.entries)
              if (!expires) expect(await host.stored()).toEqual(storedOf(durable))
            } else if (next === 'restart') {
              await place.crash()
              all = copyOf(durable)
              for (const death of dying) died += Number(await place.dies(death, () => Run.open(place, termsOf(budget))))
              host = await Run.open(place, termsOf(budget))
            }
          }
          if (expires) await idle(host, clock)
          await host.store.close()
        }),
        { numRuns: stepsMin > 40 ? 3 : 12, seed: 15, endOnFailure: true },
      )
      expect(fetched).toBeGreaterThan(5)
      if (!budgets.includes(1)) return
      expect(beyond).toBeGreaterThan(20)
      expect(died).toBeGreaterThan(20)
    },
    120_000,
  )
})

const storedEntries = (last: Kept['last']): unknown[] => [...last].map(([key, { value }]) => [key, value]).toSorted()

const storedOf = (all: All): unknown =>
  new Map(
    [...all]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(
        ([user, { log, seen, last, named }]) =>
          [
            user,
            {
              log: log.map(({ item }) => item),
              seen: seen.map(({ item }) => item),
              last: storedEntries(last),
              named: storedEntries(named),
            },
          ] as const,
      )
      .filter(([, { seen, last, named }]) => seen.length + last.length + named.length > 0),
  )

/** Until everything has expired and is gone, from the disk too. */
async function idle(run: Run, clock: { wallMs: number }): Promise<void> {
  for (let i = 0; i < 60; i++) {
    clock.wallMs += lifeMs / 4
    for (let tick = 0; tick < 8; tick++) await run.tick()
    run.rest()
    await run.cut()
  }
  expect(run.hotKeys).toBe(0)
  expect(run.entries).toBe(0)
}

const set = (user: string, names: readonly string[], n: bigint): Change => {
  const rest = { gone: false, clear: false, seen: [], removed: [], last: [], unnamed: [] }
  return { ...rest, user, name: null, named: names.map(entry => [entry, n] as const) }
}

describe('keys with many entries', () => {
  const many = Array.from({ length: 24 }, (_, i) => `entry ${i} ${'x'.repeat(200)}`)
  const terms = { budgetBytes: 1, expires: false, clock: { wallMs: 10_000 } }

  it('leave memory in one write, where what is written of them is little', async () => {
    const run = await Run.open(new MortalPlace(), terms)
    await run.rows(users.map(user => set(user, many.slice(0, 7), 1n)))
    await run.cut()
    expect([run.hotKeys, run.entries]).toEqual([0, 30 + 30 * 7])
    expect(run.written.length).toBe(1)
    await run.store.close()
  })

  /** A host died before what it wrote last of each of them left memory, and all before that had. */
  const interrupted = async (): Promise<MortalPlace> => {
    const place = new MortalPlace()
    const host = await Run.open(place, terms)
    await host.rows(users.map(user => set(user, many, 1n)))
    await host.cut()
    // With the others in memory the epoch has no block of all values, and that of the epoch before comes first.
    await host.all(users)
    await host.rows(users.slice(0, 20).map(user => set(user, ['one more'], 1n)))
    expect(await place.dies({ writes: 1, kept: false }, () => host.cut().then(() => host))).toBe(true)
    return place
  }
  const allOfOne = [[...many, 'one more'].toSorted().map(name => [name, 1n])]

  it('of which a start brings back few and has no room pass it, the values in one write and the map in another', async () => {
    const run = await Run.open(await interrupted(), terms)
    expect([run.hotKeys, run.entries]).toEqual([0, 30 + 30 * 24 + 20])
    expect(run.written).toEqual([['count'], ['count/named']])
    expect(await run.all(['user 7'])).toEqual(allOfOne)
    await run.store.close()
  })

  it('of which a start brings back few are read when a row needs them, and no value that was only read is written', async () => {
    const place = await interrupted()
    expect(await place.dies({ writes: 1, kept: false }, () => Run.open(place, terms))).toBe(true)
    // The values passed. There is room for the keys, and not for all that they have.
    const run = await Run.open(place, { ...terms, budgetBytes: 300_000 })
    expect([run.hotKeys, run.asked, run.written]).toEqual([20, 0, []])
    expect(await run.all(['user 7'])).toEqual(allOfOne)
    await run.all(users)
    await run.cut()
    expect(new Set(run.written.map(each => each.join()))).toEqual(new Set(['count/named']))
    expect(await run.all(['user 7'])).toEqual(allOfOne)
    await run.store.close()
  })
})

describe('what a start brings into memory', () => {
  const terms = { expires: false, clock: { wallMs: 10_000 } }
  const large = { ...terms, budgetBytes: 2 ** 30 }
  /** All users have entries of these names beyond memory. */
  const beyond = async (names: readonly string[]): Promise<MortalPlace> => {
    const place = new MortalPlace()
    const small = await Run.open(place, { ...terms, budgetBytes: 1 })
    await small.rows(users.map(user => set(user, names, 1n)))
    await small.cut()
    await place.crash()
    return place
  }

  it('is asked for once a row needs it, however many epochs brought it', async () => {
    const place = await beyond(['/'])
    const host = await Run.open(place, large)
    for (let at = 0; at < users.length; at += 6) {
      await host.rows(users.slice(at, at + 6).map(user => set(user, ['/x'], 2n)))
      await host.cut()
    }
    await place.crash()
    const run = await Run.open(place, large)
    expect([run.hotKeys, run.asked, run.written]).toEqual([30, 0, []])
    const both = [['/', 1n] as const, ['/x', 2n] as const]
    expect(await run.all(users)).toEqual(users.map(() => both))
    await run.store.close()
  })
})

describe('entries beyond memory', () => {
  it('expire there, although the value of their key did long before', async () => {
    const clock = { wallMs: 10_000 }
    const run = await Run.open(new MortalPlace(), { budgetBytes: 1, expires: true, valueMs: lifeMs / 10, clock })
    await run.rows([set('ann', ['/', '/x'], 1n)])
    await run.cut()
    expect(run.hotKeys).toBe(0)
    expect(run.entries).toBe(3)
    await idle(run, clock)
    await run.store.close()
  })

  it('stay gone where they go while they are written there', async () => {
    const clock = { wallMs: 10_000 }
    const run = await Run.open(new MortalPlace(), { budgetBytes: 1, expires: false, clock })
    const [, ...others] = users
    await run.rows(users.map(user => set(user, ['/', '/x'], 1n)))
    await run.cutSlowly()
    await run.rows(others.map(user => ({ ...set(user, [], 0n), gone: true, clear: true })))
    await run.cut()
    const kept = { log: [], seen: [], last: [] }
    expect(await run.stored()).toEqual(
      new Map([
        [
          'user 0',
          {
            ...kept,
            named: [
              ['/', 1n],
              ['/x', 1n],
            ],
          },
        ],
      ]),
    )
    await run.store.close()
  })
})

describe('the last calls', () => {
  it('meet keys whose values have expired while a list or map has entries, in one order whatever lies beyond memory', async () => {
    const valueMs = 100
    const rounds = fc.array(fc.uniqueArray(change, { maxLength: 12, selector: one => one.user }), { maxLength: 6 })
    await fc.assert(
      fc.asyncProperty(rounds, fc.integer({ min: 1, max: 40 }), fc.nat(5), async (changes, entriesMax, sweeps) => {
        const all: All = new Map()
        const clock = { wallMs: 10_000 }
        const terms = { expires: true, valueMs, clock }
        const runs = [
          await Run.open(new MortalPlace(), { ...terms, budgetBytes: 2 ** 30 }),
          await Run.open(new MortalPlace(), { ...terms, budgetBytes: 1 }),
        ]
        for (const some of changes) {
          note(all, some, { atMs: clock.wallMs, sinceMs: clock.wallMs - valueMs })
          for (const run of runs) {
            await run.rows(some)
            await run.cut()
          }
          clock.wallMs += 60
        }
        for (const run of runs) for (let i = 0; i < sweeps; i++) await run.tick()
        const has = ({ n, seen, last, named }: Kept): boolean =>
          seen.length > 0 || last.size + named.size > 0 || (n !== null && n.atMs > clock.wallMs - valueMs)
        const expected = [...all].flatMap(([user, kept]) => (has(kept) ? [user] : []))
        const [inMemory = [], beyond] = await Promise.all(runs.map(run => run.walked(entriesMax)))
        expect(inMemory.toSorted()).toEqual(expected.toSorted())
        expect(beyond).toEqual(inMemory)
        for (const run of runs) await run.store.close()
      }),
      { numRuns: 60 },
    )
  })

  // What was written came back for slots that had been given up, and were another key's by then.
  it('that begin while entries leave memory take nothing for what it is not', async () => {
    const names = Array.from({ length: 8 }, (_, i) => `entry ${i}`)
    const run = await Run.open(new MortalPlace(), { budgetBytes: 1, expires: false, clock: { wallMs: 10_000 } })
    await run.rows([set('ann', names, 1n), set('bob', names, 1n)])
    await run.cut()
    await run.rows([set('ann', names, 2n)])
    await run.cutAtEnd(async () => {
      await run.all(['ann'])
      await run.rows([set('bob', [], 0n)])
    })
    await run.rows([set('bob', names, 2n)])
    await run.cut()
    await run.store.checkCold()
    await run.store.close()
  })
})

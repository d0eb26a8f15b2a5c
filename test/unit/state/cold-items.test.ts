/** Items of lists and maps beyond memory: the same is found whether keys are looked up one by one or read by their group. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CollectionAnswer, type ColdKeys, type Reach } from '../../../src/state/cold.js'
import { type PackedRows, viewsOf } from '../../../src/state/packed.js'
import { namesOf } from '../../../src/state/stores/cold-entries.js'
import { readReach } from '../../../src/state/stores/cold-items.js'
import { type KeyRange, type KeyReader, type Put } from '../../../src/state/stores/key-value.js'

/** Keys as they are packed: their length first, so that none begins another. */
const owner = fc.uint8Array({ maxLength: 3 }).map(bytes => Uint8Array.from([bytes.length, ...bytes]))
const item = fc.uint8Array({ minLength: 8, maxLength: 10 })
const keyed = fc.record({
  owner,
  group: fc.nat(2),
  items: fc.uniqueArray(item, { selector: String, maxLength: 5 }),
  isAsked: fc.boolean(),
})
type Keyed = typeof keyed extends fc.Arbitrary<infer T> ? T : never

function packed(rows: readonly Uint8Array[]): PackedRows {
  const ends = new Uint32Array(rows.length)
  let end = 0
  rows.forEach((row, i) => (ends[i] = end += row.length))
  return { bytes: Uint8Array.from(rows.flatMap(row => [...row])), ends }
}

const keysOf = (all: readonly (readonly [number, Uint8Array])[]): ColdKeys => ({
  groups: Uint16Array.from(all, ([group]) => group),
  keys: packed(all.map(([, key]) => key)),
})

/** What is there, and how many ranges of it were read. */
class Reader implements KeyReader {
  ranges = 0
  constructor(private readonly names: readonly Uint8Array[]) {}

  get(): Promise<undefined> {
    return Promise.resolve(undefined)
  }
  getMany(): Promise<readonly undefined[]> {
    return Promise.resolve([])
  }
  close(): Promise<void> {
    return Promise.resolve()
  }

  async *entries({ from = new Uint8Array(0), to, reverse = false, limit = -1 }: KeyRange): AsyncIterable<Put> {
    this.ranges += 1
    const inside = this.names.filter(
      name => Buffer.compare(name, from) >= 0 && (to === undefined || Buffer.compare(name, to) < 0),
    )
    const some = reverse ? inside.toReversed() : inside
    for (const key of limit < 0 ? some : some.slice(0, limit)) yield { key, value: key }
  }
}

async function read(
  all: readonly Keyed[],
  { reach, turned, itemsIn }: { readonly reach: Reach; readonly turned: boolean; itemsIn(group: number): number },
): Promise<{
  readonly found: ReadonlyMap<number, readonly string[]>
  readonly more: unknown
  readonly ranges: number
}> {
  const naming = { id: 77, turned }
  const items = all.flatMap(({ owner: key, group, items: own }) =>
    own.map(each => [group, Uint8Array.from([...key, ...each])] as const),
  )
  const reader = new Reader(viewsOf(namesOf(naming, keysOf(items))).toSorted((a, b) => Buffer.compare(a, b)))
  const asked = all.filter(({ isAsked }) => isAsked).map(({ group, owner: key }) => [group, key] as const)
  const found = (names: PackedRows, values: readonly Uint8Array[]): CollectionAnswer['named'] => {
    const at = Int32Array.from(values.keys())
    return [{ forms: [], at, sums: new Uint32Array(at.length), epochs: new Float64Array(at.length), rows: names }]
  }
  const answer = await readReach({ reader, naming, itemsIn, found }, keysOf(asked), reach)
  const byOwner = new Map<number, string[]>()
  for (const { at, keys } of answer.found) {
    const views = viewsOf(keys)
    at.forEach((key, i) => byOwner.set(key, [...(byOwner.get(key) ?? []), String(views[i])]))
  }
  return { found: byOwner, more: [...answer.more], ranges: reader.ranges }
}

const counted = (all: readonly Keyed[]) => (group: number) =>
  all.reduce((sum, each) => sum + (each.group === group ? each.items.length : 0), 0)

describe('items beyond memory', () => {
  test('are found the same, whether their keys are looked up one by one or read by their group', async () => {
    const keys = fc.uniqueArray(keyed, { selector: ({ owner: key, group }) => `${key} ${group}`, maxLength: 20 })
    const reaches = fc.constantFrom<Reach>('all', 'last', 'none', 1, 2)
    await fc.assert(
      fc.asyncProperty(keys, reaches, fc.boolean(), async (all, reach, turned) => {
        const each = await read(all, { reach, turned, itemsIn: () => Number.POSITIVE_INFINITY })
        const byGroup = await read(all, { reach, turned, itemsIn: counted(all) })
        expect({ ...byGroup, ranges: 0 }).toEqual({ ...each, ranges: 0 })
      }),
      { numRuns: 300, seed: 9 },
    )
  })

  test('of many keys are read in one range a group, and of groups without items in none', async () => {
    const all = Array.from({ length: 200 }, (_, i): Keyed => {
      const items = i % 2 === 0 ? [Uint8Array.of(0, 0, 0, 0, 0, 0, 0, i)] : []
      return { owner: Uint8Array.of(1, i), group: i % 4, items, isAsked: true }
    })
    const { found, ranges } = await read(all, { reach: 'all', turned: false, itemsIn: counted(all) })
    expect(found.size).toBe(100)
    expect(ranges).toBe(2)
  })
})

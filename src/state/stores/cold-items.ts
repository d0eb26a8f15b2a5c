/**
 * Cold items: what is read of lists and maps that lie beyond memory. The items of a key lie together, and so do the keys of a key group.
 * So of few keys each is looked up by a range of its own, and of many the group is read from the first to the last of them.
 */
import { type ColdItems, type ColdKeys, type ColdRows, type CollectionAnswer, type Reach } from '../cold.js'
import { type PackedRows, packedOf, viewsOf } from '../packed.js'
import { type Naming, keysIn, namesOf } from './cold-entries.js'
import { type KeyReader, type Put } from './key-value.js'

export interface ItemsPlace {
  readonly reader: KeyReader
  readonly naming: Naming
  /** How many there are in a key group, of all keys. */
  readonly itemsIn: (group: number) => number
  /** What stands under these names. */
  readonly found: (names: PackedRows, values: readonly Uint8Array[]) => readonly ColdRows[]
}

/** Keys that are looked up, or whose items are decoded, at once. */
const ownersAtOnce = 64
/** A range of its own takes 35 to 60 us, an item that is passed 3 to 4, with classic-level alone. */
const itemsARange = 12

interface Range {
  readonly reverse: boolean
  /** Below 0: all. */
  readonly limit: number
}

/** What these keys have. */
export async function readReach(
  place: ItemsPlace,
  keys: ColdKeys,
  reach: Reach,
): Promise<Pick<CollectionAnswer, 'found' | 'more'>> {
  const [found, more]: [ColdItems[], number[]] = [[], []]
  const range = rangeOf(reach)
  // The number at the end of a name is turned, and what all items of a key begin with ends before it.
  const owners = range.limit === 0 ? [] : viewsOf(namesOf({ ...place.naming, turned: false }, keys))
  const take = (at: readonly number[], of: readonly (readonly Put[])[]): void => {
    found.push(...itemsOf(place, at, of))
    of.forEach(({ length }, i) => length === range.limit && more.push(at[i] ?? 0))
  }
  const { alone, together } = waysOf(place, owners.length, keys.groups)
  for (let from = 0; from < alone.length; from += ownersAtOnce) {
    const at = alone.slice(from, from + ownersAtOnce)
    take(at, await Promise.all(at.map(i => startingWith(place.reader, owners[i] ?? noName, range))))
  }
  for (const some of together) {
    const at = some.toSorted((a, b) => Buffer.compare(owners[a] ?? noName, owners[b] ?? noName))
    const of = await passedBy(
      place.reader,
      at.map(i => owners[i] ?? noName),
      range,
    )
    for (let from = 0; from < at.length; from += ownersAtOnce)
      take(at.slice(from, from + ownersAtOnce), of.slice(from, from + ownersAtOnce))
  }
  return { found, more: Int32Array.from(more).sort() }
}

const noName = new Uint8Array(0)

/** Which keys are looked up each, and which are read with the others of their group; of a group without items none is. */
function waysOf(
  { itemsIn }: Pick<ItemsPlace, 'itemsIn'>,
  count: number,
  groups: Uint16Array,
): { readonly alone: readonly number[]; readonly together: readonly (readonly number[])[] } {
  const byGroup = new Map<number, number[]>()
  for (let i = 0; i < count; i++) {
    const group = groups[i] ?? 0
    const some = byGroup.get(group)
    if (some === undefined) byGroup.set(group, [i])
    else some.push(i)
  }
  const [alone, together]: [number[], number[][]] = [[], []]
  for (const [group, some] of byGroup) {
    const items = itemsIn(group)
    if (items === 0) continue
    if (items <= itemsARange * some.length) together.push(some)
    else alone.push(...some)
  }
  return { alone, together }
}

function rangeOf(reach: Reach): Range {
  if (reach === 'last') return { reverse: true, limit: 1 }
  return { reverse: false, limit: reach === 'all' ? -1 : reach === 'none' ? 0 : reach }
}

/** @param at which of the keys these are, and what each has */
function itemsOf(
  { naming, found }: ItemsPlace,
  at: readonly number[],
  of: readonly (readonly Put[])[],
): readonly ColdItems[] {
  const puts = of.flat()
  if (puts.length === 0) return []
  const owners = Int32Array.from(of.flatMap((some, i) => some.map(() => at[i] ?? 0)))
  const items = keysIn(
    naming,
    puts.map(({ key }) => key),
  )
  const values = puts.map(({ value }) => value)
  return found(namesOf(naming, items), values).map(rows => {
    return { ...rows, keys: packedOf(items.keys, rows.at), at: rows.at.map(i => owners[i] ?? 0) }
  })
}

async function startingWith(reader: KeyReader, owner: Uint8Array, range: Range): Promise<readonly Put[]> {
  const puts: Put[] = []
  for await (const put of reader.entries({ from: owner, to: behindAll(owner), ...range })) puts.push(put)
  return puts
}

/** As `startingWith`, of all of these in one go. They are in order. */
async function passedBy(
  reader: KeyReader,
  owners: readonly Uint8Array[],
  { reverse, limit }: Range,
): Promise<readonly (readonly Put[])[]> {
  const of = owners.map((): Put[] => [])
  const range = { from: owners[0] ?? noName, to: behindAll(owners.at(-1) ?? noName) }
  let at = 0
  for await (const put of reader.entries(range)) {
    while (orderOf(put.key, owners[at]) > 0) at += 1
    const puts = of[at]
    if (puts === undefined || orderOf(put.key, owners[at]) < 0) continue
    if (reverse && puts.length === limit) puts.shift()
    if (limit < 0 || puts.length < limit) puts.push(put)
  }
  return of
}

/** Below 0: the item lies before all of this key; 0: it is one of them. */
const orderOf = (item: Uint8Array, owner: Uint8Array | undefined): number =>
  owner === undefined ? -1 : Buffer.compare(item.subarray(0, owner.length), owner)

/** The least name behind all that begin with this one. */
function behindAll(name: Uint8Array): Uint8Array {
  let end = name.length
  while (end > 0 && name[end - 1] === 255) end -= 1
  const next = name.slice(0, end)
  next[end - 1] = (next[end - 1] ?? 0) + 1
  return next
}

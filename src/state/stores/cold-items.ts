/** Cold items: what is read of a list or map that lies beyond memory, by a range of the database a key. */
import { type ColdItems, type ColdKeys, type ColdRows, type CollectionAnswer, type Reach } from '../cold.js'
import { type PackedRows, packedOf, viewsOf } from '../packed.js'
import { type Naming, keysIn, namesOf } from './cold-entries.js'
import { type KeyReader, type Put } from './key-value.js'

export interface ItemsPlace {
  readonly reader: KeyReader
  readonly naming: Naming
  /** What stands under these names. */
  readonly found: (names: PackedRows, values: readonly Uint8Array[]) => readonly ColdRows[]
}

/** Keys that are read at once. */
const ownersAtOnce = 64

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
  for (let from = 0; from < owners.length; from += ownersAtOnce) {
    const some = owners.slice(from, from + ownersAtOnce)
    const of = await Promise.all(some.map(owner => startingWith(place.reader, owner, range)))
    found.push(...itemsOf(place, of, from))
    of.forEach(({ length }, i) => length === range.limit && more.push(from + i))
  }
  return { found, more: Int32Array.from(more) }
}

function rangeOf(reach: Reach): Range {
  if (reach === 'last') return { reverse: true, limit: 1 }
  return { reverse: false, limit: reach === 'all' ? -1 : reach === 'none' ? 0 : reach }
}

/** @param of what each key has; the first of them has this number */
function itemsOf({ naming, found }: ItemsPlace, of: readonly (readonly Put[])[], first: number): readonly ColdItems[] {
  const puts = of.flat()
  if (puts.length === 0) return []
  const owners = Int32Array.from(of.flatMap((some, i) => some.map(() => first + i)))
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

/** The least name behind all that begin with this one. */
function behindAll(name: Uint8Array): Uint8Array {
  let end = name.length
  while (end > 0 && name[end - 1] === 255) end -= 1
  const next = name.slice(0, end)
  next[end - 1] = (next[end - 1] ?? 0) + 1
  return next
}

/**
 * Key walk: all keys of some key groups that have state of an operator, by key group and then by key, some at a time. Those in
 * memory are known from the beginning and stay; those that lie beyond it are found page by page, of its values and of each list and
 * map: a key may have any of them alone. So far as the shortest page goes nothing is missing.
 */
import { invariant } from '../base/index.js'
import { type ColdPage, type ColdPlace } from './cold.js'
import { slotsOfCold } from './cold-keys.js'
import { type StateForm } from './block-schema.js'
import { type GroupSpan } from './slots-by-group.js'
import { type KeyIndex } from './key-index.js'
import { startOf } from './packed.js'

/** The values of an operator, or a list or map of it, as they lie beyond memory. */
export interface WalkLayer {
  readonly operator: string
  readonly form: StateForm
}

export interface WalkTerms {
  readonly layers: readonly WalkLayer[]
  readonly groups: GroupSpan
  /** Slots in memory, in the order of the walk. */
  readonly inMemory: Int32Array
  /** Something may lie beyond it. */
  readonly looksBeyond: boolean
}

/** Of a key in the order of the walk. */
interface Place {
  readonly group: number
  readonly key: Uint8Array
}

/** Where the walk is in a layer. */
interface Cursor extends WalkLayer {
  from: Uint8Array | null
  /** There may be entries from `from` on. */
  looks: boolean
  /** What was read and is not passed; from this row on. */
  page: ColdPage | null
  row: number
}

export class KeyWalk {
  private readonly cursors: readonly Cursor[]
  /** Of the slots in memory, how many the walk has passed. */
  private passed = 0
  /** The last key that was passed: entries of it may come in later pages too. */
  private last: Place | null = null

  constructor(
    private readonly index: KeyIndex,
    private readonly terms: WalkTerms,
  ) {
    const { layers, looksBeyond } = terms
    this.cursors = layers.map(({ operator, form }) => {
      return { operator, form, from: null, looks: looksBeyond, page: null, row: 0 }
    })
  }

  /** What is to be read before the walk goes on; null: nothing lies beyond memory from here on. */
  place(entriesMax: number): ColdPlace | null {
    const { unread } = this
    return unread === undefined
      ? null
      : { operator: unread.operator, groups: this.terms.groups, from: unread.from, entriesMax }
  }

  private get unread(): Cursor | undefined {
    return this.cursors.find(({ looks, page }) => looks && page === null)
  }

  /**
   * It was read. Answers the slots of all keys so far as nothing is missing, in no order; those that are new are to be loaded. Null: more
   * is to be read first.
   */
  looked(page: ColdPage): Int32Array | null {
    const { unread: cursor } = this
    invariant(cursor !== undefined, 'what was read was asked for')
    cursor.from = page.next
    cursor.looks = page.next !== null
    cursor.page = page
    cursor.row = 0
    return this.unread === undefined ? this.pass() : null
  }

  private pass(): Int32Array {
    const end = this.end()
    const found = new Set<number>()
    for (const cursor of this.cursors) for (const slot of this.slotsUpTo(cursor, end)) found.add(slot)
    const last = this.index.sortedByGroup(Int32Array.from(found)).at(-1)
    if (last === undefined) return new Int32Array(0)
    this.last = this.placeOf(last)
    const before = this.passed
    this.passed = this.countUpTo(this.last)
    for (const slot of this.terms.inMemory.subarray(before, this.passed)) found.add(slot)
    return Int32Array.from(found)
  }

  /** The least of the keys at which pages end; null: all of them were the last ones. */
  private end(): Place | null {
    const ends = this.cursors.flatMap(({ form, looks, page }): number[] => {
      if (!looks || page === null) return []
      return [...slotsOfCold(this.index, form, page, Int32Array.of(page.groups.length - 1))]
    })
    const least = this.index.sortedByGroup(Int32Array.from(ends)).at(0)
    return least === undefined ? null : this.placeOf(least)
  }

  private placeOf(slot: number): Place {
    return { group: this.index.groupOf[slot] ?? 0, key: this.index.packedKeys(Int32Array.of(slot)).bytes }
  }

  /** Passes what a page has up to a key. */
  private slotsUpTo(cursor: Cursor, end: Place | null): Int32Array {
    const { page, form } = cursor
    if (page === null) return new Int32Array(0)
    const rows: number[] = []
    const count = page.groups.length
    for (; cursor.row < count && (end === null || compare(page, cursor.row, end) <= 0); cursor.row++)
      if (this.last === null || compare(page, cursor.row, this.last) !== 0) rows.push(cursor.row)
    if (cursor.row === count) cursor.page = null
    return slotsOfCold(this.index, form, page, Int32Array.from(rows))
  }

  /** Nothing more lies beyond memory: the next slots in memory; none: the walk is over. */
  next(slotsMax: number): Int32Array {
    const slots = this.terms.inMemory.subarray(this.passed, this.passed + slotsMax)
    this.passed += slots.length
    return slots
  }

  /** How many slots in memory do not stand behind a key. */
  private countUpTo({ group, key }: Place): number {
    const { inMemory } = this.terms
    let [low, high] = [this.passed, inMemory.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.index.comparePlace(inMemory[middle] ?? 0, group, key) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Negative where an entry stands before all of a key, 0 where it is of that key: no key begins with another one. */
function compare({ groups, keys: { bytes, ends } }: ColdPage, row: number, { group, key }: Place): number {
  const other = (groups[row] ?? 0) - group
  if (other !== 0) return other
  const from = startOf(ends, row)
  const length = (ends[row] ?? 0) - from
  for (let i = 0; i < key.length; i++) {
    if (i >= length) return -1
    const differs = (bytes[from + i] ?? 0) - (key[i] ?? 0)
    if (differs !== 0) return differs
  }
  return 0
}

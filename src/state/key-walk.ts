/**
 * Key walk: all keys of some key groups that have state of an operator, by key group and then by key, some at a time. Those in
 * memory are known from the beginning and stay; those that lie beyond it are found page by page.
 */
import { type ColdPage, type ColdPlace } from './cold.js'
import { slotsOfCold } from './cold-keys.js'
import { type StateForm } from './block-schema.js'
import { type GroupSpan } from './slots-by-group.js'
import { type KeyIndex } from './key-index.js'
import { startOf } from './packed.js'

export interface WalkTerms {
  readonly operator: string
  readonly form: StateForm
  readonly groups: GroupSpan
  /** Slots in memory, in the order of the walk. */
  readonly inMemory: Int32Array
  /** Something may lie beyond it. */
  readonly looksBeyond: boolean
}

export class KeyWalk {
  private from: Uint8Array | null = null
  private looks: boolean
  /** Of the slots in memory, how many the walk has passed. */
  private passed = 0

  constructor(
    private readonly index: KeyIndex,
    private readonly terms: WalkTerms,
  ) {
    this.looks = terms.looksBeyond
  }

  /** What is to be read before the walk goes on; null: nothing lies beyond memory from here on. */
  place(entriesMax: number): ColdPlace | null {
    const { operator, groups } = this.terms
    return this.looks ? { operator, groups, from: this.from, entriesMax } : null
  }

  /** It was read. Answers the slots of all keys up to the end of the page, in no order; those that are new are to be loaded. */
  looked(page: ColdPage): Int32Array {
    this.from = page.next
    this.looks = page.next !== null
    if (page.groups.length === 0) return new Int32Array(0)
    const found = slotsOfCold(this.index, this.terms.form, page)
    const before = this.passed
    this.passed = this.countUpTo(page)
    return Int32Array.from(new Set([...found, ...this.terms.inMemory.subarray(before, this.passed)]))
  }

  /** Nothing more lies beyond memory: the next slots in memory; none: the walk is over. */
  next(slotsMax: number): Int32Array {
    const slots = this.terms.inMemory.subarray(this.passed, this.passed + slotsMax)
    this.passed += slots.length
    return slots
  }

  /** How many slots in memory do not stand behind the last key of the page. */
  private countUpTo({ groups, keys: { bytes, ends } }: ColdPage): number {
    const last = groups.length - 1
    const key = bytes.subarray(startOf(ends, last), ends[last])
    const { inMemory } = this.terms
    let [low, high] = [this.passed, inMemory.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.index.comparePlace(inMemory[middle] ?? 0, groups[last] ?? 0, key) <= 0) low = middle + 1
      else high = middle
    }
    return low
  }
}

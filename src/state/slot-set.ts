/**
 * Slot set: such as those whose state changed since the last cut. One bit a slot and no list, so that a row that is written
 * again costs nothing more, and the slots come out ascending, which is the order of their rows in memory.
 */
import { Scratch } from './scratch.js'
import { eachPiece } from './slots-by-group.js'

export class SlotSet {
  /** How many there are. */
  count = 0
  private words = new Uint32Array(32)

  /** Slots are >= 0; the same one may come again. */
  mark(slots: Int32Array, highest: number): void {
    if (highest >= this.words.length * 32) this.grow(highest)
    const { words } = this
    let { count } = this
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] ?? 0
      const word = words[slot >>> 5] ?? 0
      const bit = 1 << (slot & 31)
      if ((word & bit) !== 0) continue
      words[slot >>> 5] = word | bit
      count += 1
    }
    this.count = count
  }

  /** As `mark`, of some in no order. */
  markAll(slots: Int32Array): void {
    this.mark(
      slots,
      slots.reduce((highest, slot) => Math.max(highest, slot), 0),
    )
  }

  has(slot: number): boolean {
    return (((this.words[slot >>> 5] ?? 0) >>> (slot & 31)) & 1) === 1
  }

  /** Those of these slots that are in it, in their order and in the place of the list. */
  among(slots: Int32Array): Int32Array {
    let at = 0
    eachPiece(slots.length, (from, to) => {
      at = keepMarked(this.words, slots, from, to, at)
    })
    return slots.subarray(0, at)
  }

  unmark(slots: Int32Array): void {
    for (const slot of slots) {
      if (!this.has(slot)) continue
      this.words[slot >>> 5] = (this.words[slot >>> 5] ?? 0) & ~(1 << (slot & 31))
      this.count -= 1
    }
  }

  /** Those that are not in another set, ascending. Mostly there are none, and a look at 32 of them costs as much as at one. */
  except(others: SlotSet): Int32Array {
    const words = this.words.slice()
    let count = 0
    eachPiece(words.length, (from, to) => {
      count += leaveOut(words, others.words, from, to)
    })
    return listed(words, new Int32Array(count))
  }

  /** All of them, ascending; afterwards there are none. */
  take(scratch = new Scratch()): Int32Array {
    const slots = listed(this.words, scratch.int32(this.count))
    this.clear()
    return slots
  }

  clear(): void {
    if (this.count > 0) this.words.fill(0)
    this.count = 0
  }

  private grow(highest: number): void {
    const larger = new Uint32Array(Math.max(2 * this.words.length, (highest >>> 5) + 1))
    larger.set(this.words)
    this.words = larger
  }
}

// As in slots-by-group.ts, a write that is not kept costs less than a branch.
function keepMarked(words: Uint32Array, slots: Int32Array, from: number, to: number, begin: number): number {
  let at = begin
  for (let i = from; i < to; i++) {
    const slot = slots[i] ?? 0
    slots[at] = slot
    at += ((words[slot >>> 5] ?? 0) >>> (slot & 31)) & 1
  }
  return at
}

/** Takes those of the others out of the words of a piece, and answers how many are left. */
function leaveOut(words: Uint32Array, others: Uint32Array, from: number, to: number): number {
  let left = 0
  for (let w = from; w < to; w++) {
    const word = (words[w] ?? 0) & ~(others[w] ?? 0)
    words[w] = word
    if (word !== 0) left += onesIn(word)
  }
  return left
}

/** Adds up neighbouring bits, then pairs, then fours; the product adds up the bytes. */
function onesIn(word: number): number {
  const pairs = word - ((word >>> 1) & 0x55555555)
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333)
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** The slots of these words, as many as the list is long. */
function listed(words: Uint32Array, slots: Int32Array): Int32Array {
  let at = 0
  eachPiece(words.length, (from, to) => {
    if (at < slots.length) at = listWords(words.subarray(from, to), from * 32, slots, at)
  })
  return slots
}

function listWords(words: Uint32Array, slot: number, into: Int32Array, begin: number): number {
  let at = begin
  for (let w = 0; w < words.length; w++) {
    for (let word = words[w] ?? 0; word !== 0; word &= word - 1) {
      into[at++] = slot + w * 32 + 31 - Math.clz32(word & -word)
    }
  }
  return at
}

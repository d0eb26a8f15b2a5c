/**
 * Entry residence: what is known of each entry of lists or maps where state may be larger than memory. Entries come and go with
 * their owner. A slot without an entry, which was looked up or lost it, stays with its owner too: what lies beyond memory
 * under its key has still to go, or a block has still to say that it is gone.
 */
import { EntryChains } from './entry-chains.js'
import { type KeySlots } from './key-index.js'
import { Residence } from './residence.js'
import { SlotSet } from './slot-set.js'

export class EntryResidence {
  /** Key group of each slot: that of its owner. */
  groupOf = new Uint16Array(1024)
  /** Slots without an entry, by owner. */
  readonly idle = new EntryChains()
  /** Owners of which more may lie beyond memory than is known. */
  readonly partly = new SlotSet()
  private readonly slots = new Residence(1)
  private arrived: Int32Array = new Int32Array(0)

  constructor(private readonly owners: KeySlots) {}

  /** Slots that are new, each with its owner; they have no entry yet. */
  arrive(slots: Int32Array, owners: Int32Array): void {
    this.slots.arrive(slots, 'known')
    this.arrived = slots
    const { groupOf } = this.owners
    slots.forEach((slot, i) => {
      const owner = owners[i] ?? 0
      if (slot >= this.groupOf.length) this.grow(slot)
      this.groupOf[slot] = groupOf[owner] ?? 0
      this.idle.append(owner, slot)
    })
  }

  /** Those that came last. */
  takeArrived(): Int32Array {
    const { arrived } = this
    this.arrived = new Int32Array(0)
    return arrived
  }

  leave(slots: Int32Array): void {
    for (const slot of slots) this.idle.remove(slot)
    this.slots.leave(slots)
  }

  isThere(slot: number): boolean {
    return this.slots.is(slot, 'there')
  }

  /** What lies beyond memory is what memory has. */
  isSame(slot: number): boolean {
    return this.slots.is(slot, 'same')
  }

  mark(slots: Int32Array, same: boolean): void {
    for (const slot of slots) this.slots.mark(slot, 'same', same)
  }

  sumOf(slot: number): number {
    return this.slots.sumOf(0, slot)
  }

  noteSums(slots: Int32Array, sums: Uint32Array): void {
    this.slots.noteSums(0, slots, sums)
  }

  expectSums(slots: Int32Array): void {
    this.slots.expectSums(0, slots)
  }

  private grow(slot: number): void {
    const larger = new Uint16Array(Math.max(slot + 1, 2 * this.groupOf.length))
    larger.set(this.groupOf)
    this.groupOf = larger
  }
}

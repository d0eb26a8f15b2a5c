/**
 * Hollow keys: keys that lost their state since they came into memory. They leave it as soon as they can, since what lies
 * beyond memory of them has to go. One of which a block that is still to come has to say that it has no state waits for that
 * (`isOwed`); where many wait, or nothing changes any more, the next blocks say it of all.
 */
import { type Residence } from './residence.js'
import { type SlotSet } from './slot-set.js'

export interface KeyState {
  hasState(slot: number): boolean
  /** It has none, and a block that says so is still to come. */
  isOwed(slot: number): boolean
}

export class HollowKeys {
  private readonly slots = new Set<number>()
  /** An epoch is wanted that says of all keys without state that they have none. */
  tellsAll = false

  constructor(
    private readonly residence: Residence,
    private readonly keys: KeyState,
  ) {}

  get size(): number {
    return this.slots.size
  }

  add(slot: number): void {
    this.slots.add(slot)
  }

  delete(slots: Int32Array): void {
    for (const slot of slots) this.slots.delete(slot)
  }

  /** Those that may leave now, marked. */
  leave(pinned: SlotSet): readonly number[] {
    const { residence, keys, slots } = this
    const free: number[] = []
    for (const slot of slots) {
      if (!residence.is(slot, 'there') || keys.hasState(slot)) slots.delete(slot)
      else if (!residence.is(slot, 'loading') && !pinned.has(slot) && !keys.isOwed(slot)) free.push(slot)
    }
    for (const slot of free) residence.mark(slot, 'leaving', true)
    return free
  }

  /** Blocks are taken. Answers whether they say it of all. */
  takeTellsAll(): boolean {
    const { tellsAll } = this
    this.tellsAll = false
    return tellsAll
  }
}

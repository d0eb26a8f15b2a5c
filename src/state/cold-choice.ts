/** Cold choice: which keys of a stage leave memory, where there are more than it has room for. */
import { type ColdRoom } from './cold-room.js'
import { type HollowKeys } from './hollow.js'
import { type KeyIndex } from './key-index.js'
import { type Residence } from './residence.js'
import { type SlotSet } from './slot-set.js'

/** Of the keys that have room: with more that are kept only for what older blocks say of them, all of that is written anew. */
const stuckMax = 0.1

export interface ColdChoiceParts {
  readonly index: KeyIndex
  readonly residence: Residence
  readonly room: ColdRoom
  readonly hollow: HollowKeys
  /** It has no state, and a block that says so is still to come. */
  isOwed(slot: number): boolean
}

export class ColdChoice {
  /** Keys that cannot leave before a block was written that says that they have no state. */
  private stuck = 0

  constructor(private readonly parts: ColdChoiceParts) {}

  /** More keys are in memory than should be. */
  get isFull(): boolean {
    return this.parts.room.isFull(this.parts.index.size - this.stuck)
  }

  /** @param hollow those that are on their way out anyway */
  slots(pinned: SlotSet, hollow: readonly number[]): Int32Array {
    const { index, residence, room, hollow: hollowKeys, isOwed } = this.parts
    const count = room.excess(index.size - hollow.length)
    if (count === 0) return Int32Array.from(hollow)
    let stuck = 0
    const stays = (slot: number): boolean => {
      if (pinned.has(slot)) return true
      if (!isOwed(slot)) return false
      stuck += 1
      return true
    }
    const slots = residence.choose(count, index.slots, stays)
    this.stuck = stuck
    hollowKeys.tellsAll ||= stuck > stuckMax * room.keys
    return hollow.length === 0 ? slots : Int32Array.from([...hollow, ...slots])
  }
}

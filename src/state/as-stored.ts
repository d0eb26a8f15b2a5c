/**
 * As stored: while a start reads blocks, which values keys have from entries beyond memory, operator by operator. Such a value is of the
 * epoch that its entry names. Blocks of other operators, lists and maps bring its key and let it leave again: written with it,
 * the value would be said to be older than it is, and blocks that its entry outdates would count at the next start.
 */
import { SlotSet } from './slot-set.js'

export class AsStored {
  private readonly parts = new Map<number, SlotSet>()

  /** Values of this part that were read. */
  note(part: number, slots: Int32Array): void {
    const known = this.parts.get(part) ?? new SlotSet()
    this.parts.set(part, known)
    known.markAll(slots)
  }

  /** Blocks brought others. */
  changed(part: number, slots: Int32Array): void {
    this.parts.get(part)?.unmark(slots)
  }

  /** Their keys left memory. */
  gone(slots: Int32Array): void {
    for (const known of this.parts.values()) known.unmark(slots)
  }

  /** Those of the slots whose values of this part are other ones. */
  others(part: number, slots: Int32Array): Int32Array {
    const known = this.parts.get(part)
    return known === undefined ? slots : slots.filter(slot => !known.has(slot))
  }

  /** All is read: from now on what leaves is of an epoch of this run. */
  end(): void {
    this.parts.clear()
  }
}

/**
 * Slots: which stretches of the shared mapping are lent out. Pure, first fit from the low end, so that a worker that
 * is called again and again works on the same warm pages.
 *
 * A stretch is free again only when the attempt that was sent from it has replied or its process is reaped: a
 * stopped worker that wakes must not read another call's bytes. The owner of the worker sees to that.
 */
import { invariant } from '../base/index.js'
import { tableAlign } from './kinds.js'

export interface Slot {
  readonly at: number
  readonly bytes: number
}

export class Slots {
  /** Lent stretches by their offset, ascending. There are as many as calls in flight: a handful. */
  private readonly lent: Slot[] = []

  constructor(private readonly bytes: number) {
    invariant(Number.isSafeInteger(bytes) && bytes >= 0, 'a mapping has a whole number of bytes')
  }

  /** A stretch of at least `bytes`, at a multiple of 64, or null where none is free that long. */
  take(bytes: number): Slot | null {
    const size = Math.max(tableAlign, Math.ceil(bytes / tableAlign) * tableAlign)
    let at = 0
    let index = 0
    for (const slot of this.lent) {
      if (slot.at - at >= size) break
      at = slot.at + slot.bytes
      index += 1
    }
    if (at + size > this.bytes) return null
    const slot = { at, bytes: size }
    this.lent.splice(index, 0, slot)
    return slot
  }

  give(slot: Slot): void {
    const index = this.lent.indexOf(slot)
    invariant(index >= 0, 'a slot is given back once')
    this.lent.splice(index, 1)
  }

  get lentBytes(): number {
    return this.lent.reduce((sum, slot) => sum + slot.bytes, 0)
  }
}

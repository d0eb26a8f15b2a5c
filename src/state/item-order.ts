/**
 * Item order: items of a list stand in the order of their numbers. Those that are appended come so; those that are restored come as
 * blocks, savepoints and entries beyond memory have them, one kind behind the other and each in an order of its own. A list is put
 * in order when it is read for the first time since then: most never are.
 */
import { type Column } from '../batch/index.js'
import { type EntryChains } from './entry-chains.js'
import { SlotSet } from './slot-set.js'

export class ItemOrder {
  /** Owners whose items may be in no order. */
  private readonly loose = new SlotSet()

  /** Items of these owners were restored. */
  restored(owners: Int32Array): void {
    this.loose.markAll(owners)
  }

  /** @param numbersOf the keys of items */
  settle(owners: Int32Array, chains: EntryChains, numbersOf: (slots: Int32Array) => Column): void {
    const { loose } = this
    if (loose.count === 0) return
    const some = owners.filter(owner => loose.has(owner))
    if (some.length === 0) return
    loose.unmark(some)
    const offsets = chains.offsets(some)
    const slots = chains.entriesOf(some, offsets)
    const { values } = numbersOf(slots)
    const numbers = Float64Array.from(new BigInt64Array(values.buffer, values.byteOffset, slots.length), Number)
    some.forEach((owner, i) => {
      const [from, to] = [offsets[i] ?? 0, offsets[i + 1] ?? 0]
      if (isAscending(numbers, from, to)) return
      const order = Int32Array.from({ length: to - from }, (_, at) => from + at)
      order.sort((a, b) => (numbers[a] ?? 0) - (numbers[b] ?? 0))
      chains.reorder(
        owner,
        order.map(at => slots[at] ?? 0),
      )
    })
  }
}

function isAscending(numbers: Float64Array, from: number, to: number): boolean {
  for (let i = from + 1; i < to; i++) if ((numbers[i] ?? 0) < (numbers[i - 1] ?? 0)) return false
  return true
}

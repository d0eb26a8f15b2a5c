/** The values of one operator where they may be larger than memory: what of them goes to the disk, and what has still to go from it. */
import { type ColdKeys } from './cold.js'
import { type ColdPart, type ColdWrite } from './cold-part.js'
import { type GroupSpan } from './slots-by-group.js'
import { type KeyIndex } from './key-index.js'
import { type Residence } from './residence.js'
import { encodeRows } from './row-codec.js'

export interface Values {
  readonly part: ColdPart
  /** Among the operators of the stage. */
  readonly number: number
  readonly residence: Residence
}

/** What is to be written of keys that leave memory; null: nothing. */
export function changedValues(
  { part: { table, form, state }, number, residence }: Values,
  all: Int32Array,
  {
    epoch,
    announces,
    keysOf,
  }: { readonly epoch: number; readonly announces: boolean; readonly keysOf: (slots: Int32Array) => ColdKeys },
): ColdWrite | null {
  // Who has no state, and had none, is not written.
  const slots = all.filter(slot => table.present(slot) || residence.sumOf(number, slot) !== 0)
  if (slots.length === 0 && !announces) return null
  const gathered = table.gather(slots)
  const rows = encodeRows(gathered.state)
  gathered.loan?.release()
  const before = Uint32Array.from(slots, slot => residence.sumOf(number, slot))
  residence.expectSums(number, slots)
  return {
    changes: { operator: state.operator, form, epoch, ...keysOf(slots), rows, gone: gathered.isNew, before },
    written: sums => {
      residence.noteSums(number, slots, sums)
      return slots.reduce((n, _, i) => n + Number(sums[i] !== 0) - Number(before[i] !== 0), 0)
    },
  }
}

/** Slots without values, in these key groups, whose entries have still to go. */
export function staleValues(
  { part: { table }, number, residence }: Values,
  { groupOf, slots: limit }: KeyIndex,
  { first, last }: GroupSpan,
): Int32Array {
  const slots: number[] = []
  for (let slot = 0; slot < limit; slot++) {
    const group = groupOf[slot] ?? 0
    if (group < first || group > last || residence.sumOf(number, slot) === 0) continue
    if (residence.is(slot, 'there') && !residence.is(slot, 'loading') && !table.present(slot)) slots.push(slot)
  }
  return Int32Array.from(slots)
}

/** Small work on lists of slots that lists and maps share. */
import { type Column, bitAt, bitmapBytes, fillBits, nullColumn } from '../batch/index.js'
import { type StateTable } from './state-table.js'

/** The slots whose bit in a column of bools is 1. */
export const slotsWithBit = (slots: Int32Array, bits: Column): Int32Array =>
  slots.filter((_, i) => bitAt(bits.values, i) === 1 && (bits.validity === null || bitAt(bits.validity, i) === 1))

/** The slots lose their state. */
export function clearSlots(table: StateTable, slots: Int32Array): void {
  if (slots.length === 0) return
  const all = new Uint8Array(bitmapBytes(slots.length))
  fillBits(all, 0, slots.length)
  const columns = table.schema.fields.map(f => nullColumn(f.type, slots.length))
  table.apply(slots, { schema: table.schema, rows: slots.length, columns }, all)
}

/** The owner of each item of a list or map column that has a row an owner. */
export function ownersOfItems(owners: Int32Array, { offsets, length }: Column): Int32Array {
  const out = new Int32Array(offsets?.[length] ?? 0)
  for (let i = 0; i < length; i++) out.fill(owners[i] ?? 0, offsets?.[i], offsets?.[i + 1])
  return out
}

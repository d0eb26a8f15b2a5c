/**
 * Entry keys: the key bytes of entries. In their table an entry is found by the slot of its owner, 4 bytes, and its own key behind
 * it; to the store its key is that of its owner with its own behind it, as if it were one more column.
 */
import { type PackedRows, startOf } from './packed.js'

const slotBytes = 4
/** Of a column that may be null: it is there. */
const thereFlag = 1

/** The slots that they begin with. */
export function ownersOf({ bytes, ends }: PackedRows): Int32Array {
  const view = viewOf(bytes)
  const owners = new Int32Array(ends.length)
  for (let i = 0; i < owners.length; i++) owners[i] = view.getInt32(startOf(ends, i), true)
  return owners
}

/**
 * @param owners the key of each one's owner
 * @param entries as they are in their table
 * @param nullKeys a flag stands before each column
 */
export function wholeKeys(owners: PackedRows, entries: PackedRows, nullKeys: boolean): PackedRows {
  const rows = entries.ends.length
  const flagBytes = nullKeys ? 1 : 0
  const ends = new Uint32Array(rows)
  for (let i = 0; i < rows; i++)
    ends[i] = (owners.ends[i] ?? 0) + (entries.ends[i] ?? 0) + (flagBytes - slotBytes) * (i + 1)
  const bytes = new Uint8Array(ends[rows - 1] ?? 0)
  const whole = viewOf(bytes)
  const [owner, entry] = [viewOf(owners.bytes), viewOf(entries.bytes)]
  let at = 0
  for (let i = 0; i < rows; i++) {
    at = copyWords(whole, at, owner, startOf(owners.ends, i), owners.ends[i] ?? 0)
    if (nullKeys) bytes[at++] = thereFlag
    at = copyWords(whole, at, entry, startOf(entries.ends, i) + slotBytes, entries.ends[i] ?? 0)
  }
  return { bytes, ends }
}

const viewOf = ({ buffer, byteOffset, byteLength }: Uint8Array): DataView =>
  new DataView(buffer, byteOffset, byteLength)

/** Copies bytes [from, to), which are few: a third of the time of one by one. Answers where they end. */
function copyWords(target: DataView, start: number, source: DataView, from: number, to: number): number {
  let at = start
  let next = from
  for (; next + 4 <= to; next += 4, at += 4) target.setInt32(at, source.getInt32(next, true), true)
  for (; next < to; next++, at++) target.setUint8(at, source.getUint8(next))
  return at
}

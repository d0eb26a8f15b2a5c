/**
 * Entry keys: the key bytes of entries. In their table an entry is found by the slot of its owner, 4 bytes, and its own key behind
 * it; to the store its key is that of its owner with its own behind it, as if it were one more column.
 */
import { type PackedRows, copyBytes, startOf } from './packed.js'

const slotBytes = 4
/** Of a column that may be null: it is there. */
const thereFlag = 1

/** The slots that they begin with. */
export function ownersOf({ bytes, ends }: PackedRows): Int32Array {
  const owners = new Int32Array(ends.length)
  for (let i = 0; i < ends.length; i++) {
    const at = startOf(ends, i)
    owners[i] =
      (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 24)
  }
  return owners
}

/**
 * @param owners the key of each one's owner
 * @param entries as they are in their table
 * @param nullKeys a flag stands before each column
 */
export function wholeKeys(owners: PackedRows, entries: PackedRows, nullKeys: boolean): PackedRows {
  const rows = entries.ends.length
  const flags = nullKeys ? 1 : 0
  const ends = entries.ends.map((end, i) => (owners.ends[i] ?? 0) + end + (flags - slotBytes) * (i + 1))
  const bytes = new Uint8Array(ends[rows - 1] ?? 0)
  let at = 0
  for (let i = 0; i < rows; i++) {
    const [from, to] = [startOf(owners.ends, i), owners.ends[i] ?? 0]
    copyBytes(bytes, at, owners.bytes, from, to)
    at += to - from
    if (nullKeys) bytes[at++] = thereFlag
    copyBytes(bytes, at, entries.bytes, startOf(entries.ends, i) + slotBytes, entries.ends[i] ?? 0)
    at = ends[i] ?? 0
  }
  return { bytes, ends }
}

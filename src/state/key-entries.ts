/**
 * Entries of a key table: what its kernels do not do, since it is done for keys that come back from the disk or go to it,
 * which costs a hundred times more. An entry is 16 bytes: the slot's cell (8), the slot + 1 (4; 0 is empty), the hash (4).
 */
import { invariant } from '../base/index.js'

/** Where the table lies in memory, in words, and the mask of its numbers. */
export interface EntryTable {
  readonly u32: Uint32Array
  readonly table: number
  readonly mask: number
}

/** The word at which a slot's entry begins. */
export function entryOf({ u32, table, mask }: EntryTable, slot: number, hash: number): number {
  for (let j = hash & mask; ; j = (j + 1) & mask) {
    const entry = table + 4 * (j >>> 0)
    if (u32[entry + 2] === slot + 1) return entry
    invariant(u32[entry + 2] !== 0, 'the key of a slot is in its table')
  }
}

/**
 * Takes an entry out. Those behind it that were passed over for it move up, so that no mark is left behind that lookups
 * would have to pass.
 */
export function removeEntry({ u32, table, mask }: EntryTable, entry: number): void {
  let hole = (entry - table) >>> 2
  for (let j = (hole + 1) & mask; ; j = (j + 1) & mask) {
    const at = table + 4 * j
    if (u32[at + 2] === 0) break
    const home = (u32[at + 3] ?? 0) & mask
    if (((j - home) & mask) < ((j - hole) & mask)) continue
    u32.copyWithin(table + 4 * hole, at, at + 4)
    hole = j
  }
  u32.fill(0, table + 4 * hole, table + 4 * hole + 4)
}

/** Puts an entry in for a slot whose key has none. */
export function addEntry({ u32, table, mask }: EntryTable, cell: number, slot: number, hash: number): void {
  let j = hash & mask
  while (u32[table + 4 * (j >>> 0) + 2] !== 0) j = (j + 1) & mask
  const entry = table + 4 * (j >>> 0)
  u32.copyWithin(entry, cell, cell + 2)
  u32[entry + 2] = slot + 1
  u32[entry + 3] = hash
}

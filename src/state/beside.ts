/** A stored block beside what its keys have beyond memory: rows that are older than their entry are left out. */
import { bitmapBytes, setBit } from '../batch/index.js'
import { type ColdKeys, type ColdRows } from './cold.js'
import { packedOf } from './packed.js'
import { packedKeys } from './packed-keys.js'
import { type StoredBlock, keptRows, readBlock } from './restore.js'

export interface BlockKeys extends ColdKeys {
  /** Of each key its row of the block. */
  readonly rows: Int32Array
}

/** Of each row of the block that no later block supersedes. */
export function keysOfBlock(block: StoredBlock): BlockKeys {
  const { header, keys } = readBlock({ ...block, superseded: null })
  const groups = new Uint16Array(header.rows)
  for (const { group, from, to } of header.groups) groups.fill(group, from, to)
  const packed = packedKeys(keys, block.form.nullKeys)
  const rows = keptRows(header, block)
  if (rows === null) return { groups, keys: packed, rows: Int32Array.from(groups.keys()) }
  return { groups: Uint16Array.from(rows, row => groups[row] ?? 0), keys: packedOf(packed, rows), rows }
}

/** @param found what lies beyond memory of `keysOfBlock`. */
export function beside(block: StoredBlock, { rows }: BlockKeys, found: readonly ColdRows[]): StoredBlock {
  const { header } = readBlock({ ...block, superseded: null })
  const outdated = new Uint8Array(bitmapBytes(header.rows))
  const beyond = new Uint32Array(header.rows)
  for (const { at, epochs, sums } of found) {
    at.forEach((key, i) => {
      const row = rows[key] ?? 0
      beyond[row] = sums[i] ?? 0
      if ((epochs[i] ?? 0) >= header.epoch) setBit(outdated, row)
    })
  }
  return { ...block, outdated, beyond }
}

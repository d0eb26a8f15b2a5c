/** A stored block beside what its keys have beyond memory: rows that are older than their entry are left out. */
import { bitmapBytes, setBit } from '../batch/index.js'
import { type ColdKeys, type ColdRows } from './cold.js'
import { packedKeys } from './packed-keys.js'
import { type StoredBlock, readBlock } from './restore.js'

/** Of each row of the block. */
export function keysOfBlock(block: StoredBlock): ColdKeys {
  const { header, keys } = readBlock({ ...block, superseded: null })
  const groups = new Uint16Array(header.rows)
  for (const { group, from, to } of header.groups) groups.fill(group, from, to)
  return { groups, keys: packedKeys(keys, block.form.nullKeys) }
}

/** @param found what lies beyond memory of `keysOfBlock`. */
export function beside(block: StoredBlock, found: readonly ColdRows[]): StoredBlock {
  const { header } = readBlock({ ...block, superseded: null })
  const outdated = new Uint8Array(bitmapBytes(header.rows))
  for (const { at, epochs } of found) {
    at.forEach((row, i) => {
      if ((epochs[i] ?? 0) >= header.epoch) setBit(outdated, row)
    })
  }
  return { ...block, outdated }
}

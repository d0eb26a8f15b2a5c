/** A stored block beside what its keys have beyond memory: rows that are older than their entry are left out. */
import { bitmapBytes, setBit } from '../batch/index.js'
import { type ColdKey, type ColdRow } from './cold.js'
import { keyBytes } from './key-bytes.js'
import { type StoredBlock, readBlock } from './restore.js'

/** Of each row of the block. */
export function keysOfBlock(block: StoredBlock): readonly ColdKey[] {
  const { header, keys } = readBlock({ ...block, superseded: null })
  return header.groups.flatMap(({ group, from, to }) =>
    Array.from({ length: to - from }, (_, i) => ({ group, key: keyBytes(keys, from + i, block.form.nullKeys) })),
  )
}

/** @param found what lies beyond memory of `keysOfBlock`. */
export function beside(block: StoredBlock, found: readonly (ColdRow | null)[]): StoredBlock {
  const { header } = readBlock({ ...block, superseded: null })
  const outdated = new Uint8Array(bitmapBytes(header.rows))
  found.forEach((entry, row) => {
    if (entry !== null && entry.epoch >= header.epoch) setBit(outdated, row)
  })
  return { ...block, outdated, cold: Uint32Array.from(found, entry => entry?.sum ?? 0) }
}

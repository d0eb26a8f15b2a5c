/** A stored block beside what its keys have beyond memory: rows that are older than their entry are left out. */
import { bitmapBytes, setBit } from '../batch/index.js'
import { splitRows } from './block-schema.js'
import { type ColdHeads, type ColdKeys } from './cold.js'
import { packedOf } from './packed.js'
import { packedKeys } from './packed-keys.js'
import { type AllRows, type StoredBlock, keptRows, readAll } from './restore.js'

export interface BlockKeys extends ColdKeys {
  /** Of each key its row of the block. */
  readonly rows: Int32Array
  readonly all: AllRows
}

/** Of each row of the block that no later block supersedes. */
export function keysOfBlock(block: StoredBlock): BlockKeys {
  const all = readAll(block)
  const { header } = all
  const { keys } = splitRows(block.form, all.rows)
  const groups = new Uint16Array(header.rows)
  for (const { group, from, to } of header.groups) groups.fill(group, from, to)
  const packed = packedKeys(keys, block.form.nullKeys)
  const rows = keptRows(header, block)
  if (rows === null) return { groups, keys: packed, rows: Int32Array.from(groups.keys()), all }
  return { groups: Uint16Array.from(rows, row => groups[row] ?? 0), keys: packedOf(packed, rows), rows, all }
}

/** @param found what lies beyond memory of `keysOfBlock`. */
export function beside(block: StoredBlock, { rows, all }: BlockKeys, { at, epochs, sums }: ColdHeads): StoredBlock {
  const { header } = all
  const outdated = new Uint8Array(bitmapBytes(header.rows))
  const beyond = new Uint32Array(header.rows)
  at.forEach((key, i) => {
    const row = rows[key] ?? 0
    beyond[row] = sums[i] ?? 0
    if ((epochs[i] ?? 0) >= header.epoch) setBit(outdated, row)
  })
  return { ...block, all, outdated, beyond }
}

/**
 * Restoring: blocks of the store back into a key index and a state table, oldest first. What a later block has all of is
 * left out here by key group, since a key that was deleted between the two must not come back.
 */
import { type Batch, bitAt, take } from '../batch/index.js'
import { invariant } from '../base/index.js'
import { type BlockHeader, readHeader, readRows } from './block.js'
import { type StateForm, blockTemplate, splitRows } from './block-schema.js'
import { type KeySlots } from './key-index.js'
import { type StateTable } from './state-table.js'

/** A block as the store gives it back. */
export interface StoredBlock {
  readonly operator: string
  readonly bytes: Uint8Array
  /** What its rows are. */
  readonly form: StateForm
  /** Key groups of which a later block has everything; null: none. */
  readonly superseded: ReadonlySet<number> | null
  /** Bitmap of its rows: 1 where the entry beyond memory is newer, or as new. */
  readonly outdated?: Uint8Array
  /** Of each row the sum of the entry of its key that lay beyond memory when the restore began; 0: none. Left out: nobody looked. */
  readonly beyond?: Uint32Array
  /** What its bytes say, where somebody has read them. */
  readonly all?: AllRows
}

/** All rows of a block, those too that do not count. */
export interface AllRows {
  readonly header: BlockHeader
  readonly rows: Batch
}

/** The rows of a block that count, as columns. */
export interface StoredRows {
  /** That they were written in; 0: it is of no meaning here. */
  readonly epoch: number
  /** That they took in the store. */
  readonly bytes: number
  readonly keys: Batch
  readonly state: Batch
  /** Bitmap: 1 where the key has no state any more. */
  readonly deleted: Uint8Array
  /** As in `StoredBlock`. */
  readonly beyond?: Uint32Array
}

/** Rows of a savepoint, which has each key once. */
export interface SavedRows extends StoredRows {
  /** Key group of each row. */
  readonly groups: Uint16Array
}

/** @throws StateError where the block is damaged. */
export function readAll({ operator, bytes, form, all }: StoredBlock): AllRows {
  if (all !== undefined) return all
  const header = readHeader(operator, bytes)
  return { header, rows: readRows(blockTemplate(form), bytes, header) }
}

/** @throws StateError where the block is damaged. */
export function readBlock(block: StoredBlock): StoredRows & { header: BlockHeader } {
  const { bytes, form } = block
  const { header, rows: all } = readAll(block)
  const kept = keptRows(header, block)
  const rows = kept === null ? all : take(all, kept)
  const [deleted] = rows.columns
  invariant(deleted !== undefined, 'a block has a column that says what is deleted')
  const beyond = kept === null ? block.beyond : block.beyond && Uint32Array.from(kept, row => block.beyond?.[row] ?? 0)
  const read = { header, epoch: header.epoch, bytes: bytes.length, ...splitRows(form, rows), deleted: deleted.values }
  return beyond === undefined ? read : { ...read, beyond }
}

/** null: all of them. */
export function keptRows(
  { groups, rows: all }: BlockHeader,
  { superseded, outdated }: Pick<StoredBlock, 'superseded' | 'outdated'>,
): Int32Array | null {
  if (superseded === null && outdated === undefined) return null
  const rows = new Int32Array(all)
  let at = 0
  for (const { group, from, to } of groups) {
    if (superseded?.has(group) === true) continue
    for (let row = from; row < to; row++) if (outdated === undefined || bitAt(outdated, row) === 0) rows[at++] = row
  }
  return rows.subarray(0, at)
}

/** Puts rows of the table's own columns where they belong, and answers where. */
export function applyRows(index: KeySlots, table: StateTable, { keys, state, deleted }: StoredRows): Int32Array {
  const some = firstOne(deleted, keys.rows)
  const slots = index.resolve(keys)
  table.restore(slots, { ...state, schema: table.schema }, some ? deleted : null)
  return slots
}

function firstOne(bits: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (bitAt(bits, i) === 1) return true
  return false
}

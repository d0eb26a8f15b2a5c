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
}

/** The rows of a block that count, as columns; or rows of a savepoint. */
export interface StoredRows {
  /** That they were written in; 0: it is of no meaning here. */
  readonly epoch: number
  /** That they took in the store. */
  readonly bytes: number
  readonly keys: Batch
  readonly state: Batch
  /** Bitmap: 1 where the key has no state any more. */
  readonly deleted: Uint8Array
}

/** @throws StateError where the block is damaged. */
export function readBlock({ operator, bytes, form, superseded }: StoredBlock): StoredRows & { header: BlockHeader } {
  const header = readHeader(operator, bytes)
  const all = readRows(blockTemplate(form), bytes, header)
  const rows = superseded === null ? all : take(all, keptRows(header, superseded))
  const [deleted] = rows.columns
  invariant(deleted !== undefined, 'a block has a column that says what is deleted')
  return { header, epoch: header.epoch, bytes: bytes.length, ...splitRows(form, rows), deleted: deleted.values }
}

function keptRows({ groups }: BlockHeader, superseded: ReadonlySet<number>): Int32Array {
  const kept = groups.filter(each => !superseded.has(each.group))
  const rows = new Int32Array(kept.reduce((sum, each) => sum + each.to - each.from, 0))
  let at = 0
  for (const { from, to } of kept) for (let row = from; row < to; row++) rows[at++] = row
  return rows
}

/** Puts rows of the table's own columns where they belong. */
export function applyRows(index: KeySlots, table: StateTable, { keys, state, deleted }: StoredRows): void {
  const some = firstOne(deleted, keys.rows)
  table.restore(index.resolve(keys), { ...state, schema: table.schema }, some ? deleted : null)
}

function firstOne(bits: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (bitAt(bits, i) === 1) return true
  return false
}

/**
 * List table: one list state of an operator. Each item is a row of a state table of its own, and chains say whose it is:
 * so an append writes its items and reads nothing, however long the list is.
 */
import { type Column, type Loan, type Memory, makeColumn, noBytes, noNulls, slice } from '../batch/index.js'
import { type DataType, type Schema } from '../schema/index.js'
import { type ListField } from './declared.js'
import { EntryChains } from './entry-chains.js'
import { clearSlots, slotsWithBit } from './slots.js'
import { SlotPool } from './slot-pool.js'
import { StateTable } from './state-table.js'

/** A column that was gathered, and what it lies in. */
export interface GatheredColumn {
  readonly column: Column
  readonly loan: Loan | undefined
}

export class ListTable {
  private readonly items: StateTable
  private readonly chains = new EntryChains()
  private readonly pool = new SlotPool()
  private readonly schema: Schema
  private readonly type: DataType

  constructor(
    readonly field: ListField,
    options: { readonly plain?: boolean } = {},
  ) {
    this.schema = { fields: [{ name: 'item', type: field.item }] }
    this.type = { kind: 'list', item: field.item }
    this.items = new StateTable(this.schema, options)
  }

  /** Bytes that the table holds. */
  get bytes(): number {
    return this.items.bytes + this.chains.bytes + this.pool.bytes
  }

  /** Items of all keys. */
  get size(): number {
    return this.chains.size
  }

  /** What became of the lists of these keys, which are distinct: k rows of `listsChanged`, emptied first, then appended to. */
  apply(owners: Int32Array, change: Column): void {
    const [clear, entries] = change.children
    if (clear === undefined || entries === undefined) return
    this.clear(slotsWithBit(owners, clear))
    const [items] = entries.children
    const offsets = entries.offsets ?? new Int32Array(owners.length + 1)
    const count = offsets[owners.length] ?? 0
    if (items === undefined || count === 0) return
    const slots = this.pool.take(count)
    const batch = slice({ schema: this.schema, rows: items.length, columns: [items] }, 0, count)
    this.items.apply(slots, batch, null)
    for (let i = 0; i < owners.length; i++) {
      const end = offsets[i + 1] ?? 0
      for (let j = offsets[i] ?? 0; j < end; j++) this.chains.append(owners[i] ?? 0, slots[j] ?? 0)
    }
  }

  /** Empties the lists of these keys. */
  clear(owners: Int32Array): void {
    const slots = this.chains.entriesOf(owners)
    for (const slot of slots) this.chains.remove(slot)
    clearSlots(this.items, slots)
    this.pool.giveBack(slots)
  }

  /** The lists of these keys, one row each. */
  gather(owners: Int32Array, memory?: Memory): GatheredColumn {
    const offsets = this.chains.offsets(owners)
    const { state, loan } = this.items.gather(this.chains.entriesOf(owners, offsets), memory)
    const column = makeColumn(this.type, owners.length, noNulls, { offsets, values: noBytes, children: state.columns })
    return { column, loan }
  }
}

/** List table: one list state of an operator. An item is an entry whose key counts on, so an append reads nothing. */
import { type Column, type Loan, type Memory, bytesOf, makeColumn, noBytes, noNulls } from '../batch/index.js'
import { type DataType } from '../schema/index.js'
import { type ListField } from './declared.js'
import { EntryTable } from './entry-table.js'
import { type StateClock } from './expiry.js'
import { ownersOfItems, slotsWithBit } from './slots.js'

/** A column that was gathered, and what it lies in. */
export interface GatheredColumn {
  readonly column: Column
  readonly loan: Loan | undefined
}

export class ListTable {
  readonly entries: EntryTable
  private readonly type: DataType
  /** Of all lists: so no item ever has the number of one that is gone. */
  private next = 0

  constructor(
    readonly field: ListField,
    options: { readonly clock: StateClock; readonly plain?: boolean },
  ) {
    const { item, keep } = field
    this.type = { kind: 'list', item }
    this.entries = new EntryTable({ key: { kind: 'int64' }, value: item, ttl: keep.ttl, counts: true, ...options })
  }

  /** What became of the lists of these keys, which are distinct: k rows of `listsChanged`, emptied first, then appended to. */
  apply(owners: Int32Array, change: Column): void {
    const [clear, appended] = change.children
    const [items] = appended?.children ?? []
    if (clear === undefined || appended === undefined || items === undefined) return
    this.entries.clear(slotsWithBit(owners, clear))
    const ofItems = ownersOfItems(owners, appended)
    this.entries.put(ofItems, this.numbers(ofItems.length), items)
    this.entries.tidy()
  }

  /** The next numbers, as int64. */
  private numbers(length: number): Column {
    const words = new Uint32Array(2 * length)
    for (let i = 0; i < length; i++) {
      words[2 * i] = this.next % 2 ** 32
      words[2 * i + 1] = Math.floor(this.next / 2 ** 32)
      this.next += 1
    }
    return makeColumn({ kind: 'int64' }, length, noNulls, { offsets: null, values: bytesOf(words), children: [] })
  }

  /** Items with these numbers were restored. */
  restored({ values, length }: Column): void {
    // They may lie anywhere in the bytes of a block.
    const view = new DataView(values.buffer, values.byteOffset)
    for (let at = 0; at < 8 * length; at += 8)
      this.next = Math.max(this.next, view.getInt32(at + 4, true) * 2 ** 32 + view.getUint32(at, true) + 1)
  }

  /** The lists of these keys, one row each. */
  gather(owners: Int32Array, reads: boolean, memory?: Memory): GatheredColumn {
    const { offsets, values, loan } = this.entries.gatherAll(owners, reads, memory)
    const column = makeColumn(this.type, owners.length, noNulls, { offsets, values: noBytes, children: [values] })
    return { column, loan }
  }
}

/**
 * Map table: one map state of an operator. An entry is a key of its own, made of the slot of its key and its own key, with
 * a row in a state table; chains say which entries a key has. So the entries that a batch names are found like keys are.
 */
import {
  type Column,
  type Memory,
  bitAt,
  bytesOf,
  makeColumn,
  noBytes,
  noNulls,
  sliceColumn,
  takeColumn,
} from '../batch/index.js'
import { invariant } from '../base/index.js'
import { distinct } from '../kernels/index.js'
import { type DataType, type Schema, mapEntries } from '../schema/index.js'
import { type MapField } from './declared.js'
import { EntryChains } from './entry-chains.js'
import { KeyIndex } from './key-index.js'
import { type GatheredColumn } from './list-table.js'
import { clearSlots, slotsWithBit } from './slots.js'
import { StateTable } from './state-table.js'

/** Names that were looked up and have no entry may be as many as the entries, and this many more. */
const idleMax = 65_536
const movedAtOnce = 16_384

export class MapTable {
  private index: KeyIndex
  private values: StateTable
  private chains = new EntryChains()
  private readonly keySchema: Schema
  private readonly valueSchema: Schema
  private readonly type: DataType & { readonly kind: 'map' }

  constructor(
    readonly field: MapField,
    private readonly options: { readonly plain?: boolean } = {},
  ) {
    const { key, value } = field
    this.keySchema = {
      fields: [
        { name: 'owner', type: { kind: 'int32' } },
        { name: 'key', type: key },
      ],
    }
    this.valueSchema = { fields: [{ name: 'value', type: value }] }
    this.type = { kind: 'map', key, value }
    this.index = this.newIndex()
    this.values = new StateTable(this.valueSchema, options)
  }

  private newIndex(): KeyIndex {
    return new KeyIndex({ key: this.keySchema, keyGroups: 1, nullKeys: false, ...this.options })
  }

  /** Bytes that the table holds. */
  get bytes(): number {
    return this.index.bytes + this.values.bytes + this.chains.bytes
  }

  /** Entries of all keys. */
  get size(): number {
    return this.chains.size
  }

  /** What became of the maps of these keys: k rows of `mapsChanged`, emptied first, then entries removed, then set. */
  apply(owners: Int32Array, change: Column): void {
    const [clear, removed, entries] = change.children
    const [gone] = removed?.children ?? []
    const [key, value] = entries?.children[0]?.children ?? []
    if (clear === undefined || removed === undefined || entries === undefined) return
    this.clear(slotsWithBit(owners, clear))
    if (gone !== undefined) this.remove(this.slotsOf(spread(owners, removed), gone))
    if (key !== undefined && value !== undefined) this.put(spread(owners, entries), key, value)
    this.forget()
  }

  /** The slot of each entry: of key `owners[i]` the entry that `keys` has in row i. */
  private slotsOf(owners: Int32Array, keys: Column): Int32Array {
    const columns = [int32Column(owners), sliceColumn(keys, 0, owners.length)]
    return this.index.resolve({ schema: this.keySchema, rows: owners.length, columns })
  }

  private put(owners: Int32Array, keys: Column, values: Column): void {
    if (owners.length === 0) return
    const { uniq, k, order, starts } = distinct(this.slotsOf(owners, keys))
    // Of an entry that is set twice the last one stays.
    const last = Int32Array.from({ length: k }, (_, i) => order[(starts[i + 1] ?? 0) - 1] ?? 0)
    for (let i = 0; i < k; i++) {
      const slot = uniq[i] ?? 0
      if (this.chains.ownerOf(slot) < 0) this.chains.append(owners[last[i] ?? 0] ?? 0, slot)
    }
    this.values.apply(uniq, { schema: this.valueSchema, rows: k, columns: [takeColumn(values, last)] }, null)
  }

  private remove(slots: Int32Array): void {
    const gone = distinct(slots.filter(slot => this.chains.ownerOf(slot) >= 0)).uniq
    for (const slot of gone) this.chains.remove(slot)
    clearSlots(this.values, gone)
  }

  /** Empties the maps of these keys. */
  clear(owners: Int32Array): void {
    this.remove(this.chains.entriesOf(owners))
  }

  /** All entries of these keys, one row each. */
  gatherAll(owners: Int32Array, memory?: Memory): GatheredColumn {
    const offsets = this.chains.offsets(owners)
    return this.entries(offsets, this.chains.entriesOf(owners, offsets), memory)
  }

  /**
   * Of these keys the entries that there are of those that rows name, in order of first appearance.
   *
   * @param index int32[n]: which of `owners` the key of each row is.
   * @param names n rows: the entry that each row names; null names none.
   */
  gatherNamed(owners: Int32Array, index: Int32Array, names: Column, memory?: Memory): GatheredColumn {
    this.forget()
    const rows = rowsThere(names)
    const ofRows = rows.map(row => owners[index[row] ?? 0] ?? 0)
    const { uniq } = distinct(this.slotsOf(ofRows, rows.length === names.length ? names : takeColumn(names, rows)))
    const there = uniq.filter(slot => this.chains.ownerOf(slot) >= 0)
    const { offsets, slots } = this.byOwner(owners, there)
    return this.entries(offsets, slots, memory)
  }

  /** The slots key by key in the order of `owners`, as a list column has them. */
  private byOwner(owners: Int32Array, slots: Int32Array): { readonly offsets: Int32Array; readonly slots: Int32Array } {
    const { uniq, order, starts } = distinct(slots.map(slot => this.chains.ownerOf(slot)))
    const groupOf = new Map(Array.from(uniq, (owner, group) => [owner, group]))
    const offsets = new Int32Array(owners.length + 1)
    const sorted = new Int32Array(slots.length)
    let at = 0
    for (let i = 0; i < owners.length; i++) {
      const group = groupOf.get(owners[i] ?? 0)
      const end = group === undefined ? 0 : (starts[group + 1] ?? 0)
      for (let j = group === undefined ? 0 : (starts[group] ?? 0); j < end; j++)
        sorted[at++] = slots[order[j] ?? 0] ?? 0
      offsets[i + 1] = at
    }
    return { offsets, slots: sorted }
  }

  private entries(offsets: Int32Array, slots: Int32Array, memory?: Memory): GatheredColumn {
    const [, key] = this.index.keysOf(slots).columns
    const { state, loan } = this.values.gather(slots, memory)
    invariant(key !== undefined, 'an entry has a key')
    const pairs = makeColumn(mapEntries(this.type), slots.length, noNulls, {
      offsets: null,
      values: noBytes,
      children: [key, ...state.columns],
    })
    const column = makeColumn(this.type, offsets.length - 1, noNulls, { offsets, values: noBytes, children: [pairs] })
    return { column, loan }
  }

  /** Where many names have no entry, what is there moves into tables of its own size. */
  private forget(): void {
    if (this.index.size <= 2 * this.chains.size + idleMax) return
    const before = { index: this.index, values: this.values, chains: this.chains }
    this.index = this.newIndex()
    this.values = new StateTable(this.valueSchema, this.options)
    this.chains = new EntryChains()
    const all = Int32Array.from({ length: before.index.size }, (_, slot) => slot)
    const there = all.filter(slot => before.chains.ownerOf(slot) >= 0)
    const ordered = before.chains.entriesOf(distinct(there.map(slot => before.chains.ownerOf(slot))).uniq)
    for (let from = 0; from < ordered.length; from += movedAtOnce) {
      const slots = ordered.subarray(from, from + movedAtOnce)
      const [, key] = before.index.keysOf(slots).columns
      const [value] = before.values.gather(slots).state.columns
      if (key !== undefined && value !== undefined)
        this.put(
          slots.map(slot => before.chains.ownerOf(slot)),
          key,
          value,
        )
    }
  }
}

const int32Column = (values: Int32Array): Column =>
  makeColumn({ kind: 'int32' }, values.length, noNulls, { offsets: null, values: bytesOf(values), children: [] })

/** The owner of each item of a list or map column. */
function spread(owners: Int32Array, { offsets, length }: Column): Int32Array {
  const out = new Int32Array(offsets?.[length] ?? 0)
  for (let i = 0; i < length; i++) out.fill(owners[i] ?? 0, offsets?.[i], offsets?.[i + 1])
  return out
}

function rowsThere({ validity, length }: Column): Int32Array {
  const all = Int32Array.from({ length }, (_, row) => row)
  return validity === null ? all : all.filter(row => bitAt(validity, row) === 1)
}

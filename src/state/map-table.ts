/** Map table: one map state of an operator, whose entries have keys of their own. */
import { type Column, type Memory, makeColumn, noBytes, noNulls } from '../batch/index.js'
import { type DataType, mapEntries } from '../schema/index.js'
import { type NamedEntries } from './cold-part.js'
import { type MapField } from './declared.js'
import { EntryTable, type GatheredEntries } from './entry-table.js'
import { type StateClock } from './expiry.js'
import { type GatheredColumn } from './list-table.js'
import { ownersOfItems, slotsWithBit } from './slots.js'

export class MapTable {
  readonly entries: EntryTable
  private readonly type: DataType & { readonly kind: 'map' }

  constructor(
    readonly field: MapField,
    options: { readonly clock: StateClock; readonly plain?: boolean },
  ) {
    const { key, value, keep } = field
    this.type = { kind: 'map', key, value }
    this.entries = new EntryTable({ key, value, ttl: keep.ttl, ...options })
  }

  /** What became of the maps of these keys: k rows of `mapsChanged`, emptied first, then entries removed, then set. */
  apply(owners: Int32Array, change: Column): void {
    const [clear, removed, put] = change.children
    const [gone] = removed?.children ?? []
    const [key, value] = put?.children[0]?.children ?? []
    if (clear === undefined || removed === undefined || put === undefined) return
    const { entries } = this
    entries.clear(slotsWithBit(owners, clear))
    if (gone !== undefined) entries.remove(entries.slotsOf(ownersOfItems(owners, removed), gone))
    if (key !== undefined && value !== undefined) entries.put(ownersOfItems(owners, put), key, value)
    entries.tidy()
  }

  /** The entries that such a change removes or sets. */
  changed(owners: Int32Array, { children: [, removed, put] }: Column): readonly NamedEntries[] {
    const [gone] = removed?.children ?? []
    const [key] = put?.children[0]?.children ?? []
    const named = (of: Column | undefined, keys: Column | undefined): readonly NamedEntries[] =>
      of === undefined || keys === undefined ? [] : [{ owners: ownersOfItems(owners, of), keys }]
    return [...named(removed, gone), ...named(put, key)]
  }

  /** All entries of these keys, one row each. */
  gatherAll(owners: Int32Array, reads: boolean, memory?: Memory): GatheredColumn {
    return this.column(this.entries.gatherAll(owners, reads, memory))
  }

  /**
   * Of these keys the entries that there are of those that rows name.
   *
   * @param index int32[n]: which of `owners` the key of each row is.
   * @param names n rows: the entry that each row names; null names none.
   */
  gatherNamed(owners: Int32Array, index: Int32Array, names: Column, memory?: Memory): GatheredColumn {
    // Names that are asked for take room too.
    this.entries.tidy()
    return this.column(this.entries.gatherNamed(owners, index, names, memory))
  }

  private column({ offsets, keys, values, loan }: GatheredEntries): GatheredColumn {
    const none = { offsets: null, values: noBytes }
    const pairs = makeColumn(mapEntries(this.type), keys.length, noNulls, { ...none, children: [keys, values] })
    const column = makeColumn(this.type, offsets.length - 1, noNulls, { offsets, values: noBytes, children: [pairs] })
    return { column, loan }
  }
}

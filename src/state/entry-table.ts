/**
 * Entry table: things that a key has several of. An entry is a key of its own, made of the slot of its owner and its own key,
 * with a row in a state table; chains say which entries an owner has. So entries are found, expire and become blocks as keys do.
 */
import {
  type Batch,
  type Column,
  type Loan,
  type Memory,
  asInt32,
  bitAt,
  sliceColumn,
  take,
  takeColumn,
} from '../batch/index.js'
import { distinct } from '../kernels/index.js'
import { type DataType, type Schema, type Ttl } from '../schema/index.js'
import { type NamedEntries } from './cold-part.js'
import { EntryChains } from './entry-chains.js'
import { ownersOf } from './entry-keys.js'
import { everything, int32Column, rowsThere, without } from './entry-columns.js'
import { type EntryResidence } from './entry-residence.js'
import { Expiry, type StateClock, storedValues } from './expiry.js'
import { ItemOrder } from './item-order.js'
import { KeyIndex } from './key-index.js'
import { type PackedRows } from './packed.js'
import { clearSlots } from './slots.js'
import { StateTable } from './state-table.js'

/** Entries whose key was looked up or is gone may be as many as those that are there, and this many more. */
const idleMax = 65_536
const movedAtOnce = 16_384
/** What a slot takes beside its row: key, hash table, chains, residence. */
const slotBytes = 70
/** Slots that are looked at for what has expired, each time something changes. */
const sweptAtOnce = 256

export interface EntryOptions {
  readonly key: DataType
  readonly value: DataType
  readonly ttl: Ttl | undefined
  readonly clock: StateClock
  readonly plain?: boolean
  /** Keys are int64 that count on, and the entries of an owner stand in their order. */
  readonly counts?: boolean
}

/** Entries of some owners, in a row for each owner. */
export interface GatheredEntries {
  /** int32[k + 1]. */
  readonly offsets: Int32Array
  readonly keys: Column
  readonly values: Column
  readonly loan: Loan | undefined
}

export class EntryTable {
  /** Somebody stores what changes: slots stay until they were told. */
  isStored = false
  private residence: EntryResidence | null = null
  table: StateTable
  private index: KeyIndex
  private chains = new EntryChains()
  private expiry: Expiry | null
  private readonly keySchema: Schema
  private readonly values: Schema
  private readonly order: ItemOrder | null

  constructor(private readonly options: EntryOptions) {
    const { key, value, ttl } = options
    const owner = { name: 'owner', type: { kind: 'int32' } } as const
    this.keySchema = { fields: [owner, { name: 'key', type: key }] }
    const keep = ttl === undefined ? undefined : ({ as: 'value', ttl } as const)
    this.values = { fields: [{ name: 'value', type: value, ...(keep !== undefined && { keep }) }] }
    this.order = options.counts === true ? new ItemOrder() : null
    this.index = this.newIndex()
    this.table = new StateTable(storedValues(this.values), options)
    this.expiry = Expiry.of(this.table, this.values, options.clock)
  }

  /** Entries may leave memory with their owners. Before there is one. */
  useResidence(residence: EntryResidence): void {
    this.residence = residence
    this.index.takeFresh()
  }

  private newIndex(): KeyIndex {
    const { plain = false } = this.options
    return new KeyIndex({ key: this.keySchema, keyGroups: 1, nullKeys: false, plain })
  }

  /** Bytes that the table holds. */
  get bytes(): number {
    return this.index.bytes + this.table.bytes + this.chains.bytes
  }

  /** Entries of all owners. */
  get size(): number {
    return this.chains.size
  }

  get keyType(): DataType {
    return this.options.key
  }

  /** The columns of the table. */
  get stored(): Schema {
    return this.table.schema
  }

  /** How many slots there are; an entry keeps its own until `compactWhereIdle` says true. */
  get slots(): number {
    return this.index.size
  }

  /** Owner and key of each of these slots, whether there is such an entry or not. */
  keysOf(slots: Int32Array): NamedEntries {
    const [owners, keys] = this.index.keysOf(slots).columns
    if (owners === undefined || keys === undefined) throw new TypeError('an entry has an owner and a key')
    return { owners: asInt32(owners.values), keys }
  }

  /** Owner of each of these slots, whether there is such an entry or not. */
  ownersOf(slots: Int32Array): Int32Array {
    return ownersOf(this.index.packedKeys(slots))
  }

  /** So many entries will be there. */
  expect(entries: number): void {
    this.index.expect(entries)
  }

  /** The key bytes of each of these slots: the slot of its owner, and its own (entry-keys.ts). */
  packedKeys(slots: Int32Array): PackedRows {
    return this.index.packedKeys(slots)
  }

  /** After rows of the table were restored: the entries that are there have their owners, and the others none. */
  relink(slots: Int32Array, owners: Int32Array): void {
    const present = this.table.presence(slots)
    for (let i = 0; i < slots.length; i++) {
      const slot = slots[i] ?? 0
      if (present[i] === 1) this.link(owners[i] ?? 0, slot)
      else this.unlink(slot)
    }
    this.order?.restored(owners)
  }

  /** The slot has an entry of this owner. */
  private link(owner: number, slot: number): void {
    if (this.chains.ownerOf(slot) >= 0) return
    this.residence?.idle.remove(slot)
    this.chains.append(owner, slot)
  }

  /** The slot has none any more. */
  private unlink(slot: number): void {
    const owner = this.chains.ownerOf(slot)
    if (owner < 0) return
    this.chains.remove(slot)
    this.residence?.idle.append(owner, slot)
  }

  /**
   * The slot of each entry: of `owners[i]` the one with key i. One that is new has no entry, so where its owner is partly known it is
   * looked up only once it is known that there is none, or with what there is (`unknown`).
   */
  slotsOf(owners: Int32Array, keys: Column): Int32Array {
    const slots = this.resolve(owners, keys)
    if (this.residence !== null) {
      const fresh = this.index.takeFresh()
      this.residence.arrive(fresh, this.ownersOf(fresh))
    }
    return slots
  }

  private resolve(owners: Int32Array, keys: Column): Int32Array {
    const columns = [int32Column(owners), sliceColumn(keys, 0, owners.length)]
    return this.index.resolve({ schema: this.keySchema, rows: owners.length, columns })
  }

  /** Entries of owners that are partly known, of which nobody knows whether they are there, each once. They stay unknown. */
  unknown(all: Int32Array, names: Column): NamedEntries | null {
    const { index } = this
    const partly = this.residence?.partly
    if (partly === undefined || partly.count === 0) return null
    const rows = rowsThere(sliceColumn(names, 0, all.length)).filter(row => partly.has(all[row] ?? 0))
    const owners = rows.map(row => all[row] ?? 0)
    const keys = takeColumn(names, rows)
    const slots = this.resolve(owners, keys)
    const fresh = index.takeFresh()
    index.remove(fresh)
    const left = new Set(fresh)
    const first = Int32Array.from(slots.keys()).filter(i => left.delete(slots[i] ?? 0))
    return first.length === 0 ? null : { owners: first.map(i => owners[i] ?? 0), keys: takeColumn(keys, first) }
  }

  /** Slots of these owners: those that have an entry, then those that have none. */
  slotsOfOwners(owners: Int32Array): Int32Array {
    const there = this.chains.entriesOf(owners)
    const idle = this.residence?.idle.entriesOf(owners) ?? new Int32Array(0)
    return idle.length === 0 ? there : Int32Array.from([...there, ...idle])
  }

  /** Of these owners those of which more may lie beyond memory than is known. */
  partlyOf(owners: Int32Array): Int32Array {
    const partly = this.residence?.partly
    return partly === undefined || partly.count === 0 ? new Int32Array(0) : owners.filter(owner => partly.has(owner))
  }

  /** The owner has an entry. */
  has(owner: number): boolean {
    return this.chains.has(owner)
  }

  /** The owner has an entry that has not expired. Of a list that is partly known the last item is, and expires last. */
  hasLiving(owner: number): boolean {
    if (this.expiry === null || !this.chains.has(owner)) return this.chains.has(owner)
    const slots = this.chains.entriesOf(Int32Array.of(owner))
    const { isNew, loan } = this.expiry.gather(slots, false)
    loan?.release()
    return slots.some((_, i) => bitAt(isNew, i) === 0)
  }

  /** Rows of the table that come from beyond memory. Answers their slots, and which rows are those of which nothing was known. */
  load(owners: Int32Array, keys: Column, rows: Batch): { readonly slots: Int32Array; readonly fresh: Int32Array } {
    const slots = this.slotsOf(owners, keys)
    const arrived = new Set(this.residence?.takeArrived())
    const fresh = Int32Array.from(slots.keys()).filter(i => arrived.has(slots[i] ?? 0))
    this.table.restore(
      fresh.map(i => slots[i] ?? 0),
      take(rows, fresh),
      null,
    )
    return { slots, fresh }
  }

  /** Slots without an entry. */
  get idleSlots(): Int32Array {
    return this.allSlots.filter(slot => (this.residence?.idle.ownerOf(slot) ?? -1) >= 0)
  }

  get allSlots(): Int32Array {
    return Int32Array.from({ length: this.index.slots }, (_, slot) => slot)
  }

  /** Takes these slots out of memory, as if they had never been there. */
  forget(slots: Int32Array): void {
    if (slots.length === 0) return
    for (const slot of slots) this.chains.remove(slot)
    this.residence?.leave(slots)
    this.table.forget(slots)
    this.index.remove(slots)
  }

  /** Slots without an entry of which nobody has to know any more are free, where they are many. */
  prune(isNeeded: (slot: number) => boolean): void {
    const { residence } = this
    if (residence === null || residence.idle.size <= this.chains.size + idleMax) return
    this.forget(this.idleSlots.filter(slot => !isNeeded(slot)))
  }

  /** Bytes of entries and slots that are there, by estimate. */
  get liveBytes(): number {
    const { table, chains, residence, index } = this
    return (
      (table.rowBytes + slotBytes) * (chains.size + (residence?.idle.size ?? 0)) + table.textBytes + index.textBytes
    )
  }

  /** What has expired of these owners goes. */
  takeAway(owners: Int32Array): void {
    for (const slot of this.expiry?.takeAway(this.chains.entriesOf(owners)) ?? []) this.unlink(slot)
  }

  /** null: nothing expires. */
  get times(): Expiry | null {
    return this.expiry
  }

  /** Sets entries, one for each row; of one that is set twice the last stays. */
  put(owners: Int32Array, keys: Column, values: Column): void {
    if (owners.length === 0) return
    const { uniq, k, order, starts } = distinct(this.slotsOf(owners, keys))
    const last = Int32Array.from({ length: k }, (_, i) => order[(starts[i + 1] ?? 0) - 1] ?? 0)
    for (let i = 0; i < k; i++) {
      const slot = uniq[i] ?? 0
      this.link(owners[last[i] ?? 0] ?? 0, slot)
    }
    const rows = { schema: this.values, rows: k, columns: [takeColumn(values, last)] }
    this.table.apply(uniq, this.expiry === null ? rows : this.expiry.stamped(uniq, rows, everything(k)), null)
  }

  remove(slots: Int32Array): void {
    const gone = distinct(slots.filter(slot => this.chains.ownerOf(slot) >= 0)).uniq
    for (const slot of gone) this.unlink(slot)
    clearSlots(this.table, gone)
  }

  /** Removes all entries of these owners. */
  clear(owners: Int32Array): void {
    this.remove(this.chains.entriesOf(owners))
  }

  /** All entries of these owners, each owner's in the order in which it got them. */
  gatherAll(owners: Int32Array, reads: boolean, memory?: Memory): GatheredEntries {
    this.order?.settle(owners, this.chains, slots => this.keysOf(slots).keys)
    const offsets = this.chains.offsets(owners)
    return this.gather(offsets, this.chains.entriesOf(owners, offsets), { reads, memory })
  }

  /** Of these owners the entries that there are of those that rows name: row i that of `owners[index[i]]`; null names none. */
  gatherNamed(owners: Int32Array, index: Int32Array, names: Column, memory?: Memory): GatheredEntries {
    const rows = rowsThere(names)
    const ofRows = rows.map(row => owners[index[row] ?? 0] ?? 0)
    const { uniq } = distinct(this.slotsOf(ofRows, rows.length === names.length ? names : takeColumn(names, rows)))
    const there = uniq.filter(slot => this.chains.ownerOf(slot) >= 0)
    const { offsets, slots } = this.byOwner(owners, there)
    return this.gather(offsets, slots, { reads: true, memory })
  }

  /** The slots owner by owner, as a list column has them. */
  private byOwner(owners: Int32Array, slots: Int32Array): { readonly offsets: Int32Array; readonly slots: Int32Array } {
    const { uniq, order, starts } = distinct(slots.map(slot => this.chains.ownerOf(slot)))
    const groupOf = new Map(Array.from(uniq, (owner, group) => [owner, group]))
    const offsets = new Int32Array(owners.length + 1)
    const sorted = new Int32Array(slots.length)
    let at = 0
    for (let i = 0; i < owners.length; i++) {
      const group = groupOf.get(owners[i] ?? 0) ?? -1
      const end = starts[group + 1] ?? 0
      for (let j = group < 0 ? end : (starts[group] ?? 0); j < end; j++) sorted[at++] = slots[order[j] ?? 0] ?? 0
      offsets[i + 1] = at
    }
    return { offsets, slots: sorted }
  }

  private gather(
    offsets: Int32Array,
    slots: Int32Array,
    { reads, memory }: { readonly reads: boolean; readonly memory: Memory | undefined },
  ): GatheredEntries {
    const { keys } = this.keysOf(slots)
    const { state, isNew, loan } =
      this.expiry === null ? this.table.gather(slots, memory) : this.expiry.gather(slots, reads, memory)
    const [values] = state.columns
    if (values === undefined) throw new TypeError('an entry has a value')
    if (this.expiry === null || !isNew.some(byte => byte > 0)) return { offsets, keys, values, loan }
    const left = Int32Array.from(slots.keys()).filter(row => bitAt(isNew, row) === 0)
    return { offsets: without(offsets, isNew), keys: takeColumn(keys, left), values: takeColumn(values, left), loan }
  }

  /** After changes: what has expired goes, a few entries at a time, and room is made where most keys have no entry. */
  tidy(): void {
    this.sweep()
    if (!this.isStored) this.compactWhereIdle()
  }

  /** What has expired of the next few entries goes. */
  sweep(): void {
    const gone = this.expiry?.sweep(sweptAtOnce)
    for (const slot of gone ?? []) this.unlink(slot)
  }

  /** Where most slots have no entry, what is there moves into tables of its own size. Answers whether it did. */
  compactWhereIdle(): boolean {
    if (this.residence !== null || this.index.size <= 2 * this.chains.size + idleMax) return false
    const before = { index: this.index, table: this.table, chains: this.chains }
    this.index = this.newIndex()
    this.table = new StateTable(before.table.schema, this.options)
    this.expiry = Expiry.of(this.table, this.values, this.options.clock)
    this.chains = new EntryChains()
    const all = Int32Array.from({ length: before.index.size }, (_, slot) => slot)
    const owners = distinct(all.map(slot => before.chains.ownerOf(slot)).filter(owner => owner >= 0)).uniq
    const ordered = before.chains.entriesOf(owners)
    for (let from = 0; from < ordered.length; from += movedAtOnce) {
      const slots = ordered.subarray(from, from + movedAtOnce)
      const [, keys] = before.index.keysOf(slots).columns
      if (keys !== undefined)
        this.move(
          slots.map(slot => before.chains.ownerOf(slot)),
          keys,
          before.table.gather(slots).state,
        )
    }
    return true
  }

  private move(owners: Int32Array, keys: Column, rows: Batch): void {
    const slots = this.slotsOf(owners, keys)
    slots.forEach((slot, i) => {
      this.chains.append(owners[i] ?? 0, slot)
    })
    this.table.restore(slots, rows, null)
  }
}

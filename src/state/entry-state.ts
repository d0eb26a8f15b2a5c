/**
 * Entry state: entries as the epochs see them, as `OperatorState` is of values. To the store an entry is a row whose key is
 * that of its owner and its own: so an append writes what was appended, and one entry of a map is one row.
 */
import { type Batch, type Column } from '../batch/index.js'
import { invariant } from '../base/index.js'
import { type StateBlock } from './block.js'
import { type StateForm } from './block-schema.js'
import { type ColdChanges, type ColdKeys } from './cold.js'
import { type NamedEntries } from './cold-part.js'
import { type EntryResidence } from './entry-residence.js'
import { ownersOf, wholeKeys } from './entry-keys.js'
import { type EntryTable } from './entry-table.js'
import { KeyDigest, type KeyDigestChange } from './key-digest.js'
import { type KeySlots } from './key-index.js'
import { OperatorState, type StateWatch } from './operator-state.js'
import { type PackedRows } from './packed.js'
import { packedKeys } from './packed-keys.js'
import { type SavedRows, type StoredBlock, type StoredRows, readBlock } from './restore.js'

export interface EntryStateOptions {
  /** Of the store: `operator/column`. */
  readonly operator: string
  /** The key of the owners, without that of the entries. */
  readonly owner: Omit<StateForm, 'state'>
  readonly index: KeySlots
  readonly entries: EntryTable
  /** Told the keys of entries that were restored. */
  readonly restored?: (keys: Column) => void
  /** Where state may be larger than memory. */
  readonly cold?: { readonly residence: EntryResidence; readonly watch: StateWatch }
}

export class EntryState {
  readonly operator: string
  private readonly slots: EntrySlots
  private readonly digest: KeyDigest
  private inner: OperatorState

  constructor(private readonly options: EntryStateOptions) {
    this.operator = options.operator
    const { index, entries, owner, cold } = options
    this.slots = new EntrySlots(index, entries, { nullKeys: owner.nullKeys, residence: cold?.residence ?? null })
    this.digest = new KeyDigest(owner.keyGroups)
    this.inner = this.newInner()
    options.entries.isStored = true
  }

  private newInner(): OperatorState {
    const { operator, entries, cold } = this.options
    const watch = cold === undefined ? {} : { watch: cold.watch }
    const { form, slots: index, digest } = this
    return new OperatorState({ operator, form, index, table: entries.table, digest, ...watch })
  }

  /** The key of an entry is that of its owner and its own. */
  get form(): StateForm {
    const { owner, entries } = this.options
    const key = { fields: [...owner.key.fields, { name: 'entry', type: entries.keyType }] }
    return { ...owner, key, state: entries.stored }
  }

  get evolves(): boolean {
    return this.inner.evolves
  }

  /** As `OperatorState` has it. */
  isOf(stored: StateForm): boolean {
    return this.inner.isOf(stored)
  }

  /** A block that is still to come says what became of this entry. */
  holds(slot: number): boolean {
    return this.inner.holds(slot)
  }

  /** Rows from beyond memory in the columns of the table. */
  decoded(forms: readonly StateForm[], rows: PackedRows): Batch {
    return this.inner.decoded(forms, rows)
  }

  packedKeys(slots: Int32Array): PackedRows {
    return this.slots.packedKeys(slots)
  }

  /** The keys of these entries, as they lie beyond memory. */
  coldKeysOf(named: NamedEntries): ColdKeys {
    return this.slots.coldKeysOf(named)
  }

  /** Entries that came from beyond memory. */
  linked(slots: Int32Array): void {
    this.link(slots, this.options.entries.keysOf(slots))
  }

  private link(slots: Int32Array, { owners, keys }: NamedEntries): void {
    const { entries, restored } = this.options
    entries.relink(slots, owners)
    restored?.(keys)
  }

  /** As `OperatorState` has it. */
  expect(keys: number): void {
    this.inner.expect(keys)
  }

  restore(block: StoredBlock): void {
    this.restoreRows(block.form, readBlock(block))
  }

  /** As `restore`, with rows that were read before, in this form. */
  restoreRows(form: StateForm, rows: StoredRows): void {
    this.inner.restoreRows(form, rows)
    const { slots, named } = this.slots.takeResolved()
    if (named !== null) this.link(slots, named)
  }

  /** As `OperatorState` does. */
  goesBeyond(stored: StateForm, rows: SavedRows, epoch: number): ColdChanges {
    return this.inner.goesBeyond(stored, rows, epoch)
  }

  /** The next epoch writes all there is. */
  rewrite(): void {
    this.inner.rewrite()
  }

  countRestored(beyond: KeyDigest | null): KeyDigest {
    return this.inner.countRestored(beyond)
  }

  takeKeys(): KeyDigestChange | null {
    return this.inner.takeKeys()
  }

  take(epoch: number, through = false): readonly StateBlock[] {
    const blocks = this.inner.take(epoch, through)
    // Only now: rows that are gone had to be told first.
    if (this.options.entries.compactWhereIdle()) {
      this.slots.forget()
      this.inner = this.newInner()
    }
    return blocks
  }
}

/** Slots, and the entries that they are of. */
interface Resolved {
  readonly slots: Int32Array
  readonly named: NamedEntries | null
}

const nothing: Resolved = { slots: new Int32Array(0), named: null }

class EntrySlots implements KeySlots {
  private groups = new Uint16Array(1024)
  private known = 0
  private resolved: Resolved = nothing

  constructor(
    private readonly owners: KeySlots,
    private readonly entries: EntryTable,
    private readonly terms: { readonly nullKeys: boolean; readonly residence: EntryResidence | null },
  ) {}

  get size(): number {
    return this.entries.slots
  }

  /** Of its owner; those of new entries are looked up when they are asked for. */
  get groupOf(): Uint16Array {
    const { size } = this
    const { residence } = this.terms
    if (residence !== null) return residence.groupOf
    if (size > this.groups.length) {
      const larger = new Uint16Array(Math.max(size, 2 * this.groups.length))
      larger.set(this.groups)
      this.groups = larger
    }
    if (size > this.known) {
      const fresh = Int32Array.from({ length: size - this.known }, (_, i) => this.known + i)
      this.entries.ownersOf(fresh).forEach((owner, i) => {
        this.groups[this.known + i] = this.owners.groupOf[owner] ?? 0
      })
      this.known = size
    }
    return this.groups
  }

  coldKeysOf(named: NamedEntries): ColdKeys {
    const groups = Uint16Array.from(named.owners, owner => this.owners.groupOf[owner] ?? 0)
    return { groups, keys: packedKeys(this.wholeKeys(named), this.terms.nullKeys) }
  }

  keysOf(slots: Int32Array): Batch {
    return this.wholeKeys(this.entries.keysOf(slots))
  }

  private wholeKeys({ owners, keys }: NamedEntries): Batch {
    const of = this.owners.keysOf(owners)
    const fields = [...of.schema.fields, { name: 'entry', type: keys.type }]
    return { schema: { fields }, rows: owners.length, columns: [...of.columns, keys] }
  }

  packedKeys(slots: Int32Array): PackedRows {
    return this.placesOf(slots).keys
  }

  placesOf(slots: Int32Array): ColdKeys {
    const entries = this.entries.packedKeys(slots)
    const { groups, keys } = this.owners.placesOf(ownersOf(entries))
    return { groups, keys: wholeKeys(keys, entries, this.terms.nullKeys) }
  }

  resolve(keys: Batch): Int32Array {
    const key = keys.columns.at(-1)
    invariant(key !== undefined, 'an entry has a key')
    const schema = { fields: keys.schema.fields.slice(0, -1) }
    const owners = this.owners.resolve({ schema, rows: keys.rows, columns: keys.columns.slice(0, -1) })
    const slots = this.entries.slotsOf(owners, key)
    this.resolved = { slots, named: { owners, keys: key } }
    return slots
  }

  expect(keys: number): void {
    this.entries.expect(keys)
  }

  /** What the last `resolve` found. */
  takeResolved(): Resolved {
    const { resolved } = this
    this.resolved = nothing
    return resolved
  }

  /** The entries have other slots now. */
  forget(): void {
    this.known = 0
  }
}

/**
 * Entry state: entries as the epochs see them, as `OperatorState` is of values. To the store an entry is a row whose key is
 * that of its owner and its own: so an append writes what was appended, and one entry of a map is one row.
 */
import { type Batch, type Column } from '../batch/index.js'
import { invariant } from '../base/index.js'
import { type StateBlock } from './block.js'
import { type StateForm } from './block-schema.js'
import { type EntryTable } from './entry-table.js'
import { KeyDigest, type KeyDigestChange } from './key-digest.js'
import { type KeySlots } from './key-index.js'
import { OperatorState } from './operator-state.js'
import { type PackedRows } from './packed.js'
import { packedKeys } from './packed-keys.js'
import { type StoredBlock, type StoredRows, readBlock } from './restore.js'

export interface EntryStateOptions {
  /** Of the store: `operator/column`. */
  readonly operator: string
  /** The key of the owners, without that of the entries. */
  readonly owner: Omit<StateForm, 'state'>
  readonly index: KeySlots
  readonly entries: EntryTable
  /** Told the keys of entries that were restored. */
  readonly restored?: (keys: Column) => void
}

export class EntryState {
  readonly operator: string
  private readonly slots: EntrySlots
  private readonly digest: KeyDigest
  private inner: OperatorState

  constructor(private readonly options: EntryStateOptions) {
    this.operator = options.operator
    this.slots = new EntrySlots(options.index, options.entries, options.owner.nullKeys)
    this.digest = new KeyDigest(options.owner.keyGroups)
    this.inner = this.newInner()
    options.entries.isStored = true
  }

  private newInner(): OperatorState {
    const { operator, owner, entries } = this.options
    const key = { fields: [...owner.key.fields, { name: 'entry', type: entries.keyType }] }
    const form = { ...owner, key, state: entries.stored }
    return new OperatorState({ operator, form, index: this.slots, table: entries.table, digest: this.digest })
  }

  restore(block: StoredBlock): void {
    this.restoreRows(block.form, readBlock(block))
  }

  /** As `restore`, with rows that were read before, in this form. */
  restoreRows(form: StateForm, rows: StoredRows): void {
    this.inner.restoreRows(form, rows)
    const { entries, restored } = this.options
    const slots = this.slots.takeResolved()
    entries.relink(slots)
    restored?.(entries.keysOf(slots).keys)
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

class EntrySlots implements KeySlots {
  private groups = new Uint16Array(1024)
  private known = 0
  private resolved: Int32Array = new Int32Array(0)

  constructor(
    private readonly owners: KeySlots,
    private readonly entries: EntryTable,
    private readonly nullKeys: boolean,
  ) {}

  get size(): number {
    return this.entries.slots
  }

  /** Of its owner; those of new entries are looked up when they are asked for. */
  get groupOf(): Uint16Array {
    const { size } = this
    if (size > this.groups.length) {
      const larger = new Uint16Array(Math.max(size, 2 * this.groups.length))
      larger.set(this.groups)
      this.groups = larger
    }
    if (size > this.known) {
      const fresh = Int32Array.from({ length: size - this.known }, (_, i) => this.known + i)
      const { owners } = this.entries.keysOf(fresh)
      owners.forEach((owner, i) => {
        this.groups[this.known + i] = this.owners.groupOf[owner] ?? 0
      })
      this.known = size
    }
    return this.groups
  }

  keysOf(slots: Int32Array): Batch {
    const { owners, keys } = this.entries.keysOf(slots)
    const of = this.owners.keysOf(owners)
    const fields = [...of.schema.fields, { name: 'entry', type: keys.type }]
    return { schema: { fields }, rows: slots.length, columns: [...of.columns, keys] }
  }

  packedKeys(slots: Int32Array): PackedRows {
    return packedKeys(this.keysOf(slots), this.nullKeys)
  }

  resolve(keys: Batch): Int32Array {
    const key = keys.columns.at(-1)
    invariant(key !== undefined, 'an entry has a key')
    const schema = { fields: keys.schema.fields.slice(0, -1) }
    const owners = this.owners.resolve({ schema, rows: keys.rows, columns: keys.columns.slice(0, -1) })
    this.resolved = this.entries.slotsOf(owners, key)
    return this.resolved
  }

  /** Slots of the last `resolve`. */
  takeResolved(): Int32Array {
    const slots = this.resolved
    this.resolved = new Int32Array(0)
    return slots
  }

  /** The entries have other slots now. */
  forget(): void {
    this.known = 0
  }
}

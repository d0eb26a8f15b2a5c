/**
 * Stored operator: what is stored of one operator, in tables of its own and in the columns that it was stored with. What a
 * person looks at, a savepoint holds, and a migration takes.
 */
import { type Batch, take } from '../batch/index.js'
import { type StateForm, isOfEntries } from './block-schema.js'
import { type ColdChanges, type ColdKeys } from './cold.js'
import { planEvolution } from './evolve.js'
import { KeyDigest } from './key-digest.js'
import { KeyIndex } from './key-index.js'
import { OperatorState } from './operator-state.js'
import { packedOf } from './packed.js'
import { type StoredBlock, type StoredRows } from './restore.js'
import { encodeRows } from './row-codec.js'
import { StateTable } from './state-table.js'

/** Rows, and where they lie beyond memory. */
export interface PlacedRows {
  readonly places: ColdKeys
  readonly state: Batch
}

/** Keys that are looked at together. */
const slotsAtOnce = 65_536

export class StoredOperator {
  private readonly index: KeyIndex
  /** Of items of a list and entries of a map, whose groups are those of the keys that have them. */
  private readonly owners: KeyIndex | null
  private readonly table: StateTable
  private readonly state: OperatorState

  constructor(
    readonly operator: string,
    readonly form: StateForm,
  ) {
    const { key, keyGroups, nullKeys } = form
    this.index = new KeyIndex({ key, keyGroups, nullKeys })
    const isEntries = isOfEntries(operator, key)
    this.owners = isEntries ? new KeyIndex({ key: { fields: key.fields.slice(0, -1) }, keyGroups, nullKeys }) : null
    this.table = new StateTable(form.state)
    this.state = new OperatorState({ operator, form, index: this.index, table: this.table })
  }

  /** Blocks in the order in which the store gives them. */
  take(block: StoredBlock): void {
    this.state.restore(block)
  }

  takeRows(form: StateForm, rows: StoredRows): void {
    this.state.restoreRows(form, rows)
  }

  /** Keys of which blocks say something. */
  get size(): number {
    return this.index.size
  }

  /** All of them, by slot, as they lie beyond memory: those that are gone too. */
  get allPlaces(): ColdKeys {
    return this.placesOf(this.allSlots)
  }

  private get allSlots(): Int32Array {
    return Int32Array.from({ length: this.index.slots }, (_, slot) => slot)
  }

  /** What becomes of `allPlaces` beyond memory at the end of this epoch, where there are entries with these sums. */
  changes(epoch: number, { groups, keys }: ColdKeys, sums: Uint32Array): ColdChanges {
    const { operator, form, table } = this
    const slots = this.allSlots.filter(slot => table.present(slot) || sums[slot] !== 0)
    const gathered = table.gather(slots)
    return {
      operator,
      form,
      epoch,
      groups: Uint16Array.from(slots, slot => groups[slot] ?? 0),
      keys: packedOf(keys, slots),
      rows: encodeRows(gathered.state),
      gone: gathered.isNew,
      before: Uint32Array.from(slots, slot => sums[slot] ?? 0),
    }
  }

  /** Slots that have state, in the order of their key bytes. */
  get slots(): Int32Array {
    return this.index.sorted(this.table.presentSlots())
  }

  /** Slots that have state, in the order of their key groups, then of their key bytes. */
  get slotsByGroup(): Int32Array {
    const { slots } = this
    const groups = this.groupsOf(slots)
    const order = Int32Array.from(slots, (_, i) => i).sort((a, b) => (groups[a] ?? 0) - (groups[b] ?? 0) || a - b)
    return order.map(i => slots[i] ?? 0)
  }

  /** The slot of a key, one row of the key columns; undefined where it has no state. */
  slotOf(key: Batch): number | undefined {
    return this.index.resolve(key).find(slot => this.table.present(slot))
  }

  rowsOf(slots: Int32Array): { readonly keys: Batch; readonly state: Batch } {
    return { keys: this.index.keysOf(slots), state: this.table.gather(slots).state }
  }

  /** As `rowsOf`, of values. */
  placedRows(slots: Int32Array): PlacedRows {
    return { places: this.placesOf(slots), state: this.table.gather(slots).state }
  }

  private placesOf(slots: Int32Array): ColdKeys {
    return { groups: Uint16Array.from(this.groupsOf(slots)), keys: this.index.packedKeys(slots) }
  }

  /** Those of these rows of whose keys it knows nothing, not even that they are gone. It learns nothing of them. */
  others(form: StateForm, rows: StoredRows): PlacedRows {
    const { operator, index } = this
    const { keys, state } = planEvolution(operator, form, this.form)(rows)
    index.takeFresh()
    const slots = index.resolve(keys)
    const fresh = index.takeFresh()
    const isFresh = new Set(fresh)
    const at = Int32Array.from(slots.keys()).filter(row => isFresh.has(slots[row] ?? 0))
    const places = this.placesOf(at.map(row => slots[row] ?? 0))
    index.remove(fresh)
    return { places, state: take(state, at) }
  }

  /** Counts its keys. */
  countInto(digest: KeyDigest): void {
    const all = this.table.presentSlots()
    for (let from = 0; from < all.length; from += slotsAtOnce) {
      const slots = all.subarray(from, from + slotsAtOnce)
      digest.count(this.placesOf(slots), 1)
    }
  }

  groupsOf(slots: Int32Array): Int32Array {
    const { owners, index } = this
    if (owners === null) return slots.map(slot => index.groupOf[slot] ?? 0)
    const { schema, rows, columns } = index.keysOf(slots)
    const of = { schema: { fields: schema.fields.slice(0, -1) }, rows, columns: columns.slice(0, -1) }
    return owners.resolve(of).map(owner => owners.groupOf[owner] ?? 0)
  }
}

/**
 * Cold collection: a list or map of an operator as the cold side of its stage sees it. Its entries leave memory with their key;
 * beyond memory each is an entry of its own, under its key's key and its own. So what is stored of it is what blocks have of it,
 * and a list that got longer writes what was appended.
 *
 * A key may come back *partly known*: what it has in memory is right, and more may lie beyond it, which nobody looks at or changes
 * before it is read. Of a list that is only appended to, the last item comes: it says that there are some, until when one
 * lives, and from which number they count on. What is not known is what lies there, so all that asks whether memory and what lies
 * beyond it are the same, or what is still to be written, asks of the slots that there are.
 */
import { invariant } from '../base/index.js'
import { type Column, takeColumn } from '../batch/index.js'
import {
  type ColdChanges,
  type ColdItems,
  type ColdKeys,
  type ColdRows,
  type CollectionAnswer,
  type Reach,
} from './cold.js'
import { type ColdAsk, type ColdWrite, type NamedEntries } from './cold-part.js'
import { type ExpiringPart } from './cold-sweep.js'
import { type StateForm } from './block-schema.js'
import { EntryResidence } from './entry-residence.js'
import { EntryState, type EntryStateOptions } from './entry-state.js'
import { type EntryTable } from './entry-table.js'
import { decodeKeys } from './key-decoder.js'
import { type StateWatch } from './operator-state.js'
import { encodeRows } from './row-codec.js'
import { SlotSet } from './slot-set.js'

/** The keys that have entries, as the cold side of the stage knows them. */
export interface OwnerWatch {
  /** Blocks brought entries, and may have brought keys. */
  restored(): void
  /** These keys changed: they stay. */
  changed(owners: Int32Array): void
  /** They lost an entry, and may have nothing left. */
  lost(owners: Int32Array): void
  /** The key is there, and what is stored of it was read. */
  isKnown(owner: number): boolean
}

/** What was asked for of it. */
interface CollectionAsk extends Pick<ColdAsk, 'slots'> {
  readonly reach: Reach
  readonly named: NamedEntries | null
  /** Of keys of which some of it was known. */
  readonly isMore: boolean
}

const partOf = ({ owners, keys }: NamedEntries, at: Int32Array): [Int32Array, Column] => [
  at.map(i => owners[i] ?? 0),
  takeColumn(keys, at),
]

export class ColdCollection {
  readonly state: EntryState
  private readonly entries: EntryTable
  private readonly residence: EntryResidence
  private readonly form: StateForm
  /** Keys that were partly known until all of it was read. */
  private readonly grown = new SlotSet()

  constructor(
    options: EntryStateOptions,
    /** How much of it comes with its key. */
    readonly reach: Reach,
    private readonly owners: OwnerWatch,
  ) {
    this.entries = options.entries
    this.residence = new EntryResidence(options.index)
    this.entries.useResidence(this.residence)
    this.state = new EntryState({ ...options, cold: { residence: this.residence, watch: this.watch } })
    this.form = this.state.form
  }

  get operator(): string {
    return this.state.operator
  }

  /** Entries in memory, and slots of those that are gone. */
  get size(): number {
    return this.entries.size + this.residence.idle.size
  }

  /** Of those, by estimate. */
  get bytes(): number {
    return this.entries.liveBytes
  }

  private get watch(): StateWatch {
    const { residence, owners } = this
    return {
      restored: (slots, beyond) => {
        residence.mark(slots, false)
        if (beyond !== null) residence.noteSums(slots, beyond)
        owners.restored()
        owners.lost(this.ownersOf(slots.filter(slot => !this.entries.table.present(slot))))
      },
      taken: slots => {
        residence.mark(slots, false)
        owners.changed(this.ownersOf(slots))
        owners.lost(this.ownersOf(slots.filter(slot => !this.entries.table.present(slot))))
      },
      known: slots => this.known(slots),
      doubled: () => this.entries.allSlots.filter(slot => residence.isThere(slot) && residence.sumOf(slot) !== 0),
      stale: (first, last) => this.known(this.entries.idleSlots).filter(slot => this.isStale(slot, first, last)),
    }
  }

  private isStale(slot: number, first: number, last: number): boolean {
    const group = this.residence.groupOf[slot] ?? 0
    return group >= first && group <= last && this.residence.sumOf(slot) !== 0
  }

  private known(slots: Int32Array): Int32Array {
    const there = slots.filter(slot => this.residence.isThere(slot))
    const owners = this.ownersOf(there)
    return there.filter((_, i) => this.owners.isKnown(owners[i] ?? 0))
  }

  private ownersOf(slots: Int32Array): Int32Array {
    return this.entries.ownersOf(slots)
  }

  /** In memory: a key of which nothing more is known may leave, and then what lies beyond memory is all that it has. */
  has(owner: number): boolean {
    return this.entries.has(owner)
  }

  /** Those of these entries of which nobody knows whether they are there. */
  unknown(owners: Int32Array, keys: Column): NamedEntries | null {
    return this.entries.unknown(owners, keys)
  }

  /** As they lie beyond memory. */
  keysOf(named: NamedEntries): ColdKeys {
    return this.state.coldKeysOf(named)
  }

  /** Slots without an entry of which nobody has to know are free, where they are many: but for those of keys of which rows wait. */
  prune(pinned: SlotSet): void {
    const { residence, entries, state } = this
    entries.prune(slot => pinned.has(residence.idle.ownerOf(slot)) || residence.sumOf(slot) !== 0 || state.holds(slot))
  }

  /** Slots of these keys of which other than memory has lies beyond it. */
  changedOf(owners: Int32Array): Int32Array {
    const { residence, entries } = this
    return entries
      .slotsOfOwners(owners)
      .filter(slot => !residence.isSame(slot) && (entries.table.present(slot) || residence.sumOf(slot) !== 0))
  }

  isDirty(owner: number): boolean {
    return this.slotsOf(owner).some(slot => this.entries.table.isDirty(slot))
  }

  /** What lies beyond memory is what memory has. */
  isSame(owner: number): boolean {
    return this.changedOf(Int32Array.of(owner)).length === 0
  }

  /** A block that is still to come says what became of an entry that is gone. */
  isOwed(owner: number): boolean {
    return this.residence.idle.entriesOf(Int32Array.of(owner)).some(slot => this.state.holds(slot))
  }

  private slotsOf(owner: number): Int32Array {
    return this.entries.slotsOfOwners(Int32Array.of(owner))
  }

  /** What was found; what memory or blocks have is newer. */
  load({ slots: owners, isMore, reach, named }: CollectionAsk, { found, more, named: byName }: CollectionAnswer): void {
    if (reach !== 'none') this.reached(owners, more, isMore)
    const ofOwners = found.flatMap(each =>
      this.place(
        each.at.map(i => owners[i] ?? 0),
        this.ownKeys(each),
        each,
      ),
    )
    const ofNamed = byName.flatMap(each => (named === null ? [] : this.place(...partOf(named, each.at), each)))
    // Of a name under which nothing stands that is known from now on.
    if (named !== null) this.entries.slotsOf(named.owners, named.keys)
    const came = [...ofOwners, ...ofNamed].flatMap(slots => [...slots])
    if (came.length > 0) this.state.linked(Int32Array.from(came))
    // Of which nothing is left, as it turns out.
    if (isMore) this.owners.lost(owners.filter(owner => !this.has(owner)))
  }

  private reached(owners: Int32Array, more: Int32Array, isMore: boolean): void {
    const { partly } = this.residence
    if (isMore) this.grown.markAll(this.entries.partlyOf(owners))
    partly.unmark(owners)
    partly.markAll(more.map(i => owners[i] ?? 0))
  }

  private ownKeys({ keys }: ColdItems): Column {
    const own = decodeKeys(this.form.key, keys, this.form.nullKeys).at(-1)
    invariant(own !== undefined, 'an entry has a key')
    return own
  }

  /** Answers the slots of those that nobody knew. The sum of one that is known is too: it may have left while this was read, or be gone. */
  private place(owners: Int32Array, own: Column, { forms, rows, sums }: ColdRows): Int32Array {
    const { residence, entries } = this
    const { slots, fresh } = entries.load(owners, own, this.state.decoded(forms, rows))
    const came = fresh.map(i => slots[i] ?? 0)
    residence.noteSums(
      came,
      Uint32Array.from(fresh, i => sums[i] ?? 0),
    )
    residence.mark(came, true)
    return came
  }

  /** What all was read of for a last call is partly known again. */
  shed(owners: Int32Array): void {
    const { residence, entries, grown } = this
    const some = owners.filter(owner => grown.has(owner))
    const isSame = (slot: number): boolean => residence.isSame(slot) && !entries.table.isDirty(slot)
    entries.forget(entries.slotsOfOwners(some).filter(slot => entries.table.present(slot) && isSame(slot)))
    grown.unmark(some)
    residence.partly.markAll(some)
  }

  /** null: nothing. */
  changes(
    owners: Int32Array,
    { epoch, announces }: { readonly epoch: number; readonly announces: boolean },
  ): ColdWrite | null {
    const { residence, entries, form, state } = this
    const { table } = entries
    const slots = this.changedOf(owners)
    if (slots.length === 0 && !announces) return null
    const gathered = table.gather(slots)
    const before = Uint32Array.from(slots, slot => residence.sumOf(slot))
    const changes: ColdChanges = {
      operator: state.operator,
      form,
      epoch,
      groups: Uint16Array.from(slots, slot => residence.groupOf[slot] ?? 0),
      keys: state.packedKeys(slots),
      rows: encodeRows(gathered.state),
      gone: gathered.isNew,
      before,
    }
    residence.mark(slots, true)
    residence.expectSums(slots)
    const written = (sums: Uint32Array): number => {
      residence.noteSums(slots, sums)
      return slots.reduce((n, _, i) => n + Number(sums[i] !== 0) - Number(before[i] !== 0), 0)
    }
    return { changes, written }
  }

  forget(owners: Int32Array): void {
    this.residence.partly.unmark(owners)
    this.grown.unmark(owners)
    this.entries.forget(this.entries.slotsOfOwners(owners))
  }

  /** What expires of it, as a sweep beyond memory looks for it; null: nothing. */
  get expiring(): ExpiringPart | null {
    const { form, state } = this
    const { times } = this.entries
    return times === null ? null : { form, state, expiry: times }
  }

  expire(owners: Int32Array): void {
    this.entries.takeAway(owners)
  }
}

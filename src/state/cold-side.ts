/**
 * The cold side of a keyed stage: keeps its keys and tables within a share of memory. Keys that were not used for a while leave
 * memory behind an epoch that is written, and come back when a row needs them.
 *
 * At a cut `choose` takes keys that no row waits for. Once the epoch is written, `leave` says what has to be written of them
 * beyond memory, and when it is, `left` gives up their memory. A key that is used or changed in between stays. What a key has
 * beyond memory is always that of an epoch, and no block after it has it, or it is known here to be outdated.
 */
import { invariant } from '../base/index.js'
import { type ColdAnswer, type ColdPage, type ColdPlace, type Reach } from './cold.js'
import { ColdAdmission } from './cold-admission.js'
import { ColdArrivals } from './cold-arrivals.js'
import { ColdChoice } from './cold-choice.js'
import { ColdCollection } from './cold-collection.js'
import {
  type ColdAsk,
  type ColdExpired,
  type ColdLack,
  type ColdPart,
  type ColdReport,
  type Leaving,
} from './cold-part.js'
import { ColdRoom } from './cold-room.js'
import { ColdSweep } from './cold-sweep.js'
import { type Values, changedValues, staleValues } from './cold-values.js'
import { type StateClock } from './expiry.js'
import { type EntryStateOptions } from './entry-state.js'
import { HollowKeys } from './hollow.js'
import { type KeyIndex } from './key-index.js'
import { type StateWatch } from './operator-state.js'
import { Residence } from './residence.js'
import { SlotSet } from './slot-set.js'
import { type StateTable } from './state-table.js'

/** Keys that shall leave as they are at the end of an epoch. */
interface Chosen {
  readonly epoch: number
  readonly slots: Int32Array
  /** The store is told of the columns, whatever leaves. */
  readonly announces: boolean
  next: number
}

export class ColdSide {
  private readonly residence: Residence
  readonly room: ColdRoom
  readonly admission: ColdAdmission
  private readonly choice: ColdChoice
  private readonly parts: ColdPart[] = []
  private tables: readonly StateTable[] = []
  private readonly collections: ColdCollection[] = []
  /** Keys leave or have left since the beginning, or lay there before: while it is false nobody has to ask. */
  private isUsed = false
  private chosen: Chosen | null = null
  /** The store knows the columns of this run. */
  private isAnnounced = false
  private away = false
  private entries = 0
  readonly hollow: HollowKeys
  private sweep: ColdSweep | null = null
  private readonly arrivals: ColdArrivals

  constructor(
    private readonly index: KeyIndex,
    shareBytes: number,
    operators: number,
  ) {
    this.residence = new Residence(operators)
    this.room = new ColdRoom(
      shareBytes,
      index,
      () => this.tables,
      () => this.collections,
    )
    this.admission = new ColdAdmission(index, this.room, rows => {
      this.entries += rows
      this.isUsed = true
    })
    const isOwed = (slot: number): boolean => this.isOwed(slot)
    this.hollow = new HollowKeys(this.residence, {
      hasState: slot =>
        this.parts.some(({ table }) => table.present(slot)) || this.collections.some(each => each.has(slot)),
      isOwed,
    })
    const { residence, collections, parts, room, hollow } = this
    this.arrivals = new ColdArrivals({ index, residence, collections, parts })
    this.choice = new ColdChoice({ index, residence, room, hollow, isOwed })
    index.takeFresh()
  }

  /** How the state of an operator tells what happens to it. */
  watch(part: number): StateWatch {
    const { residence, index } = this
    return {
      restored: (slots, beyond) => this.restored(part, slots, beyond),
      taken: slots => {
        for (const slot of slots) {
          residence.mark(slot, 'same', false)
          residence.mark(slot, 'leaving', false)
        }
        this.noteHollow(part, slots)
      },
      known: slots => residence.known(slots),
      doubled: () => this.doubled(part),
      stale: (first, last) =>
        this.isUsed ? staleValues(this.values(part), index, { first, last }) : new Int32Array(0),
    }
  }

  /** A list or map of one of the operators. */
  collection(options: EntryStateOptions, reach: Reach): ColdCollection {
    const { residence, hollow } = this
    const collection = new ColdCollection(options, reach, {
      restored: () => this.restoredFresh(),
      changed: owners => {
        for (const owner of owners) residence.mark(owner, 'leaving', false)
      },
      lost: owners => {
        for (const owner of owners) hollow.add(owner)
      },
      isKnown: owner => residence.is(owner, 'there') && !residence.is(owner, 'loading'),
    })
    this.collections.push(collection)
    return collection
  }

  use(parts: readonly ColdPart[], clock: StateClock): void {
    this.parts.push(...parts)
    this.tables = parts.map(({ table }) => table)
    const values = parts.flatMap(part => (part.expiry === null ? [] : [{ ...part, expiry: part.expiry }]))
    const expiring = [...values, ...this.collections.flatMap(each => each.expiring ?? [])]
    if (expiring.length > 0) this.sweep = new ColdSweep(this.index, expiring, clock)
  }

  /** A run goes on: so many entries lie beyond memory. Can be said again. */
  begin(entriesOf: (operator: string) => number): void {
    const stored = [...this.parts.map(({ state }) => state), ...this.collections]
    this.entries = stored.reduce((sum, { operator }) => sum + entriesOf(operator), 0)
    this.isUsed ||= this.entries > 0
  }

  get report(): ColdReport {
    const { room, index, entries } = this
    return { budgetBytes: room.shareBytes, keys: index.size, entries }
  }

  /** Rows of these keys came. Answers what has to be read before they can be worked on; null: nothing. */
  routed(slots: Int32Array): ColdAsk | null {
    const ask = this.came(slots)
    this.residence.use(slots)
    return ask
  }

  /** Keys were resolved, and are to be used. Answers what is to be read of those that are new, or that a start brought; null: nothing. */
  came(slots: Int32Array): ColdAsk | null {
    const { residence, index, isUsed } = this
    const fresh = index.takeFresh()
    residence.arrive(fresh, isUsed ? 'loading' : 'known')
    const unread = residence.takeUnread(slots)
    return isUsed && fresh.length + unread.length > 0 ? this.arrivals.ask(fresh, unread) : null
  }

  /** Where something may have expired beyond memory; null: nowhere, or there is no room to bring it back. */
  get sweeps(): ColdPlace | null {
    return this.entries > 0 && this.room.hasRoomFor(this.index.size) ? (this.sweep?.next ?? null) : null
  }

  /** What is there. Answers what has expired, and what has to be read of keys that come in for it; then see `lacksOf`. */
  swept(page: ColdPage): { readonly over: ColdExpired | null; readonly ask: ColdAsk | null } {
    const over = this.sweep?.looked(page) ?? null
    return { over, ask: this.came(over?.slots ?? new Int32Array(0)) }
  }

  /** What of that which has expired is not known. */
  lacksOf(over: ColdExpired): readonly ColdLack[] {
    return this.arrivals.lacksOf(over)
  }

  /** Whoever is in memory stays there until the next epoch. */
  stayAll(): void {
    this.residence.stayAll()
  }

  /** Something may lie beyond memory. */
  get looksBeyond(): boolean {
    return this.isUsed && this.entries > 0
  }

  /** These keys are not needed any more: those that are what lies beyond memory give up theirs. */
  drop(slots: Int32Array): void {
    const isSame = (slot: number): boolean =>
      this.residence.is(slot, 'same') && this.collections.every(each => each.isSame(slot))
    this.goneFrom(slots.filter(slot => isSame(slot) && !this.isDirty(slot)))
  }

  /** Behind a last call of these keys: what was read of them for it goes again, unless sums of entries are still to come. */
  shed(slots: Int32Array): void {
    if (this.away) return
    for (const collection of this.collections) collection.shed(slots)
  }

  private goneFrom(slots: Int32Array): void {
    for (const { table } of this.parts) table.forget(slots)
    for (const collection of this.collections) collection.forget(slots)
    this.index.remove(slots)
    this.residence.leave(slots)
    this.hollow.delete(slots)
  }

  /** What has expired of these keys goes. */
  expire(slots: Int32Array): void {
    for (const { expiry } of this.parts) expiry?.takeAway(slots)
    for (const collection of this.collections) collection.expire(slots)
  }

  /** What has to be read before all that is lacking is known; null: nothing. The keys stay until it is there. */
  more(lacks: readonly ColdLack[]): ColdAsk | null {
    return this.arrivals.askMore(lacks)
  }

  /** What was asked for. */
  loaded(ask: ColdAsk, answer: ColdAnswer): void {
    this.arrivals.loaded(ask, answer)
  }

  /** Keys are on their way out. */
  get isLeaving(): boolean {
    return this.away || this.chosen !== null
  }

  /** More keys are in memory than should be: no rows are taken in before some have left. */
  get isFull(): boolean {
    return this.choice.isFull
  }

  /**
   * Keys that shall leave memory as they are at the end of this epoch.
   *
   * @param waiting slots of rows that wait.
   */
  choose(epoch: number, waiting: Iterable<Int32Array>): void {
    if (this.isLeaving) return
    const pinned = new SlotSet()
    for (const slots of waiting) pinned.mark(slots, this.index.slots)
    for (const collection of this.collections) collection.prune(pinned)
    const slots = this.choice.slots(pinned, this.hollow.leave(pinned))
    // An entry that is older than the columns of today has to go through all that were between.
    const announces = !this.isAnnounced && (this.isUsed || slots.length > 0)
    if (announces || slots.length > 0) this.chosen = { epoch, slots, announces, next: 0 }
  }

  /** While a start restores: keys have to leave. None may where what leaves would be in columns that no epoch has. */
  get isCrowded(): boolean {
    const evolves = this.parts.some(({ state }) => state.evolves) || this.collections.some(each => each.state.evolves)
    return !evolves && !this.room.hasRoomFor(this.index.size)
  }

  /** As `choose`, while a start restores. */
  chooseRestored(epoch: number): void {
    if (this.isCrowded) this.chooseSaved(epoch)
  }

  /** As `chooseRestored`, of a savepoint: no store has its columns yet. */
  chooseSaved(epoch: number): void {
    const slots = this.isLeaving ? new Int32Array(0) : this.choice.slots(new SlotSet(), [])
    if (slots.length === 0) return
    this.chosen = { epoch, slots, announces: false, next: 0 }
    this.admission.close()
  }

  private noteHollow(part: number, slots: Int32Array): void {
    const { table } = this.part(part)
    for (const slot of slots) if (!table.present(slot)) this.hollow.add(slot)
  }

  /** Nothing changes any more: where keys without state wait for that, the next blocks say what became of them. */
  rest(): void {
    this.hollow.tellsAll ||= this.hollow.size > 0 && !this.isLeaving
  }

  /** It has no state, and a block that says so is still to come. */
  private isOwed(slot: number): boolean {
    const isOwed = this.parts.some(({ table, state }) => !table.present(slot) && state.holds(slot))
    return isOwed || this.collections.some(each => each.isOwed(slot))
  }

  /**
   * The epoch is written, and all before it: what has to be written of keys that were chosen then; null: nothing, or something
   * is on its way.
   */
  leave(written: number): Leaving | null {
    const { chosen, residence } = this
    if (chosen === null || this.away || written < chosen.epoch) return null
    const some = this.atOnce(chosen.slots.subarray(chosen.next))
    const slots = some.filter(slot => this.mayLeave(slot))
    chosen.next += some.length
    const { epoch, announces } = chosen
    if (chosen.next >= chosen.slots.length) this.chosen = null
    this.away = true
    this.isUsed = true
    const changed = this.index.byPlace(slots.filter(slot => !residence.is(slot, 'same')))
    const terms = { epoch, announces, keysOf: (some: Int32Array) => this.arrivals.keysOf(some) }
    const values = this.parts.flatMap((_, part) => changedValues(this.values(part), changed, terms) ?? [])
    const placed = this.collections.length === 0 ? slots : this.index.byPlace(slots)
    const items = this.collections.flatMap(each => each.changes(placed, { epoch, announces }) ?? [])
    for (const slot of slots) residence.mark(slot, 'same', true)
    const parts = [...values, ...items]
    return { slots, changes: parts.map(({ changes }) => changes), of: parts.map(({ written }) => written) }
  }

  /** The first of these keys, with what is to be written of them. */
  private atOnce(slots: Int32Array): Int32Array {
    const most = this.room.leavingAtOnce
    let [keys, rows] = [0, 0]
    for (; keys < slots.length && rows < most; keys += 1) {
      rows += 1
      for (const collection of this.collections) rows += collection.changedOf(slots.subarray(keys, keys + 1)).length
    }
    return slots.subarray(0, keys)
  }

  private isDirty(slot: number): boolean {
    return this.parts.some(({ table }) => table.isDirty(slot)) || this.collections.some(each => each.isDirty(slot))
  }

  private mayLeave(slot: number): boolean {
    return this.residence.is(slot, 'leaving') && !this.isDirty(slot)
  }

  /** It was written. Answers how many keys left memory. */
  left({ slots, of }: Leaving, sums: readonly Uint32Array[]): number {
    this.away = false
    this.isAnnounced ||= of.length === this.parts.length + this.collections.length
    of.forEach((written, i) => {
      this.entries += written(sums[i] ?? new Uint32Array(0))
    })
    const gone = slots.filter(slot => this.mayLeave(slot))
    this.goneFrom(gone)
    return gone.length
  }

  private restored(part: number, slots: Int32Array, beyond: Uint32Array | null): void {
    this.restoredFresh()
    // What lies beyond memory of a key that is in it is what lay there when the restore began: to be written there it has to leave.
    if (beyond !== null) this.residence.noteSums(part, slots, beyond)
    for (const slot of slots) this.residence.mark(slot, 'same', false)
    this.noteHollow(part, slots)
  }

  private doubled(part: number): Int32Array {
    const { residence, index } = this
    const slots = Int32Array.from({ length: this.isUsed ? index.slots : 0 }, (_, slot) => slot)
    return slots.filter(slot => residence.is(slot, 'there') && residence.sumOf(part, slot) !== 0)
  }

  /** Blocks brought keys. Of values that are alone they say all. */
  private restoredFresh(): void {
    const isAlone = this.parts.length === 1 && this.collections.length === 0
    this.residence.arrive(this.index.takeFresh(), this.isUsed && !isAlone ? 'unread' : 'known')
  }

  private values(number: number): Values {
    return { part: this.part(number), number, residence: this.residence }
  }

  private part(number: number): ColdPart {
    const part = this.parts[number]
    invariant(part !== undefined, 'the cold side knows the operators of its stage')
    return part
  }
}

/**
 * The cold side of a keyed stage: keeps its keys and tables within a share of memory. Keys that were not used for a while leave
 * memory behind an epoch that is written, and come back when a row needs them.
 *
 * At a cut `choose` takes keys that no row waits for. Once the epoch is written, `leave` says what has to be written of them
 * beyond memory, and when it is, `left` gives up their memory. A key that is used or changed in between stays. What a key has
 * beyond memory is always that of an epoch, and no block after it has it, or it is known here to be outdated.
 */
import { invariant } from '../base/index.js'
import {
  type ColdAnswer,
  type ColdChanges,
  type ColdKeys,
  type ColdPage,
  type ColdPlace,
  type ColdQuestion,
} from './cold.js'
import { type ColdAsk, type ColdPart, type ColdReport, type Leaving } from './cold-part.js'
import { ColdRoom } from './cold-room.js'
import { ColdSweep } from './cold-sweep.js'
import { type StateClock } from './expiry.js'
import { HollowKeys } from './hollow.js'
import { type KeyIndex } from './key-index.js'
import { type StateWatch } from './operator-state.js'
import { Residence } from './residence.js'
import { encodeRows } from './row-codec.js'
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

/** Of the keys that have room: with more that are kept only for what older blocks say of them, all of that is written anew. */
const stuckMax = 0.1

export class ColdSide {
  private readonly residence: Residence
  readonly room: ColdRoom
  private parts: readonly ColdPart[] = []
  private tables: readonly StateTable[] = []
  /** Keys that left since the beginning, or lay there before: while it is false nobody has to ask. */
  private isUsed = false
  private chosen: Chosen | null = null
  /** The store knows the columns of this run. */
  private isAnnounced = false
  private away = false
  private entries = 0
  /** Keys that cannot leave before a block was written that says that they have no state. */
  private stuck = 0
  readonly hollow: HollowKeys
  private sweep: ColdSweep | null = null
  private readonly restoredKeys: { readonly part: number; readonly slots: Int32Array }[] = []

  constructor(
    private readonly index: KeyIndex,
    shareBytes: number,
    operators: number,
  ) {
    this.residence = new Residence(operators)
    this.room = new ColdRoom(shareBytes, index, () => this.tables)
    this.hollow = new HollowKeys(this.residence, {
      hasState: slot => this.parts.some(({ table }) => table.present(slot)),
      isOwed: slot => this.isOwed(slot),
    })
    index.takeFresh()
  }

  /** How the state of an operator tells what happens to it. */
  watch(part: number): StateWatch {
    const { residence, index } = this
    return {
      restored: (slots, sums) => this.restored(part, slots, sums),
      taken: slots => {
        for (const slot of slots) {
          residence.mark(slot, 'same', false)
          residence.mark(slot, 'leaving', false)
        }
        this.noteHollow(part, slots)
      },
      known: slots => residence.known(slots),
      doubled: () => this.doubled(part),
      stale: (first, last) => this.stale(part, first, last, index.groupOf),
    }
  }

  use(parts: readonly ColdPart[], clock: StateClock): void {
    this.parts = parts
    this.tables = parts.map(({ table }) => table)
    const expiring = parts.flatMap(part => (part.expiry === null ? [] : [{ ...part, expiry: part.expiry }]))
    if (expiring.length > 0) this.sweep = new ColdSweep(this.index, expiring, clock)
  }

  /** A run goes on: so many entries lie beyond memory from before. Can be said again. */
  begin(entriesOf: (operator: string) => number): void {
    if (this.isUsed) return
    this.entries = this.parts.reduce((sum, { state }) => sum + entriesOf(state.operator), 0)
    this.isUsed = this.entries > 0
  }

  get report(): ColdReport {
    const { room, index, entries } = this
    return { budgetBytes: room.shareBytes, keys: index.size, entries }
  }

  /** Rows of these keys came. Answers what has to be read before they can be worked on; null: nothing. */
  routed(slots: Int32Array): ColdAsk | null {
    const ask = this.came()
    this.residence.use(slots)
    return ask
  }

  /** Keys were resolved. Answers what is to be read of those that are new. */
  came(): ColdAsk | null {
    const { residence, index } = this
    const fresh = index.takeFresh()
    residence.arrive(fresh, this.isUsed)
    if (!this.isUsed || fresh.length === 0) return null
    const sorted = index.byPlace(fresh)
    return { slots: sorted, question: this.question(sorted) }
  }

  /** Where something may have expired beyond memory; null: nowhere, or there is no room to bring it back. */
  get sweeps(): ColdPlace | null {
    return this.entries > 0 && this.room.hasRoomFor(this.index.size) ? (this.sweep?.next ?? null) : null
  }

  /** What is there. Answers what has to be read of what has expired. */
  swept(page: ColdPage): ColdAsk | null {
    this.sweep?.looked(page)
    return this.came()
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
    this.goneFrom(
      slots.filter(slot => this.residence.is(slot, 'same') && !this.parts.some(({ table }) => table.isDirty(slot))),
    )
  }

  private goneFrom(slots: Int32Array): void {
    for (const { table } of this.parts) table.forget(slots)
    this.index.remove(slots)
    this.residence.leave(slots)
    this.hollow.delete(slots)
  }

  /** What has expired of these keys goes. */
  expire(slots: Int32Array): void {
    for (const { expiry } of this.parts) expiry?.takeAway(slots)
  }

  private question(slots: Int32Array): ColdQuestion {
    return { operators: this.parts.map(({ state }) => state.operator), ...this.keysOf(slots) }
  }

  private keysOf(slots: Int32Array): ColdKeys {
    const { index } = this
    return { groups: Uint16Array.from(slots, slot => index.groupOf[slot] ?? 0), keys: index.packedKeys(slots) }
  }

  /**
   * What was asked for.
   *
   * @param newer an operator that has newer state of all of them.
   */
  loaded(slots: Int32Array, answer: ColdAnswer, newer: number | null = null): void {
    const { residence } = this
    for (const slot of slots) {
      residence.mark(slot, 'loading', false)
      residence.mark(slot, 'same', newer === null)
    }
    this.parts.forEach(({ state }, part) => {
      for (const { forms, at, sums, rows } of answer[part] ?? []) {
        const found = at.map(i => slots[i] ?? 0)
        residence.noteSums(part, found, sums)
        if (part !== newer) state.load(found, forms, rows)
      }
    })
  }

  /** Keys that blocks of one operator brought, of which something may have gone beyond memory since the start. */
  askRestored(): (ColdAsk & { readonly part: number }) | null {
    const next = this.restoredKeys.shift()
    return next === undefined ? null : { ...next, question: this.question(next.slots) }
  }

  /** Keys are on their way out. */
  get isLeaving(): boolean {
    return this.away || this.chosen !== null
  }

  /** More keys are in memory than should be: no rows are taken in before some have left. */
  get isFull(): boolean {
    return this.room.isFull(this.index.size - this.stuck)
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
    const slots = this.chosenSlots(pinned, this.hollow.leave(pinned))
    // An entry that is older than the columns of today has to go through all that were between.
    const announces = !this.isAnnounced && (this.isUsed || slots.length > 0)
    if (announces || slots.length > 0) this.chosen = { epoch, slots, announces, next: 0 }
  }

  /** As `choose`, while a start restores: what leaves then must not be in columns that no epoch has. */
  chooseRestored(epoch: number): void {
    if (this.isLeaving || this.parts.some(({ state }) => state.evolves)) return
    const slots = this.chosenSlots(new SlotSet(), [])
    if (slots.length > 0) this.chosen = { epoch, slots, announces: false, next: 0 }
  }

  private noteHollow(part: number, slots: Int32Array): void {
    const { table } = this.part(part)
    for (const slot of slots) if (!table.present(slot)) this.hollow.add(slot)
  }

  /** Nothing changes any more: where keys without state wait for that, the next blocks say what became of them. */
  rest(): void {
    this.hollow.tellsAll ||= this.hollow.size > 0 && !this.isLeaving
  }

  /** @param hollow those that are on their way out anyway */
  private chosenSlots(pinned: SlotSet, hollow: readonly number[]): Int32Array {
    const { index, residence, room } = this
    const count = room.excess(index.size - hollow.length)
    if (count === 0) return Int32Array.from(hollow)
    let stuck = 0
    const stays = (slot: number): boolean => {
      if (pinned.has(slot)) return true
      if (!this.isOwed(slot)) return false
      stuck += 1
      return true
    }
    const slots = residence.choose(count, index.slots, stays)
    this.stuck = stuck
    this.hollow.tellsAll ||= stuck > stuckMax * room.keys
    return hollow.length === 0 ? slots : Int32Array.from([...hollow, ...slots])
  }

  /** It has no state, and a block that says so is still to come. */
  private isOwed(slot: number): boolean {
    return this.parts.some(({ table, state }) => !table.present(slot) && state.holds(slot))
  }

  /**
   * The epoch is written, and all before it: what has to be written of keys that were chosen then; null: nothing, or something
   * is on its way.
   */
  leave(written: number): Leaving | null {
    const { chosen, residence } = this
    if (chosen === null || this.away || written < chosen.epoch) return null
    const { keysAtOnce } = this.room
    const slots = chosen.slots.subarray(chosen.next, chosen.next + keysAtOnce).filter(slot => this.mayLeave(slot))
    chosen.next += keysAtOnce
    const { epoch, announces } = chosen
    if (chosen.next >= chosen.slots.length) this.chosen = null
    this.away = true
    const changed = this.index.byPlace(slots.filter(slot => !residence.is(slot, 'same')))
    const parts = this.parts.flatMap((_, part) => this.changesOf(part, changed, { epoch, announces }) ?? [])
    for (const slot of slots) residence.mark(slot, 'same', true)
    return { slots, changes: parts.map(p => p.changes), of: parts }
  }

  private mayLeave(slot: number): boolean {
    return this.residence.is(slot, 'leaving') && !this.parts.some(({ table }) => table.isDirty(slot))
  }

  /** null: nothing. */
  private changesOf(
    part: number,
    all: Int32Array,
    { epoch, announces }: Pick<Chosen, 'epoch' | 'announces'>,
  ): (Leaving['of'][number] & { readonly changes: ColdChanges }) | null {
    const { residence } = this
    const { table, form, state } = this.part(part)
    // Who has no state, and had none, is not written.
    const slots = all.filter(slot => table.present(slot) || residence.sumOf(part, slot) !== 0)
    if (slots.length === 0 && !announces) return null
    const gathered = table.gather(slots)
    const rows = encodeRows(gathered.state)
    gathered.loan?.release()
    const before = Uint32Array.from(slots, slot => residence.sumOf(part, slot))
    const { operator } = state
    return {
      part,
      slots,
      changes: { operator, form, epoch, ...this.keysOf(slots), rows, gone: gathered.isNew, before },
    }
  }

  /** It was written. Answers how many keys left memory. */
  left({ slots, of }: Leaving, sums: readonly Uint32Array[]): number {
    const { residence } = this
    this.away = false
    this.isUsed = true
    this.isAnnounced ||= of.length === this.parts.length
    of.forEach(({ part, slots: written }, i) => {
      const after = sums[i] ?? new Uint32Array(0)
      for (let w = 0; w < written.length; w++) {
        const had = residence.sumOf(part, written[w] ?? 0) !== 0
        this.entries += (after[w] === 0 ? 0 : 1) - (had ? 1 : 0)
      }
      residence.noteSums(part, written, after)
    })
    const gone = slots.filter(slot => this.mayLeave(slot))
    this.goneFrom(gone)
    return gone.length
  }

  private restored(part: number, slots: Int32Array, sums: Uint32Array | null): void {
    const { residence, index } = this
    const fresh = index.takeFresh()
    residence.arrive(fresh, false)
    if (this.isUsed) this.restoredKeys.push({ part, slots: fresh })
    slots.forEach((slot, i) => {
      residence.mark(slot, 'same', false)
      const sum = sums?.[i] ?? 0
      if (sum !== 0) residence.noteSum(part, slot, sum)
    })
    this.noteHollow(part, slots)
  }

  private doubled(part: number): Int32Array {
    const { residence, index } = this
    const slots = Int32Array.from({ length: this.isUsed ? index.slots : 0 }, (_, slot) => slot)
    return slots.filter(slot => residence.is(slot, 'there') && residence.sumOf(part, slot) !== 0)
  }

  private stale(part: number, first: number, last: number, groupOf: Uint16Array): Int32Array {
    const { residence, index } = this
    const { table } = this.part(part)
    if (!this.isUsed) return new Int32Array(0)
    const slots: number[] = []
    for (let slot = 0; slot < index.slots; slot++) {
      const group = groupOf[slot] ?? 0
      if (group < first || group > last || residence.sumOf(part, slot) === 0) continue
      if (residence.is(slot, 'there') && !residence.is(slot, 'loading') && !table.present(slot)) slots.push(slot)
    }
    return Int32Array.from(slots)
  }

  private part(number: number): ColdPart {
    const part = this.parts[number]
    invariant(part !== undefined, 'the cold side knows the operators of its stage')
    return part
  }
}

/**
 * Beyond memory: what a keyed stage does where its state may be larger than its budget. Rows wait until the state of their
 * keys is read, some batches at once, and all behind them wait too, so that none overtakes another. Keys leave memory behind an
 * epoch that is written. A stage without a budget has none of this.
 */
import { invariant } from '../../base/index.js'
import {
  type ColdAnswer,
  type ColdAsk,
  type ColdChanges,
  type ColdLack,
  type ColdPage,
  type ColdPlace,
  type ColdQuestion,
  type ColdReport,
  type ColdSide,
  type KeyWalk,
  type Leaving,
} from '../../state/index.js'
import { type Rows, rowBytes } from './rows.js'

/** What a stage asks of the world. */
export interface BeyondEffects {
  /** Reads state from beyond memory; `stateLoaded` follows, with the number of the load. */
  loadState(stage: number, load: number, question: ColdQuestion): void
  /** Reads what lies there beyond memory; `statePage` follows, with the number of the page. */
  readState(stage: number, page: number, place: ColdPlace): void
  /** Writes state beyond memory, behind the epochs that were written; `stateLeft` follows, and only then comes the next. */
  leaveState(stage: number, changes: readonly ColdChanges[]): void
}

/** What state may take of memory, and where the rest of it goes. */
export interface BeyondTerms {
  readonly budgetBytes: number
  readonly effects: BeyondEffects
  /** Of a map whose entries rows name, those that come with its key; left out: some dozens. */
  readonly entriesAtFirst?: number | undefined
}

/** Rows that are routed. */
export interface Routed {
  readonly rows: Rows
  readonly slots: Int32Array
  readonly lanes: readonly Int32Array[]
}

/** Rows whose keys are not all in memory yet, or those of rows before them are not. */
interface Awaited {
  readonly bytes: number
  /** null: no rows, somebody else asked for keys. */
  readonly routed: Routed | null
  /** null: nothing of them is to be read, or it was. */
  load: Load | null
}

/** What was asked for, and what is done once it is there. */
interface Load {
  readonly number: number
  readonly ask: ColdAsk
  readonly then: () => void
}

/** What an operator sees of it. */
export interface BeyondReport extends ColdReport {
  /** Keys that were looked up beyond memory, the entries that were there, and the keys that left memory. */
  readonly asked: number
  readonly found: number
  readonly left: number
  /** Keys that were brought back since something of them had expired. */
  readonly expired: number
}

/** A stage that is quiet for so long rests. */
const restMs = 500
/** Batches that wait at once: while one is worked on others are read, on as many threads. */
const awaitedMax = 4

export class Beyond {
  private readonly counts = { asked: 0, found: 0, left: 0, expired: 0 }
  private readonly awaited: Awaited[] = []
  /** Of keys in memory, of which not all is known: only who asked waits. */
  private readonly more: Load[] = []
  private loads = 0
  private leaving: Leaving | null = null
  /** Epochs that were cut and are not on the disk, with the bytes of their blocks. */
  private readonly unwritten: { readonly epoch: number; readonly bytes: number }[] = []
  /** Of pages that are read, who asked for them. */
  private readonly pages = new Map<number, (page: ColdPage) => void>()
  private isSweeping = false
  /** Walks for which something is read. */
  private walking = 0
  private busyMs = 0
  private isEnding = false

  constructor(
    private readonly stage: number,
    private readonly cold: ColdSide,
    private readonly effects: BeyondEffects,
  ) {}

  get report(): BeyondReport {
    return { ...this.cold.report, ...this.counts }
  }

  /** The rows that wait, oldest first. */
  get rows(): readonly Rows[] {
    return this.awaited.flatMap(({ routed }) => routed?.rows ?? [])
  }

  /** Something is read that rows wait for, or replies, or last calls. */
  get isWaiting(): boolean {
    return this.awaited.length > 0 || this.more.length > 0 || this.walking > 0
  }

  /** No rows may be routed now. While an epoch is cut what belongs to it goes through: only behind it keys can leave. */
  isClosed(cutting: boolean): boolean {
    const { cold, awaited } = this
    if (awaited.length >= awaitedMax || this.waitingBytes >= cold.room.waitingBytes) return true
    return !cutting && (cold.isFull || this.unwrittenBytes + cold.room.bytesToWrite >= cold.room.unwrittenBytes)
  }

  /** Rows that may be routed together, where each has so many bytes. */
  rowsAtOnce(rowBytes: number): number {
    return this.cold.room.rowsAtOnce(rowBytes, awaitedMax)
  }

  private get waitingBytes(): number {
    return this.awaited.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  private get unwrittenBytes(): number {
    return this.unwritten.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  /**
   * Keys have to leave before rows can go on, and only an epoch lets them; or what changed is as much as should be written at
   * once, while as much may be on its way to the disk.
   */
  get wantsEpoch(): boolean {
    const { cold } = this
    if (cold.room.bytesToWrite >= cold.room.unwrittenBytes / 2) return true
    return this.awaited.length === 0 && !cold.isLeaving && cold.isFull
  }

  /** Rows came. Answers whether they have to wait. */
  routed(routed: Routed): boolean {
    const ask = this.cold.routed(routed.slots)
    if (ask === null && this.awaited.length === 0) return false
    const { rows, slots } = routed
    const bytes = this.cold.room.bytesWaiting(slots.length, rowBytes(rows) / slots.length)
    this.awaited.push({ bytes, routed, load: ask === null ? null : this.load(ask) })
    return true
  }

  private load(ask: ColdAsk, then: () => void = () => undefined): Load {
    const number = this.loads++
    this.counts.asked += ask.slots.length
    this.effects.loadState(this.stage, number, ask.question)
    return { number, ask, then }
  }

  /** Some of what keys in memory have is needed and not known. Answers whether `then` has to be waited for: nothing is lacking. */
  fetch(lacks: readonly ColdLack[], then: () => void): boolean {
    const ask = this.cold.more(lacks)
    if (ask !== null) this.more.push(this.load(ask, then))
    return ask !== null
  }

  /** Keys are brought into memory, and rows that come wait for that. */
  private bring(ask: ColdAsk, then: () => void): void {
    const bytes = this.cold.room.bytesWaiting(ask.slots.length, 0)
    this.awaited.push({ bytes, routed: null, load: this.load(ask, then) })
  }

  /** No row comes any more, and whoever is in memory stays until the last calls are made. */
  end(): void {
    this.isEnding = true
    this.cold.stayAll()
  }

  /** The next keys of a walk come into memory. `then`: those up to where it is now, and of them those that came in for it. */
  walk(walk: KeyWalk, entriesMax: number, then: (slots: Int32Array, came: Int32Array) => void): boolean {
    const place = walk.place(entriesMax)
    if (place === null) return false
    this.walking += 1
    this.read(place, page => {
      this.walking -= 1
      const slots = walk.looked(page)
      if (slots === null) {
        this.walk(walk, entriesMax, then)
        return
      }
      const ask = this.cold.came(slots)
      if (ask === null) then(slots, new Int32Array(0))
      else this.bring(ask, () => then(slots, ask.slots))
    })
    return true
  }

  /** A walk has passed these keys, some of which came in for it. */
  passed(slots: Int32Array, came: Int32Array): void {
    this.cold.drop(came)
    this.cold.shed(slots)
  }

  /**
   * Time passes: some of what lies beyond memory is looked at, and what has expired is brought back to go.
   *
   * @param quiet the stage has no rows, and nothing of its state changed since the last cut
   */
  tick(nowMs: number, quiet: boolean): void {
    if (!quiet) this.busyMs = nowMs
    if (nowMs - this.busyMs >= restMs) this.cold.rest()
    this.sweep()
  }

  private sweep(): void {
    const place = this.isSweeping || this.isEnding || this.awaited.length > 0 ? null : this.cold.sweeps
    if (place === null) return
    this.isSweeping = true
    this.read(place, page => {
      this.isSweeping = false
      if (!this.isEnding) this.swept(this.cold.swept(page))
    })
  }

  private swept({ over, ask }: ReturnType<ColdSide['swept']>): void {
    if (over === null) return
    const { cold } = this
    const expire = (): void => cold.expire(over.slots)
    const then = (): void => {
      if (!this.fetch(cold.lacksOf(over), expire)) expire()
    }
    if (ask === null) return then()
    this.counts.expired += ask.slots.length
    this.bring(ask, then)
  }

  private read(place: ColdPlace, then: (page: ColdPage) => void): void {
    const number = this.loads++
    this.pages.set(number, then)
    this.effects.readState(this.stage, number, place)
  }

  /** What was asked for with this number. */
  page(number: number, page: ColdPage): void {
    const then = this.pages.get(number)
    invariant(then !== undefined, 'a page is read for somebody')
    this.pages.delete(number)
    then(page)
  }

  /** Answers the rows that go on. */
  loaded(number: number, answer: ColdAnswer): readonly Routed[] {
    const waiting = this.awaited.find(({ load }) => load?.number === number)
    const at = this.more.findIndex(load => load.number === number)
    const load = waiting?.load ?? this.more.splice(at, 1)[0]
    invariant(load !== undefined, 'state is read for who waits')
    this.cold.loaded(load.ask, answer)
    load.then()
    this.counts.found += answer.values.flat().reduce((sum, { at }) => sum + at.length, 0)
    if (waiting !== undefined) waiting.load = null
    const first = this.awaited.findIndex(({ load }) => load !== null)
    return this.awaited.splice(0, first < 0 ? this.awaited.length : first).flatMap(({ routed }) => routed ?? [])
  }

  /**
   * A cut is complete.
   *
   * @param waiting the slots of rows that wait in lanes
   * @param bytes of the blocks that it made
   */
  cut(epoch: number, waiting: readonly Int32Array[], bytes: number): void {
    this.unwritten.push({ epoch, bytes })
    const awaited = this.awaited.flatMap(({ routed }) => routed?.slots ?? [])
    const loads = [...this.awaited.flatMap(({ load }) => load ?? []), ...this.more]
    this.cold.choose(epoch, [...waiting, ...awaited, ...loads.map(({ ask }) => ask.staying)])
  }

  /** This epoch is written, and all before it. */
  written(epoch: number): void {
    while ((this.unwritten[0]?.epoch ?? Number.POSITIVE_INFINITY) <= epoch) this.unwritten.shift()
    if (this.leaving !== null) return
    this.leaving = this.cold.leave(epoch)
    if (this.leaving !== null) this.effects.leaveState(this.stage, this.leaving.changes)
  }

  left(sums: readonly Uint32Array[]): void {
    invariant(this.leaving !== null, 'state was written of keys that leave')
    this.counts.left += this.cold.left(this.leaving, sums)
    this.leaving = null
  }
}

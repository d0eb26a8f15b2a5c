/**
 * Beyond memory: what a keyed stage does where its state may be larger than its budget. Rows wait until the state of their
 * keys is read, and all behind them wait too, so that none overtakes another. Keys leave memory behind an epoch that is
 * written. A stage without a budget has none of this.
 */
import { invariant } from '../../base/index.js'
import { type ColdAnswer, type ColdChange, type ColdQuestion, type ColdSide, type Leaving } from '../../state/index.js'
import { type Rows } from './rows.js'

/** What a stage asks of the world; of each at most one at a time. */
export interface BeyondEffects {
  /** Reads state from beyond memory; `stateLoaded` follows. */
  loadState(stage: number, question: ColdQuestion): void
  /** Writes state beyond memory, behind the epochs that were written; `stateLeft` follows. */
  leaveState(stage: number, changes: readonly ColdChange[]): void
}

/** What state may take of memory, and where the rest of it goes. */
export interface BeyondTerms {
  readonly budgetBytes: number
  readonly effects: BeyondEffects
}

/** Rows that are routed and whose keys are not all in memory yet. */
interface Awaited {
  readonly rows: Rows
  readonly slots: Int32Array
  readonly lanes: readonly Int32Array[]
  readonly fresh: Int32Array
}

export interface ColdCounts {
  /** Keys that were asked for, and those that were there. */
  asked: number
  found: number
  left: number
}

export class Beyond {
  readonly counts: ColdCounts = { asked: 0, found: 0, left: 0 }
  private awaited: Awaited | null = null
  private leaving: Leaving | null = null

  constructor(
    private readonly stage: number,
    private readonly cold: ColdSide,
    private readonly effects: BeyondEffects,
  ) {}

  /** The rows that wait; null: none. */
  get rows(): Rows | null {
    return this.awaited?.rows ?? null
  }

  /** No rows may be routed now. While an epoch is cut what belongs to it goes through: only behind it keys can leave. */
  isClosed(cutting: boolean): boolean {
    return this.awaited !== null || (!cutting && this.cold.isFull)
  }

  /** Keys have to leave before rows can go on, and only an epoch lets them. */
  get wantsEpoch(): boolean {
    return this.awaited === null && this.leaving === null && this.cold.isFull
  }

  /** Rows came. Answers whether they have to wait for state. */
  routed(routed: Omit<Awaited, 'fresh'>): boolean {
    const ask = this.cold.routed(routed.slots)
    if (ask === null) return false
    this.awaited = { ...routed, fresh: ask.slots }
    this.counts.asked += ask.slots.length
    this.effects.loadState(this.stage, ask.question)
    return true
  }

  /** The rows that waited, which go on. */
  loaded(answer: ColdAnswer): Awaited {
    const { awaited } = this
    invariant(awaited !== null, 'state is read for rows that wait')
    this.awaited = null
    this.cold.loaded(awaited.fresh, answer)
    this.counts.found += awaited.fresh.reduce((n, _, i) => (answer.some(rows => rows[i] !== null) ? n + 1 : n), 0)
    return awaited
  }

  /** A cut is complete: `waiting` are the slots of rows that wait in lanes. */
  cut(epoch: number, waiting: readonly Int32Array[]): void {
    this.cold.choose(epoch, this.awaited === null ? waiting : [...waiting, this.awaited.slots])
  }

  /** This epoch is written, and all before it. */
  written(epoch: number): void {
    if (this.leaving !== null) return
    this.leaving = this.cold.leave(epoch)
    if (this.leaving !== null) this.effects.leaveState(this.stage, this.leaving.changes)
  }

  left(sums: Uint32Array): void {
    invariant(this.leaving !== null, 'state was written of keys that leave')
    this.counts.left += this.cold.left(this.leaving, sums)
    this.leaving = null
  }
}

/** The keyed state of all stages, as a start gives it back: before the first row flows. */
import {
  type ColdChanges,
  type ColdSide,
  type KeyDigest,
  type KeyDigestChange,
  type PassingForm,
  type SavedRows,
  type StateBlock,
  type StateForm,
  type StoredBlock,
  type StoredRows,
  readBlock,
} from '../../state/index.js'
import { type Stage } from './stage.js'

/** Between two looks at a few keys for what has expired. */
const sweepEveryMs = 50

/** What an epoch says of state: the blocks, and which keys came and went. */
export interface StateTaken {
  readonly blocks: readonly StateBlock[]
  readonly keys: readonly KeyDigestChange[]
}

export class StageStates {
  private sweptMs = 0

  constructor(private readonly stages: readonly Stage[]) {}

  /** Those that may be larger than memory. What is restored is kept within their budget after each block. */
  get coldSides(): readonly ColdSide[] {
    return this.stages.flatMap(stage => stage.keyed?.cold ?? [])
  }

  /** State of one operator, as an epoch wrote it. */
  restore(block: StoredBlock): void {
    this.restoreRows(block.operator, block.form, readBlock(block))
  }

  /** Whether state of one operator can be taken in this form. @throws StateError ANB6016 */
  accept(operator: string, form: StateForm): void {
    for (const stage of this.stages) stage.keyed?.states.accept(operator, form)
  }

  /** So many keys of an operator will be restored, all of them in memory. */
  expect(operator: string, keys: number): void {
    for (const stage of this.stages) stage.keyed?.states.expect(operator, keys)
  }

  /** As `restore`, with rows of this form. */
  restoreRows(operator: string, form: StateForm, rows: StoredRows): void {
    for (const stage of this.stages) stage.keyed?.states.restore(operator, form, rows)
  }

  /** How rows of an operator may pass memory, as it is stored in this form; null: they may not. */
  passing(operator: string, stored: StateForm): PassingForm | null {
    return this.stages.flatMap(stage => stage.keyed?.states.passing(operator, stored) ?? []).at(0) ?? null
  }

  /** As `restoreRows`, within the budget. Answers the rows that memory has no room for; null: none. */
  restoreWithin(operator: string, form: StateForm, rows: StoredRows): StoredRows | null {
    return this.stages.flatMap(stage => stage.keyed?.states.restoreWithin(operator, form, rows) ?? []).at(0) ?? null
  }

  /** As `restoreRows`, of a savepoint of this epoch. Answers what is to be written beyond memory in their place; null: nothing. */
  admit(operator: string, form: StateForm, rows: SavedRows, epoch: number): ColdChanges | null {
    return this.stages.flatMap(stage => stage.keyed?.states.admit(operator, form, rows, epoch) ?? []).at(0) ?? null
  }

  /** The keys of an operator, once all is restored; null: there is no such operator. */
  countRestored(operator: string, beyond: KeyDigest | null): KeyDigest | null {
    for (const stage of this.stages) {
      const counted = stage.keyed?.states.countRestored(operator, beyond)
      if (counted !== undefined) return counted
    }
    return null
  }

  /** The next epoch writes all state of the operator: what is stored of it does not count any more. */
  rewrite(operator: string): void {
    for (const stage of this.stages) stage.keyed?.states.rewrite(operator)
  }

  /** Time passes: what has expired goes, little by little. */
  tick(nowMs: number): void {
    if (nowMs < this.sweptMs + sweepEveryMs) return
    this.sweptMs = nowMs
    for (const stage of this.stages) stage.tick(nowMs)
  }

  /** All state that there is, as an epoch in a store that has none. */
  whole(epoch: number): StateTaken {
    const blocks = this.stages.flatMap(stage => {
      stage.keyed?.states.rewrite(null)
      return stage.takeDirty(epoch)
    })
    return { blocks, keys: this.stages.flatMap(stage => stage.keyed?.states.takeKeys() ?? []) }
  }
}

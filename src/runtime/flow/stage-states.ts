/** The keyed state of all stages, as a start gives it back: before the first row flows. */
import {
  type ColdSide,
  type StateBlock,
  type StateForm,
  type StoredBlock,
  type StoredRows,
  readBlock,
} from '../../state/index.js'
import { type Stage } from './stage.js'

/** Between two looks at a few keys for what has expired. */
const sweepEveryMs = 50

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

  /** As `restore`, with rows of this form. */
  restoreRows(operator: string, form: StateForm, rows: StoredRows): void {
    for (const stage of this.stages) stage.keyed?.restore(operator, form, rows)
  }

  /** The next epoch writes all state of the operator: what is stored of it does not count any more. */
  rewrite(operator: string): void {
    for (const stage of this.stages) stage.keyed?.rewrite(operator)
  }

  /** Time passes: what has expired goes, little by little. */
  tick(nowMs: number): void {
    if (nowMs < this.sweptMs + sweepEveryMs) return
    this.sweptMs = nowMs
    for (const stage of this.stages) stage.tick(nowMs)
  }

  /** All state that there is, as the blocks of an epoch in a store that has none. */
  whole(epoch: number): readonly StateBlock[] {
    return this.stages.flatMap(stage => {
      stage.keyed?.rewrite(null)
      return stage.takeDirty(epoch)
    })
  }
}

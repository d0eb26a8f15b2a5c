/**
 * Operator state: the keyed state of one operator as the epochs see it. At a cut it answers what changed, as blocks; at a
 * start it takes stored blocks, oldest first, whatever columns they were written with.
 */
import { type StateBlock } from './block.js'
import { type StateForm } from './block-schema.js'
import { DeltaWriter } from './delta.js'
import { type Aliases, type Evolve, planEvolution } from './evolve.js'
import { type KeyIndex } from './key-index.js'
import { type StoredBlock, applyRows, readBlock } from './restore.js'
import { type StateTable } from './state-table.js'

export interface OperatorStateOptions {
  /** Its stable id. */
  readonly operator: string
  readonly form: StateForm
  /** May be shared by the operators of a stage. */
  readonly index: KeyIndex
  readonly table: StateTable
  readonly aliases?: Aliases
}

export class OperatorState {
  readonly operator: string
  private readonly writer: DeltaWriter
  private readonly known = new Map<string, Evolve>()

  constructor(private readonly options: OperatorStateOptions) {
    const { operator, form, index, table } = options
    this.operator = operator
    this.writer = new DeltaWriter(operator, form, index, table)
  }

  /**
   * Whether state that was stored in this form can be taken.
   *
   * @throws StateError ANB6016 with everything that does not fit.
   */
  accept(stored: StateForm): void {
    this.evolution(stored)
  }

  /** Puts a stored block where it belongs; blocks come in the order in which the store gives them. */
  restore(block: StoredBlock): void {
    const { index, table } = this.options
    applyRows(index, table, this.evolution(block.form)(readBlock(block)))
  }

  /** What changed since the last cut. Called at a complete cut; the bytes are copies. */
  take(epoch: number): readonly StateBlock[] {
    return this.writer.take(epoch)
  }

  private evolution(stored: StateForm): Evolve {
    const { operator, form, aliases } = this.options
    const name = JSON.stringify(stored)
    const evolve = this.known.get(name) ?? planEvolution(operator, stored, form, aliases)
    this.known.set(name, evolve)
    return evolve
  }
}

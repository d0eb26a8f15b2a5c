/**
 * Operator state: the keyed state of one operator as the epochs see it. At a cut it answers what changed, as blocks; at a
 * start it takes stored blocks, oldest first, whatever columns they were written with.
 */
import { type StateBlock } from './block.js'
import { type StateForm } from './block-schema.js'
import { DeltaWriter } from './delta.js'
import { type Aliases, type Evolve, planEvolution } from './evolve.js'
import { type KeySlots } from './key-index.js'
import { Rebase } from './rebase.js'
import { type StoredBlock, applyRows, readBlock } from './restore.js'
import { type StateTable } from './state-table.js'

export interface OperatorStateOptions {
  /** Its stable id. */
  readonly operator: string
  readonly form: StateForm
  /** May be shared by the operators of a stage. */
  readonly index: KeySlots
  readonly table: StateTable
  readonly aliases?: Aliases
}

export class OperatorState {
  readonly operator: string
  private readonly writer: DeltaWriter
  private readonly known = new Map<string, Evolve>()
  private rebase: Rebase | null = null
  /** What was restored: its newest epoch and its bytes. */
  private readonly restored = { epoch: 0, bytes: 0 }

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
    const rows = readBlock(block)
    applyRows(index, table, this.evolution(block.form)(rows))
    this.restored.epoch = Math.max(this.restored.epoch, rows.header.epoch)
    this.restored.bytes += block.bytes.length
  }

  /**
   * What changed since the last cut, as blocks of up to a MiB, and a share of the state that did not, so that older blocks
   * go. Called at a complete cut; the bytes are copies.
   */
  take(epoch: number): readonly StateBlock[] {
    const { index, table } = this.options
    this.rebase ??= this.startRebase(epoch)
    return this.rebase.blocks(table.takeDirty(), {
      epoch,
      keys: index.size,
      present: (first, last) => table.presentIn(index.groupOf, first, last),
    })
  }

  /** What is stored beyond the state itself is owed at once. */
  private startRebase(epoch: number): Rebase {
    const { form, index } = this.options
    const stateBytes = index.size * this.writer.rowBytes
    const owed = Math.max(0, this.restored.bytes - 2 * stateBytes)
    return new Rebase(this.writer, form.keyGroups, {
      stateBytes,
      since: Math.max(this.restored.epoch, epoch - 1),
      owed,
    })
  }

  private evolution(stored: StateForm): Evolve {
    const { operator, form, aliases } = this.options
    const name = JSON.stringify(stored)
    const evolve = this.known.get(name) ?? planEvolution(operator, stored, form, aliases)
    this.known.set(name, evolve)
    return evolve
  }
}

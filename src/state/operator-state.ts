/**
 * Operator state: the keyed state of one operator as the epochs see it. At a cut it answers what changed, as blocks; at a
 * start it takes stored blocks, oldest first, whatever columns they were written with.
 */
import { type StateBlock } from './block.js'
import { type StateForm } from './block-schema.js'
import { DeltaWriter } from './delta.js'
import { type Evolve, aliasesOf, asStored, planEvolution } from './evolve.js'
import { type KeySlots } from './key-index.js'
import { Rebase } from './rebase.js'
import { type StoredBlock, type StoredRows, applyRows, readBlock } from './restore.js'
import { type StateTable } from './state-table.js'

export interface OperatorStateOptions {
  /** Its stable id. */
  readonly operator: string
  readonly form: StateForm
  /** May be shared by the operators of a stage. */
  readonly index: KeySlots
  readonly table: StateTable
}

/** Rows whose columns are in memory twice. */
const slotsAtOnce = 65_536

export class OperatorState {
  readonly operator: string
  private readonly writer: DeltaWriter
  private readonly known = new Map<string, Evolve>()
  private rebase: Rebase | null = null
  /** What was restored: its newest epoch and its bytes. */
  private readonly restored = { epoch: 0, bytes: 0 }
  /** What is stored has other columns than are declared, or lies elsewhere: the next epoch writes all there is. */
  private rewrites = false

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

  /**
   * Whether what it holds can go on in this form. @throws StateError ANB6016 with everything that does not fit
   */
  fits(form: StateForm): void {
    planEvolution(this.operator, this.options.form, form)
  }

  /** What it holds, in another form and in a table of that; nothing of it counts as changed. */
  goOnIn(form: StateForm, table: StateTable): OperatorState {
    const { table: held, form: from } = this.options
    const next = new OperatorState({ ...this.options, form, table })
    const evolve = next.evolution(from)
    const slots = held.presentSlots()
    for (let at = 0; at < slots.length; at += slotsAtOnce) {
      const some = slots.subarray(at, at + slotsAtOnce)
      const { state } = evolve({ state: held.gather(some).state })
      table.restore(some, { ...state, schema: table.schema }, null)
    }
    return next
  }

  /** Puts a stored block where it belongs; blocks come in the order in which the store gives them. */
  restore(block: StoredBlock): void {
    this.restoreRows(block.form, readBlock(block))
  }

  /** As `restore`, with rows that were read before, in this form. */
  restoreRows(form: StateForm, rows: StoredRows): void {
    const { index, table } = this.options
    const evolve = this.evolution(form)
    applyRows(index, table, evolve(rows))
    this.rewrites ||= evolve !== asStored
    this.restored.epoch = Math.max(this.restored.epoch, rows.epoch)
    this.restored.bytes += rows.bytes
  }

  /** The next epoch writes all there is, and nothing that was stored before counts any more. */
  rewrite(): void {
    this.rewrites = true
  }

  /** Slots that have state. */
  get presentSlots(): Int32Array {
    return this.options.table.presentSlots()
  }

  /**
   * What changed since the last cut, as blocks of up to a MiB, and a share of the state that did not, so that older blocks
   * go. Called at a complete cut; the bytes are copies.
   */
  take(epoch: number): readonly StateBlock[] {
    const { index, table } = this.options
    this.rebase ??= this.startRebase(epoch)
    if (this.rewrites) {
      this.rewrites = false
      table.takeDirty()
      return this.rebase.everything(table.presentSlots(), epoch)
    }
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
    const { operator, form } = this.options
    const name = JSON.stringify(stored)
    const evolve = this.known.get(name) ?? planEvolution(operator, stored, form, aliasesOf(form.state))
    this.known.set(name, evolve)
    return evolve
  }
}

/**
 * Operator state: the keyed state of one operator as the epochs see it. At a cut it answers what changed, as blocks; at a
 * start it takes stored blocks, oldest first, whatever columns they were written with.
 */
import { type Batch, type Memory, bitmapBytes } from '../batch/index.js'
import { invariant } from '../base/index.js'
import { type StateBlock } from './block.js'
import { type StateForm } from './block-schema.js'
import { DeltaWriter } from './delta.js'
import { type ColdChanges } from './cold.js'
import { type Evolve, aliasesOf, asStored, evolveThrough, planEvolution } from './evolve.js'
import { KeyDigest, type KeyDigestChange } from './key-digest.js'
import { type KeySlots } from './key-index.js'
import { Rebase } from './rebase.js'
import { type PackedRows } from './packed.js'
import { packedKeys } from './packed-keys.js'
import { type SavedRows, type StoredBlock, type StoredRows, applyRows, readBlock } from './restore.js'
import { decodeRows, encodeRows } from './row-codec.js'
import { Scratch } from './scratch.js'
import { type StateTable } from './state-table.js'

export interface OperatorStateOptions {
  /** Its stable id. */
  readonly operator: string
  readonly form: StateForm
  /** May be shared by the operators of a stage. */
  readonly index: KeySlots
  readonly table: StateTable
  readonly watch?: StateWatch
  /** Left out: no key is known yet. */
  readonly digest?: KeyDigest
  /** Where blocks lie until they are written; without, they are left to the garbage collector. */
  readonly memory?: Memory | undefined
}

/** Who knows which keys memory has no room for. */
export interface StateWatch {
  /**
   * These slots have what a block says.
   *
   * @param beyond the sums of their entries when the restore began; null: nobody looked
   */
  restored(slots: Int32Array, beyond: Uint32Array | null): void
  /** Their state is taken by a cut. */
  taken(slots: Int32Array): void
  /** Those of which a block may say what they have: their key is there, and what is stored of it was read. */
  known(slots: Int32Array): Int32Array
  /** Slots with keys that have an entry beyond memory as well. */
  doubled(): Int32Array
  /** Slots without state, in these key groups, whose entries beyond memory have still to go. */
  stale(first: number, last: number): Int32Array
}

/** Rows whose columns are in memory twice. */
const slotsAtOnce = 65_536

export class OperatorState {
  readonly operator: string
  private readonly digest: KeyDigest
  private readonly writer: DeltaWriter
  private readonly known = new Map<string, Evolve>()
  private rebase: Rebase | null = null
  /** What was restored: its newest epoch and its bytes. */
  private readonly restored = { epoch: 0, bytes: 0 }
  /** What is stored has other columns than are declared, or lies elsewhere: the next epoch writes all there is. */
  private rewrites = false

  constructor(private readonly options: OperatorStateOptions) {
    const { operator, form, index, table, memory } = options
    this.operator = operator
    this.digest = options.digest ?? new KeyDigest(form.keyGroups)
    this.writer = new DeltaWriter(operator, form, index, table, memory)
  }

  /**
   * Whether state that was stored in this form can be taken.
   *
   * @throws StateError ANB6016 with everything that does not fit.
   */
  accept(stored: StateForm): void {
    this.evolution(stored)
  }

  /** Whether rows in this form are as they are declared. */
  isOf(stored: StateForm): boolean {
    return this.evolution(stored) === asStored
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
    const next = new OperatorState({ ...this.options, form, table, digest: this.digest })
    const evolve = next.evolution(from)
    const slots = held.presentSlots()
    for (let at = 0; at < slots.length; at += slotsAtOnce) {
      const some = slots.subarray(at, at + slotsAtOnce)
      const { state } = evolve({ state: held.gather(some).state })
      table.restore(some, { ...state, schema: table.schema }, null)
    }
    return next
  }

  /** So many keys will be restored. */
  expect(keys: number): void {
    this.options.index.expect(keys)
  }

  /** Puts a stored block where it belongs; blocks come in the order in which the store gives them. */
  restore(block: StoredBlock): void {
    this.restoreRows(block.form, readBlock(block))
  }

  /** As `restore`, with rows that were read before, in this form. */
  restoreRows(form: StateForm, rows: StoredRows): void {
    const { index, table } = this.options
    const evolve = this.evolution(form)
    const slots = applyRows(index, table, evolve(rows))
    this.options.watch?.restored(slots, rows.beyond ?? null)
    this.rewrites ||= evolve !== asStored
    this.restored.epoch = Math.max(this.restored.epoch, rows.epoch)
    this.restored.bytes += rows.bytes
  }

  /** As `restoreRows`, of keys that memory has no room for: what is to be written beyond it, where nothing is of them. */
  goesBeyond(stored: StateForm, { keys, state, groups }: SavedRows, epoch: number): ColdChanges {
    const { operator, form } = this.options
    return {
      operator,
      form,
      epoch,
      groups,
      keys: packedKeys(keys, form.nullKeys),
      rows: encodeRows(this.evolution(stored)({ state }).state),
      gone: new Uint8Array(bitmapBytes(keys.rows)),
      before: new Uint32Array(keys.rows),
    }
  }

  /**
   * Counts the keys that were restored, in memory and beyond it: what epochs change is counted on from there. Answers a copy.
   *
   * @param beyond of the entries beyond memory; null: there are none.
   */
  countRestored(beyond: KeyDigest | null): KeyDigest {
    const { table, watch } = this.options
    this.count(table.presentSlots(), 1)
    if (watch !== undefined) this.count(watch.doubled(), -1)
    if (beyond !== null) this.digest.add(beyond)
    return this.digest.copy()
  }

  /** Which keys came and went, in the epochs that were taken since this was asked before; null: none. */
  takeKeys(): KeyDigestChange | null {
    return this.digest.takeChange(this.operator)
  }

  private count(slots: Int32Array, by: 1 | -1): void {
    const { index } = this.options
    for (let from = 0; from < slots.length; from += slotsAtOnce) {
      const some = slots.subarray(from, from + slotsAtOnce)
      this.digest.count(index.placesOf(some), by)
    }
  }

  /** The next epoch writes all there is, and nothing that was stored before counts any more. */
  rewrite(): void {
    this.rewrites = true
  }

  get form(): StateForm {
    return this.options.form
  }

  /** Slots that have state. */
  get presentSlots(): Int32Array {
    return this.options.table.presentSlots()
  }

  /**
   * What changed since the last cut, as blocks of up to a MiB, and a share of the state that did not, so that older blocks
   * go. Called at a complete cut; the bytes are copies.
   *
   * @param through afterwards no block that is still to come has to say what became of a slot (`holds`)
   */
  take(epoch: number, through = false): readonly StateBlock[] {
    const scratch = new Scratch(this.options.memory)
    const blocks = this.taken(epoch, through, scratch)
    scratch.release()
    return blocks
  }

  private taken(epoch: number, through: boolean, scratch: Scratch): readonly StateBlock[] {
    const { index, table } = this.options
    this.rebase ??= this.startRebase(epoch)
    const { watch, form } = this.options
    const { came, gone } = table.takeTurnover()
    this.count(came, 1)
    this.count(gone, -1)
    const dirty = table.takeDirty(scratch)
    watch?.taken(dirty)
    if (this.rewrites) {
      this.rewrites = false
      const slots = table.presentSlots()
      const stale = watch?.stale(0, form.keyGroups - 1) ?? new Int32Array(0)
      return this.rebase.everything(merged(slots, stale), epoch)
    }
    return this.rebase.blocks(dirty, {
      epoch,
      keys: index.size,
      through,
      scratch,
      present: span => {
        const slots = table.storedIn(index.groupOf, span, scratch)
        return merged(slots, watch?.stale(span.first, span.last) ?? new Int32Array(0))
      },
      ...(watch !== undefined && { known: slots => watch.known(slots) }),
    })
  }

  /** A block that is still to come says what became of this slot. */
  holds(slot: number): boolean {
    return this.options.table.isDirty(slot) || this.rebase?.holds(slot) === true
  }

  /** Restored state had other columns than are declared, and no epoch has the declared ones yet. */
  get evolves(): boolean {
    return this.rewrites
  }

  /** Puts rows from beyond memory where they belong, which were written in the first of these forms. They are not changed. */
  load(slots: Int32Array, forms: readonly StateForm[], rows: PackedRows): void {
    this.options.table.restore(slots, this.decoded(forms, rows), null)
  }

  /** Rows from beyond memory in the columns of the table. */
  decoded(forms: readonly StateForm[], rows: PackedRows): Batch {
    const [written, newest] = [forms[0], forms.at(-1)]
    invariant(written !== undefined && newest !== undefined, 'rows were written in a form')
    const stored = evolveThrough(this.operator, forms, decodeRows(written.state, rows))
    const { state } = this.evolution(newest)({ state: stored })
    return { ...state, schema: this.options.table.schema }
  }

  private startRebase(epoch: number): Rebase {
    const { form, index } = this.options
    return new Rebase(this.writer, form.keyGroups, {
      stateBytes: index.size * this.writer.rowBytes,
      since: Math.max(this.restored.epoch, epoch - 1),
      storedBytes: this.restored.bytes,
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

const merged = (slots: Int32Array, more: Int32Array): Int32Array =>
  more.length === 0 ? slots : Int32Array.from([...slots, ...more]).sort()

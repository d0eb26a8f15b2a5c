/** The states of the operators of one stage, and of their lists and maps, as the epochs see them: by the name of each in the store. */
import { invariant } from '../base/index.js'
import { type StateBlock } from './block.js'
import { type StateForm } from './block-schema.js'
import { type ColdChanges } from './cold.js'
import { type ColdRoom } from './cold-room.js'
import { type ColdSide } from './cold-side.js'
import { type EntryState } from './entry-state.js'
import { type KeyDigest, type KeyDigestChange } from './key-digest.js'
import { OperatorState } from './operator-state.js'
import { type SavedRows, type StoredRows } from './restore.js'

export interface PassingForm {
  /** As it is declared. */
  readonly form: StateForm
  readonly room: ColdRoom
}

export class OperatorStates {
  constructor(
    private states: readonly (OperatorState | EntryState)[],
    /** null: all state is in memory. */
    private readonly cold: ColdSide | null,
  ) {}

  private named(operator: string): OperatorState | EntryState | undefined {
    return this.states.find(state => state.operator === operator)
  }

  valuesOf(id: string): OperatorState {
    const found = this.named(id)
    invariant(found instanceof OperatorState, 'a keyed operator has values')
    return found
  }

  /** The values of an operator, and its lists and maps. */
  of(id: string): readonly (OperatorState | EntryState)[] {
    return this.states.filter(({ operator }) => operator === id || operator.startsWith(`${id}/`))
  }

  /** The values of an operator go on as others. */
  goOn(before: OperatorState, next: OperatorState): void {
    this.states = this.states.map(state => (state === before ? next : state))
  }

  /** Those of these whose names are new. */
  add(more: readonly EntryState[]): void {
    this.states = [...this.states, ...more.filter(({ operator }) => this.named(operator) === undefined)]
  }

  /** What changed since the last cut; `through` as `OperatorState.take` has it. */
  take(epoch: number, through: boolean): readonly StateBlock[] {
    return this.states.flatMap(state => state.take(epoch, through))
  }

  /** Which keys came and went with it. */
  takeKeys(): readonly KeyDigestChange[] {
    return this.states.flatMap(state => state.takeKeys() ?? [])
  }

  /** The keys of an operator, once all is restored; undefined: it is none of these. */
  countRestored(operator: string, beyond: KeyDigest | null): KeyDigest | undefined {
    return this.named(operator)?.countRestored(beyond)
  }

  /**
   * How rows of an operator may pass memory; null: it is none of these, all state is in memory, or what is stored in this form evolves:
   * what lies beyond memory before the first epoch must not be in columns that no epoch has.
   */
  passing(operator: string, stored: StateForm): PassingForm | null {
    const [state, { cold }] = [this.named(operator), this]
    return cold !== null && state?.isOf(stored) === true ? { form: state.form, room: cold.room } : null
  }

  /** So many keys of an operator will be restored, all of them in memory. */
  expect(operator: string, keys: number): void {
    this.named(operator)?.expect(keys)
  }

  /**
   * Takes what an epoch wrote of one operator, where it is one of these.
   *
   * @throws StateError ANB6016 where the declared columns cannot hold what was stored
   */
  restore(operator: string, form: StateForm, rows: StoredRows): void {
    this.named(operator)?.restoreRows(form, rows)
  }

  /** As `restore`, within the budget. Answers the rows that memory has no room for; null: none. */
  restoreWithin(operator: string, form: StateForm, rows: StoredRows): StoredRows | null {
    const state = this.named(operator)
    if (state === undefined) return null
    const { stays, goes } = this.cold?.admission.admitBlock(rows) ?? { stays: rows, goes: null }
    state.restoreRows(form, stays)
    return goes
  }

  /**
   * As `restore`, of a savepoint of this epoch. Answers the rows that memory has no room for, as what is to be written beyond it;
   * null: none.
   */
  admit(operator: string, form: StateForm, rows: SavedRows, epoch: number): ColdChanges | null {
    const state = this.named(operator)
    if (state === undefined) return null
    const { stays, goes } = this.cold?.admission.admit(operator, rows) ?? { stays: rows, goes: null }
    if (stays !== null) state.restoreRows(form, stays)
    return goes === null ? null : state.goesBeyond(form, goes, epoch)
  }

  /** Whether it takes what is stored of an operator in this form. @throws StateError ANB6016 */
  accept(operator: string, form: StateForm): void {
    const state = this.named(operator)
    if (state instanceof OperatorState) state.accept(form)
  }

  /** The next epoch writes all state that there is, of this operator or of all. */
  rewrite(operator: string | null): void {
    for (const state of this.states) if (operator === null || state.operator === operator) state.rewrite()
  }
}

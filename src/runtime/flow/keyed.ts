/**
 * The keyed side of a stage: which slot a row's key has, which lane owns it, and the state tables of its
 * operators. Routing resolves the slots once; everything after works on slot numbers.
 */
import { type Batch, type Memory, bitAt, select } from '../../batch/index.js'
import { type Schema, fieldNamed, schemaToJson } from '../../schema/index.js'
import {
  type ColdLack,
  type ColdPart,
  ColdSide,
  type CollectionChanges,
  Collections,
  Expiry,
  type GroupSpan,
  type Gathered,
  KeyIndex,
  KeyWalk,
  OperatorState,
  OperatorStates,
  type StateBlock,
  type StateClock,
  type StateForm,
  StateTable,
  type Written,
  declaredState,
  distinct,
  goesOnInPlace,
  slotsWithin,
  storedValues,
} from '../../state/index.js'
import { invariant } from '../../base/index.js'

export type NullKeys = 'dead-letter' | 'group' | 'drop'

export interface KeyedTerms {
  readonly columns: readonly string[]
  readonly nullKeys: NullKeys
  readonly keyGroups: number
  readonly lanes: number
  /** Id and state schema of each keyed operator, by its index in the stage. */
  readonly operators: ReadonlyMap<number, { readonly id: string; readonly state: Schema }>
  readonly input: Schema
  readonly clock: StateClock
  /** Bytes of memory for keys and state; null: all of it is in memory. */
  readonly budgetBytes: number | null
  /** As in `BeyondTerms`. */
  readonly entriesAtFirst?: number | undefined
  /** Where state lies on its way to the store. */
  readonly memory: Memory
}

/** What travels beside the rows of a keyed call, and what the reply's state is applied to. */
export interface Grouping {
  readonly uniq: Int32Array
  readonly index: Int32Array
  readonly order: Int32Array
  readonly starts: Int32Array
}

/** What a reply says of one operator's state: k rows. */
export interface NewState {
  readonly operator: number
  readonly state: Batch
  readonly clear: Uint8Array | null
  /** Of values that expire, which were written. */
  readonly written: Written
  /** What became of lists and maps; null where the operator keeps none. */
  readonly changes: CollectionChanges | null
}

/** Slots that are looked at for what has expired, each time something changes and a few times a second. */
const sweptAtOnce = 256

export class KeyedState {
  readonly keySchema: Schema
  readonly index: KeyIndex
  private readonly ofOperators: Map<number, StateTable>
  private readonly operators: Map<number, { readonly id: string; readonly state: Schema }>
  /** Lists and maps of the operators that keep some. */
  readonly collections: Map<number, Collections>
  /** null: all state is in memory. */
  readonly cold: ColdSide | null
  private readonly expiries: Map<number, Expiry>
  private readonly laneOfGroup: Uint16Array
  /** As the epochs see them. */
  readonly states: OperatorStates
  private readonly owner: Omit<StateForm, 'state'>

  constructor(private readonly terms: KeyedTerms) {
    this.keySchema = {
      fields: terms.columns.map(name => {
        const field = fieldNamed(terms.input, name)
        invariant(field !== undefined, `key column ${name} is in the stage's input`)
        return field
      }),
    }
    this.index = new KeyIndex({
      key: this.keySchema,
      keyGroups: terms.keyGroups,
      nullKeys: terms.nullKeys === 'group',
      dense: terms.budgetBytes !== null,
    })
    const operators = [...terms.operators].map(([at, { id, state }]) => ({ at, id, ...declaredState(state), state }))
    this.operators = new Map(terms.operators)
    this.ofOperators = new Map(operators.map(({ at, values }) => [at, new StateTable(storedValues(values))]))
    this.expiries = present(operators, ({ at, values }) => Expiry.of(this.table(at), values, terms.clock))
    this.collections = present(operators, ({ state }) => Collections.of(state, terms.clock))
    const owner = { key: this.keySchema, keyGroups: terms.keyGroups, nullKeys: terms.nullKeys === 'group' }
    this.owner = owner
    const { index } = this
    this.cold = terms.budgetBytes === null ? null : new ColdSide(index, terms.budgetBytes, operators.length)
    const parts: ColdPart[] = []
    const states = operators.flatMap(({ at, id: operator, values }, part) => {
      const form = { ...owner, state: storedValues(values) }
      const table = this.table(at)
      const watch = this.cold === null ? {} : { watch: this.cold.watch(part) }
      const ofValues = new OperatorState({ operator, form, index, table, memory: terms.memory, ...watch })
      parts.push({ form, table, state: ofValues, expiry: this.expiries.get(at) ?? null })
      const { entriesAtFirst } = terms
      const kept = { index, cold: this.cold, entriesAtFirst }
      return [ofValues, ...(this.collections.get(at)?.states(operator, owner, kept) ?? [])]
    })
    this.states = new OperatorStates(states, this.cold)
    this.cold?.use(parts, terms.clock)
    // Ranges of key groups, as even as they come: group g of G belongs to lane floor(g * lanes / G).
    this.laneOfGroup = Uint16Array.from({ length: terms.keyGroups }, (_, g) =>
      Math.floor((g * terms.lanes) / terms.keyGroups),
    )
  }

  /** By operator; with the times of what expires. */
  get tables(): ReadonlyMap<number, StateTable> {
    return this.ofOperators
  }

  /** Rows that may not be routed because a key column is null; null where there are none, or nulls are a group. */
  nullRows(batch: Batch): Int32Array | null {
    return this.terms.nullKeys === 'group' ? null : this.index.nullRows(select(batch, this.terms.columns))
  }

  route(batch: Batch): { readonly lanes: readonly Int32Array[]; readonly slots: Int32Array } {
    return this.index.route(select(batch, this.terms.columns), this.laneOfGroup, this.terms.lanes)
  }

  group(slots: Int32Array): Grouping {
    return distinct(slots)
  }

  /** Bytes that the keys and their state take. */
  get bytes(): number {
    const tables = [...this.tables.values(), ...this.collections.values()]
    return tables.reduce((n, table) => n + table.bytes, this.index.bytes)
  }

  /** The values of these keys, which go to a transform; new is who has nothing at all. `reads`: what is read may live anew. */
  gather(operator: number, uniq: Int32Array, memory?: Memory, reads = true): Gathered {
    const values = this.values(operator, uniq, reads, memory)
    const isNew = this.collections.get(operator)?.withoutEntries(uniq, values.isNew)
    return isNew === undefined ? values : { ...values, isNew }
  }

  private values(operator: number, uniq: Int32Array, reads: boolean, memory?: Memory): Gathered {
    const expiry = this.expiries.get(operator)
    return expiry === undefined ? this.table(operator).gather(uniq, memory) : expiry.gather(uniq, reads, memory)
  }

  /** What has to be known of these keys before a reply is applied, and is not. */
  lacksOfReply(uniq: Int32Array, replied: readonly NewState[]): readonly ColdLack[] {
    if (this.cold === null) return []
    return replied.flatMap(({ operator, changes, clear }) => {
      const collections = changes === null ? undefined : this.collections.get(operator)
      return changes === null ? [] : (collections?.lacksOfReply(this.declared(operator).id, uniq, changes, clear) ?? [])
    })
  }

  /** What has to be known of the keys of these rows before a call with them, and is not. */
  lacksOfRows(slots: Int32Array, rows: Batch): readonly ColdLack[] {
    if (this.cold === null) return []
    return [...this.collections].flatMap(([operator, collections]) => {
      const partly = collections.partlyOf(slots)
      if (partly.length === 0) return []
      // Whether a key is a new one only all of its entries can say, where it has no values and none that is known lives.
      const isNew = collections.withoutEntries(partly, this.values(operator, partly, false).isNew)
      const unsure = partly.filter((_, i) => bitAt(isNew, i) === 1)
      const id = this.declared(operator).id
      return [...collections.lacksAll(id, unsure), ...collections.lacksNamed(id, slots, rows)]
    })
  }

  /** As `lacksOfRows`, of a last call about these keys, which is given all. */
  lacksOfEnd(operator: number, slots: Int32Array): readonly ColdLack[] {
    if (this.cold === null) return []
    return this.collections.get(operator)?.lacksAll(this.declared(operator).id, slots) ?? []
  }

  /** What a reply says of these keys. */
  apply(uniq: Int32Array, { operator, state, clear, written, changes }: NewState): void {
    const expiry = this.expiries.get(operator)
    if (expiry === undefined) this.table(operator).apply(uniq, state, clear)
    else {
      const stamped = expiry.stamped(uniq, state, written)
      this.table(operator).apply(uniq, stamped, expiry.cleared(stamped, clear))
      expiry.sweep(sweptAtOnce)
    }
    if (changes !== null) this.collections.get(operator)?.apply(uniq, changes, clear)
  }

  /** What has expired of the next few keys goes: where no row comes, nothing else would take it away. */
  sweep(): void {
    for (const expiry of this.expiries.values()) expiry.sweep(sweptAtOnce)
    for (const collections of this.collections.values()) collections.sweep()
  }

  /** Some state changed since the last cut. */
  get isDirty(): boolean {
    for (const table of this.ofOperators.values()) if (table.dirtyRows > 0) return true
    for (const collections of this.collections.values()) if (collections.isDirty) return true
    return this.cold?.hollow.tellsAll === true
  }

  /** Nothing but values that stay. */
  get isPlain(): boolean {
    return this.expiries.size === 0 && this.collections.size === 0
  }

  /** State that changed since the last cut, of all operators. */
  takeDirty(epoch: number): readonly StateBlock[] {
    return this.states.take(epoch, this.cold?.hollow.takeTellsAll() ?? false)
  }

  /**
   * Whether an operator may go on with these state columns, where its state is.
   *
   * @throws StateError ANB6016
   */
  fits(operator: number, to: Schema): void {
    if (this.keeps(operator, to)) return
    const { id, state } = this.declared(operator)
    const staysInPlace = this.cold === null && goesOnInPlace(state, to)
    invariant(
      staysInPlace,
      'state whose lists, maps or times change, or that may be beyond memory, changes behind the last epoch',
    )
    this.states.valuesOf(id).fits(this.formOf(to))
  }

  /** The operator goes on with these state columns, which fit: lists and maps that it has stay as they are. */
  redeclare(operator: number, to: Schema): void {
    if (this.keeps(operator, to)) return
    const { id, state } = this.declared(operator)
    const { clock } = this.terms
    if (!sameSchema(declaredState(state).values, declaredState(to).values)) this.layOut(operator, to)
    const collections = Collections.of(to, clock, this.collections.get(operator))
    if (collections !== null) this.collections.set(operator, collections)
    this.states.add(collections?.states(id, this.owner, { index: this.index, cold: null }) ?? [])
    this.operators.set(operator, { id, state: to })
  }

  /** The values of an operator are laid out anew. */
  private layOut(operator: number, to: Schema): void {
    const form = this.formOf(to)
    const table = new StateTable(form.state)
    const before = this.states.valuesOf(this.declared(operator).id)
    const next = before.goOnIn(form, table)
    // A column that went and came again would else have what was stored before it went.
    next.rewrite()
    this.states.goOn(before, next)
    this.ofOperators.set(operator, table)
    const expiry = Expiry.of(table, declaredState(to).values, this.terms.clock)
    if (expiry !== null) this.expiries.set(operator, expiry)
  }

  private keeps(operator: number, to: Schema): boolean {
    return sameSchema(this.declared(operator).state, to)
  }

  private formOf(state: Schema): StateForm {
    return { ...this.owner, state: storedValues(declaredState(state).values) }
  }

  private declared(operator: number): { readonly id: string; readonly state: Schema } {
    const known = this.operators.get(operator)
    invariant(known !== undefined, 'a keyed operator declares its state')
    return known
  }

  table(operator: number): StateTable {
    const table = this.tables.get(operator)
    invariant(table !== undefined, 'operator has a state table')
    return table
  }

  /** A walk through the keys of a lane that have state of this operator. */
  walk(operator: number, lane: number): KeyWalk {
    const { index, laneOfGroup, cold } = this
    const groups = { first: laneOfGroup.indexOf(lane), last: laneOfGroup.lastIndexOf(lane) }
    const { id } = this.declared(operator)
    return new KeyWalk(index, {
      layers: this.states.of(id),
      groups,
      inMemory: index.sortedByGroup(groups.first < 0 ? new Int32Array(0) : this.slotsIn(operator, groups)),
      looksBeyond: groups.first >= 0 && cold?.looksBeyond === true,
    })
  }

  /** Keys in memory that have values of this operator, or entries of its lists and maps alone. */
  private slotsIn(operator: number, groups: GroupSpan): Int32Array {
    const { groupOf, slots } = this.index
    const collections = this.collections.get(operator)
    const table = this.table(operator)
    if (collections === undefined) return table.presentIn(groupOf, groups)
    return slotsWithin(groupOf, slots, groups).filter(slot => table.present(slot) || collections.has(slot))
  }

  /** Those of these keys that have state of this operator which has not expired, by key group and key. */
  living(operator: number, slots: Int32Array): Int32Array {
    const { index } = this
    if (!this.expiries.has(operator))
      return index.sortedByGroup(slots.filter(slot => this.table(operator).present(slot)))
    const { isNew } = this.gather(operator, slots, undefined, false)
    return index.sortedByGroup(slots.filter((_, i) => bitAt(isNew, i) === 0))
  }

  keysOf(slots: Int32Array): Batch {
    return this.index.keysOf(slots)
  }
}

const sameSchema = (one: Schema, other: Schema): boolean =>
  JSON.stringify(schemaToJson(one)) === JSON.stringify(schemaToJson(other))

/** What `make` makes of operators, by their index; null is nothing. */
function present<T extends { readonly at: number }, V>(
  operators: readonly T[],
  make: (operator: T) => V | null,
): Map<number, V> {
  return new Map(
    operators.flatMap(operator => {
      const made = make(operator)
      return made === null ? [] : [[operator.at, made] as const]
    }),
  )
}

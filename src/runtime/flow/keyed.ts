/**
 * The keyed side of a stage: which slot a row's key has, which lane owns it, and the state tables of its
 * operators. Routing resolves the slots once; everything after works on slot numbers.
 */
import { type Batch, select } from '../../batch/index.js'
import { type Schema, fieldNamed } from '../../schema/index.js'
import {
  Collections,
  KeyIndex,
  OperatorState,
  type StateBlock,
  StateTable,
  type StoredBlock,
  declaredState,
  distinct,
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
}

/** What travels beside the rows of a keyed call, and what the reply's state is applied to. */
export interface Grouping {
  readonly uniq: Int32Array
  readonly index: Int32Array
  readonly order: Int32Array
  readonly starts: Int32Array
}

export class KeyedState {
  readonly keySchema: Schema
  readonly index: KeyIndex
  readonly tables: ReadonlyMap<number, StateTable>
  /** Lists and maps of the operators that keep some. */
  readonly collections: ReadonlyMap<number, Collections>
  private readonly laneOfGroup: Uint16Array
  private readonly states: readonly OperatorState[]

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
    })
    const operators = [...terms.operators].map(([at, { id, state }]) => ({ at, id, ...declaredState(state), state }))
    this.tables = new Map(operators.map(({ at, values }) => [at, new StateTable(values)]))
    this.collections = new Map(
      operators.flatMap(({ at, state }) => {
        const collections = Collections.of(state)
        return collections === null ? [] : [[at, collections] as const]
      }),
    )
    this.states = operators.map(({ at, id: operator, values: state }) => {
      const { keyGroups } = terms
      const form = { key: this.keySchema, state, keyGroups, nullKeys: terms.nullKeys === 'group' }
      return new OperatorState({ operator, form, index: this.index, table: this.table(at) })
    })
    // Ranges of key groups, as even as they come: group g of G belongs to lane floor(g * lanes / G).
    this.laneOfGroup = Uint16Array.from({ length: terms.keyGroups }, (_, g) =>
      Math.floor((g * terms.lanes) / terms.keyGroups),
    )
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
    return [...this.tables.values()].reduce((n, table) => n + table.bytes, this.index.bytes)
  }

  /** State that changed since the last cut, of all operators. */
  takeDirty(epoch: number): readonly StateBlock[] {
    return this.states.flatMap(state => state.take(epoch))
  }

  /**
   * Takes what an epoch wrote of one operator, where it is one of this stage.
   *
   * @throws StateError ANB6016 where the declared columns cannot hold what was stored, ANB6010 where the block is damaged
   */
  restore(block: StoredBlock): void {
    this.states.find(state => state.operator === block.operator)?.restore(block)
  }

  table(operator: number): StateTable {
    const table = this.tables.get(operator)
    invariant(table !== undefined, 'operator has a state table')
    return table
  }

  /** Keys of a lane that have state of this operator, in the order of their key bytes. */
  keysOfLane(operator: number, lane: number): Int32Array {
    const mine = this.table(operator)
      .presentSlots()
      .filter(slot => this.laneOfGroup[this.index.groupOf[slot] ?? 0] === lane)
    return this.index.sorted(mine)
  }

  keysOf(slots: Int32Array): Batch {
    return this.index.keysOf(slots)
  }
}

export const takeSlots = (slots: Int32Array, rows: Int32Array): Int32Array => {
  const out = new Int32Array(rows.length)
  for (let i = 0; i < rows.length; i += 1) out[i] = slots[rows[i] ?? 0] ?? 0
  return out
}

/** Rows 0..n-1 without those listed (ascending). */
export function without(n: number, rows: Int32Array): Int32Array {
  const left = new Int32Array(n - rows.length)
  let at = 0
  let next = 0
  for (let i = 0; i < n; i += 1)
    if (next < rows.length && rows[next] === i) next += 1
    else {
      left[at] = i
      at += 1
    }
  return left
}

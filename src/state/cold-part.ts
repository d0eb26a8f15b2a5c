/** What the cold side of a stage is made of, and what it asks and answers. */
import { type Column } from '../batch/index.js'
import { type ColdChanges, type ColdQuestion } from './cold.js'
import { type StateForm } from './block-schema.js'
import { type Expiry } from './expiry.js'
import { type OperatorState } from './operator-state.js'
import { type StateTable } from './state-table.js'

/** One operator of the stage. */
export interface ColdPart {
  readonly form: StateForm
  readonly table: StateTable
  readonly state: OperatorState
  /** null: nothing of it expires. */
  readonly expiry: Expiry | null
}

/** Keys that have to be in memory, and what has to be read for that. */
export interface ColdAsk {
  readonly slots: Int32Array
  readonly question: ColdQuestion
  /** Of each operator of the question the slots whose values memory has: they stay as they are. */
  readonly known: readonly ReadonlySet<number>[]
  /** Keys that stay in memory until it is there. */
  readonly staying: Int32Array
  /** Of each list or map of the question the entries that it names. */
  readonly named: readonly (NamedEntries | null)[]
}

/** Entries by their owners and their own keys. */
export interface NamedEntries {
  readonly owners: Int32Array
  readonly keys: Column
}

/** What is needed and not known of a list or map. */
export interface ColdLack {
  readonly operator: string
  /** All that these keys have. */
  readonly slots: Int32Array
  readonly named: NamedEntries | null
}

/** What has expired beyond memory: keys of an operator, or entries of a list or map, each with the slot of its owner. */
export interface ColdExpired {
  readonly operator: string
  readonly slots: Int32Array
  /** Their own keys; null: they have none. */
  readonly keys: Column | null
}

/** What is to be written beyond memory; the sums of what was written come back with it. */
export interface Leaving {
  readonly slots: Int32Array
  readonly changes: readonly ColdChanges[]
  /** Of each of the changes: takes its sums, and answers how many more entries there are. */
  readonly of: readonly ((sums: Uint32Array) => number)[]
}

/** What an operator sees of it. */
export interface ColdReport {
  readonly budgetBytes: number
  /** In memory. */
  readonly keys: number
  /** Beyond memory; a key that came back has its entry until it is another one. */
  readonly entries: number
}

/** What is to be written of an operator, or of a list or map of it. */
export interface ColdWrite {
  readonly changes: ColdChanges
  /** Takes their sums, and answers how many more entries there are. */
  readonly written: (sums: Uint32Array) => number
}

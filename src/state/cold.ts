/** What goes to and comes from the place for state beyond memory: see stores/cold-store.ts. */
import { type StateForm } from './block-schema.js'

/** One key, as it is asked for. */
export interface ColdKey {
  readonly group: number
  readonly key: Uint8Array
}

export interface ColdRow {
  readonly form: StateForm
  readonly epoch: number
  readonly row: Uint8Array
  /** Of the whole entry; never 0. Who writes the key again says it. */
  readonly sum: number
}

/** What becomes of one entry. */
export interface ColdChange extends ColdKey {
  readonly operator: string
  readonly form: StateForm
  readonly epoch: number
  /** null: the key has no state any more, and the entry goes. */
  readonly row: Uint8Array | null
  /** The sum of the entry that is there; 0 where none is. */
  readonly before: number
}

/** Keys of one stage that memory knows nothing of, and the operators whose state they may have. */
export interface ColdQuestion {
  readonly operators: readonly string[]
  readonly keys: readonly ColdKey[]
}

/** For each operator a row a key; null: it has no state. */
export type ColdAnswer = readonly (readonly (ColdRow | null)[])[]

/** What goes to and comes from the place for state beyond memory, many keys at once: see stores/cold-store.ts. */
import { type StateForm } from './block-schema.js'
import { type GroupSpan } from './slots-by-group.js'
import { type PackedRows } from './packed.js'

/** Keys as they lie beyond memory. Reads and writes of many are quicker by key group, then by their bytes. */
export interface ColdKeys {
  readonly groups: Uint16Array
  readonly keys: PackedRows
}

/** Keys of one stage of which memory knows nothing, or not all that is needed. */
export interface ColdQuestion extends ColdKeys {
  /** Whose values they may have, an entry a key. */
  readonly operators: readonly string[]
  /** Lists and maps that they may have, some entries a key. */
  readonly collections: readonly CollectionQuestion[]
}

/** How much of a list or map is read: all of it, the last item, from which its numbers count on, so many entries or fewer, none. */
export type Reach = 'all' | 'last' | 'none' | number

export interface CollectionQuestion {
  readonly operator: string
  /** Of each of the keys. */
  readonly reach: Reach
  /** Entries by their whole keys, of whichever keys. */
  readonly named: ColdKeys | null
}

/** Entries of one operator, without their state. */
export interface ColdHeads {
  /** Which of the keys that were asked for. */
  readonly at: Int32Array
  /** Of the whole entry; never 0. Who writes the key again says it. */
  readonly sums: Uint32Array
  readonly epochs: Float64Array
}

/** Entries of one operator that were written in one form. */
export interface ColdRows extends ColdHeads {
  /** That form, and all that the operator had since then. */
  readonly forms: readonly StateForm[]
  /** Their state (row-codec.ts). */
  readonly rows: PackedRows
}

/** Entries of a list or map: `at` says of which of the keys that were asked for. */
export interface ColdItems extends ColdRows {
  /** The whole key of each: that of its owner, then its own. */
  readonly keys: PackedRows
}

/** What was found of a list or map, by form. */
export interface CollectionAnswer {
  readonly found: readonly ColdItems[]
  /** Which of the keys that were asked for may have more. */
  readonly more: Int32Array
  /** `at` says which of the entries that were named. */
  readonly named: readonly ColdRows[]
}

/** What was found, by form. */
export interface ColdAnswer {
  /** For each operator. */
  readonly values: readonly (readonly ColdRows[])[]
  /** For each list or map. */
  readonly items: readonly CollectionAnswer[]
}

/** Entries of one operator as they lie, from a place on. */
export interface ColdPlace {
  readonly operator: string
  readonly groups: GroupSpan
  /** What the page before said; null: from the first one on. */
  readonly from: Uint8Array | null
  readonly entriesMax: number
}

/** Entries that lie together. */
export interface ColdEntries extends ColdKeys {
  /** By form; `at` counts the keys. */
  readonly found: readonly ColdRows[]
}

export interface ColdPage extends ColdEntries {
  /** Where the next entries are; null: these were the last ones. */
  readonly next: Uint8Array | null
}

/** What becomes of entries of one operator. */
export interface ColdChanges extends ColdKeys {
  readonly operator: string
  readonly form: StateForm
  /** At whose end the keys have this state. */
  readonly epoch: number
  readonly rows: PackedRows
  /** Bitmap: 1 where the key has no state any more, and the entry goes. */
  readonly gone: Uint8Array
  /** The sums of the entries that are there; 0 where none is. */
  readonly before: Uint32Array
}

/** Base: what a run goes on from, the last epoch of a store or a savepoint. */
import { type KeyDigest, type SavedRows, type StateForm, type StoredRows, readBlock } from '../state/index.js'
import { type Snapshot } from '../state/stores/index.js'
import { type EpochRecord, decodeRecord } from './record.js'

export interface StoredState {
  readonly operator: string
  readonly form: StateForm
  /** Those that are stored; of a store older ones of the same key too. */
  readonly rows: number
}

export interface Base {
  readonly record: EpochRecord
  readonly operators: readonly StoredState[]
  /** The keys that there are, by operator; null: a version wrote it that did not count them. */
  readonly digests: ReadonlyMap<string, KeyDigest> | null
  /** For people. */
  readonly place: string
  /** The rows of an operator, in the order in which they are applied. */
  restore(
    operator: string,
    into: (form: StateForm, rows: StoredRows) => Promise<void> | void,
    options?: { readonly hot?: boolean },
  ): Promise<void>
  /** As `restore`, of a savepoint; null: of a store, which may have older rows of a key too. */
  readonly saved:
    | ((operator: string, into: (form: StateForm, rows: SavedRows) => Promise<void> | void) => Promise<void>)
    | null
  /** The rows that lie beyond memory alone, some at a time; those of `hot` are newer. */
  restoreBeyond(operator: string, into: (form: StateForm, rows: StoredRows) => Promise<void> | void): Promise<void>
  /** Rows that lie beyond memory, and may stay there: `hot` leaves them out. */
  coldRowsOf(operator: string): number
  /** Nobody reads it any more. */
  release(): void
}

/** @throws StateError ANB6101 where the record cannot be read */
export const baseOf = (snapshot: Snapshot): Base => ({
  record: decodeRecord(snapshot.bytes),
  operators: snapshot.operators.filter(({ rows }) => rows > 0),
  digests: snapshot.digests,
  place: snapshot.path,
  restore: (operator, into, options) =>
    snapshot.restore(operator, block => into(block.form, readBlock(block)), options),
  saved: null,
  restoreBeyond: (operator, into) => snapshot.restoreBeyond(operator, block => into(block.form, readBlock(block))),
  coldRowsOf: operator => snapshot.coldRowsOf(operator),
  release: () => snapshot.release(),
})

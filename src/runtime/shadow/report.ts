/** What a shadow is asked for, and what it answers: plain JSON, as of a status. */
import { type AnabranchError } from '../../base/index.js'
import { type Json } from '../../batch/index.js'

export interface ShadowRequest {
  /** The module with the new code, from the job's folder or absolute; null: what the file of the running one holds now. */
  readonly module: string | null
  /** Only this operator; null: all that have a function of the module. */
  readonly operator: string | null
  /** It is over after so many epochs, compared rows or seconds, whichever is first; null: no such limit, but 30 seconds. */
  readonly epochs: number | null
  readonly rows: number | null
  readonly seconds: number | null
  /** Part of the larger number by which floats may differ; null: 0. */
  readonly tolerance: number | null
}

/** Of one row or key: the columns that it was called with, and what each code made of it. */
export interface ShadowExample {
  readonly of: Readonly<Record<string, Json>>
  readonly old: Json
  readonly new: Json
}

export interface ShadowColumn {
  readonly column: string
  /** Rows, or keys of state, that differ. */
  readonly differ: number
  readonly examples: readonly ShadowExample[]
}

/** Rows of an output, or the state of an operator after a call. */
export interface ShadowTable {
  readonly kind: 'rows' | 'side' | 'state'
  /** Of the side output or the operator; of rows that of the stage. */
  readonly name: string
  /** Rows, or keys, that both have. */
  readonly compared: number
  /** Those that only the running code gave, or whose state it alone kept. */
  readonly missing: number
  readonly more: number
  readonly columns: readonly ShadowColumn[]
  /** Columns that only the new code declares; that only the running one does; that both do, with another type. */
  readonly added: readonly string[]
  readonly gone: readonly string[]
  readonly retyped: readonly string[]
}

/** Calls that the new code did not answer, and the running one did. */
export interface ShadowFailure {
  readonly class: string
  readonly code: string
  readonly operator: string
  readonly message: string
  readonly traceback: string
  readonly calls: number
  /** In those calls. */
  readonly rows: number
}

/** One worker call of the job: its operators are compared together. */
export interface ShadowStage {
  readonly stage: string
  /** Rows that the running code was given meanwhile. */
  readonly rowsSeen: number
  /** Those of them that both codes answered. */
  readonly rowsCompared: number
  readonly tables: readonly ShadowTable[]
  /** Rows that became dead letters: in both, in the running code alone, in the new code alone; and why, in the new. */
  readonly dead: {
    readonly both: number
    readonly onlyOld: number
    readonly onlyNew: number
    readonly reasons: Readonly<Record<string, number>>
  }
  readonly failures: readonly ShadowFailure[]
  /** Calls that the running code did not answer, and the new one did. */
  readonly failedOnlyInOld: number
  /** Microseconds in the functions, by the row; null where nothing was compared. */
  readonly usPerRow: { readonly old: number; readonly new: number } | null
}

export interface ShadowReport {
  /** `nothing`: no row was compared. */
  readonly verdict: 'equal' | 'different' | 'nothing'
  /** Why it was over: what was asked for is done; the job, or its code, changed; another one took its place; its worker was lost too often. */
  readonly ended: 'done' | 'job' | 'swap' | 'replaced' | 'lost'
  readonly seconds: number
  readonly rowsSeen: number
  readonly rowsCompared: number
  /** How often its worker was lost. */
  readonly losses: number
  readonly stages: readonly ShadowStage[]
  /** Why a swap to this code would be refused; null: nothing that it declares speaks against one. */
  readonly swap: AnabranchError['json'] | null
}

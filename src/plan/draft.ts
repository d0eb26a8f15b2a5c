/**
 * Drafts: what the methods of a stream wrote down, before anything is checked. Immutable, and linked upwards only:
 * a draft knows what it reads, never who reads it, so that one stream can be used many times.
 */
import { type SinkConnector, type SourceConnector } from './nodes.js'
import { type CheckOptions } from './contracts.js'
import { type ModuleLike } from './functions.js'
import { type WrongOption } from './connectors.js'
import { type CallPlace } from './place.js'

interface Drafted {
  readonly place: CallPlace | null
  /** Given by the user; null: chosen when the plan is made. */
  readonly id: string | null
}
export interface DraftEdge {
  readonly draft: Draft
  /** Name of a side output; null: the main output. */
  readonly side: string | null
}
export interface SourceDraft extends Drafted {
  readonly kind: 'source'
  readonly connector: SourceConnector
  readonly wrong: readonly WrongOption[]
}
export interface PythonDraft extends Drafted {
  readonly kind: 'python'
  readonly input: DraftEdge
  readonly method: 'apply' | 'filter' | 'flatMap' | 'check'
  /** Checked when the plan is made: plain JavaScript may pass anything. */
  readonly fn: unknown
  /** For `check`. */
  readonly check: CheckOptions
}
export interface KeyDraft extends Drafted {
  readonly kind: 'key'
  readonly input: DraftEdge
  readonly columns: readonly string[]
  readonly nullKeys: 'dead-letter' | 'group' | 'drop'
}
export interface SelectDraft extends Drafted {
  readonly kind: 'select'
  readonly input: DraftEdge
  readonly columns: readonly { readonly from: string; readonly to: string }[]
}
export interface UnionDraft extends Drafted {
  readonly kind: 'union'
  readonly inputs: readonly DraftEdge[]
}
export interface SinkDraft extends Drafted {
  readonly kind: 'sink'
  readonly input: DraftEdge
  readonly connector: SinkConnector
  readonly wrong: readonly WrongOption[]
  /** The module of a `@sink` of Python. */
  readonly from: ModuleLike | null
}
export type Draft = SourceDraft | PythonDraft | KeyDraft | SelectDraft | UnionDraft | SinkDraft

export function draftInputs(draft: Draft): readonly DraftEdge[] {
  if (draft.kind === 'source') return []
  return draft.kind === 'union' ? draft.inputs : [draft.input]
}

/**
 * Errors: the class says what the runtime does next, the code never changes, the wording may.
 *
 * An error has a message of one line (what was expected, what came), a detail of whole sentences and a
 * hint that the reader can follow now. Programming mistakes are `invariant()` failures or `TypeError`;
 * they have no code and nobody catches them.
 */
import { type ErrorCode, catalogue } from './catalogue.js'

export interface ErrorParts {
  readonly detail?: string
  readonly hint?: string
  readonly cause?: unknown
}

const classes = [
  'PlanError',
  'TransformError',
  'TransientError',
  'ContractError',
  'WorkerError',
  'ConnectorError',
  'ProtocolError',
  'StateError',
  'AccessError',
] as const

/** The nine classes; each names one reaction of the runtime (DESIGN 11). */
export type ErrorClass = (typeof classes)[number]
export const errorClasses: ReadonlySet<string> = new Set(classes)

export abstract class AnabranchError extends Error {
  abstract readonly class: ErrorClass
  readonly code: ErrorCode
  readonly detail: string
  hint: string

  constructor(code: ErrorCode, message: string, parts: ErrorParts = {}) {
    super(message, parts.cause === undefined ? undefined : { cause: parts.cause })
    this.code = code
    this.detail = parts.detail ?? ''
    this.hint = parts.hint ?? catalogue[code].hint
  }

  override get name(): string {
    return this.class
  }

  /** Standing hints say DIR, where nobody knows it; whoever knows the output folder says so here. */
  nameFolder(path: string): this {
    this.hint = this.hint.replace(/\bDIR\b/g, () => path)
    return this
  }

  /** As data, for whoever cannot hold an object of this process. */
  get json(): Readonly<Record<'class' | 'code' | 'message' | 'detail' | 'hint', string>> {
    const { code, message, detail, hint } = this
    return { class: this.class, code, message, detail, hint }
  }

  /** The three lines that a person reads. */
  render(): string {
    const lines = [`${this.code} ${this.message}`]
    if (this.detail) lines.push(`  detail: ${this.detail.replaceAll('\n', '\n          ')}`)
    if (this.hint) lines.push(`  hint:   ${this.hint.replaceAll('\n', '\n          ')}`)
    return lines.join('\n')
  }
}

/** One fault of a plan; a `PlanError` lists all of them. */
export interface PlanFault {
  readonly code: ErrorCode
  readonly message: string
  /** Where: `operator "enrich"`, `job.ts:18`, ... */
  readonly place: string
  readonly hint: string
}

/** The job is wrong: refuses to start and lists all faults. */
export class PlanError extends AnabranchError {
  readonly class = 'PlanError' as const
  readonly faults: readonly PlanFault[]

  constructor(code: ErrorCode, message: string, parts: ErrorParts & { readonly faults?: readonly PlanFault[] } = {}) {
    super(code, message, parts)
    this.faults = parts.faults ?? []
  }

  override render(): string {
    if (this.faults.length === 0) return super.render()
    const one = (f: PlanFault): string => `${f.code} ${f.message}\n  at:     ${f.place}\n  hint:   ${f.hint}`
    return [super.render(), ...this.faults.map(one)].join('\n')
  }
}

/** User code failed on data: bisected to its rows, dead letters, the rest goes on. */
export class TransformError extends AnabranchError {
  readonly class = 'TransformError' as const
}
/** What a transform calls is away: the lane is held with backoff. */
export class TransientError extends AnabranchError {
  readonly class = 'TransientError' as const
}
/** User code answered with other columns, types or counts than it declared: stops the job. */
export class ContractError extends AnabranchError {
  readonly class = 'ContractError' as const
}
/** A process was lost, hung or too big: replaced, and the batch sent again. */
export class WorkerError extends AnabranchError {
  readonly class = 'WorkerError' as const
}
/** An outside system refused or vanished. */
export class ConnectorError extends AnabranchError {
  readonly class = 'ConnectorError' as const
}
/** The two sides disagree about bytes. */
export class ProtocolError extends AnabranchError {
  readonly class = 'ProtocolError' as const
}
/** Stored data cannot be read or written. */
export class StateError extends AnabranchError {
  readonly class = 'StateError' as const
}
/** The caller may not. Named for those who catch by class. @public */
export class AccessError extends AnabranchError {
  readonly class = 'AccessError' as const
}

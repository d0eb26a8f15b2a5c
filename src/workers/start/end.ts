/**
 * The end of a process, as a typed error that says what a person can do. Pure.
 */
import {
  type AnabranchError,
  type ErrorCode,
  PlanError,
  ContractError,
  TransformError,
  WorkerError,
  catalogue,
} from '../../base/index.js'
import { limitIn } from '../limits.js'
import { type LostBecause } from './contract.js'

export interface Ending {
  readonly incarnation: number
  readonly because: LostBecause
  readonly code: number | null
  readonly signal: string | null
  readonly wasReady: boolean
  readonly stderr: string
  readonly startTimeoutMs: number
  readonly python: string
  readonly failed: Readonly<Record<string, unknown>> | null
}

export function errorOfEnd(end: Ending): AnabranchError | null {
  const detail = end.stderr === '' ? '' : `it printed last:\n${end.stderr}`
  const who = `worker ${end.incarnation}`
  switch (end.because) {
    case 'stopped':
    case 'killed':
      return null
    case 'refused':
      return errorOfRefusal(end, detail)
    case 'start-timeout':
      return new WorkerError('ANB3003', `expected ${who} to be ready after ${end.startTimeoutMs} ms, it was not`, {
        detail,
        hint: 'a module or a resource may take long to load: raise startTimeout, or read what it printed',
      })
    case 'heartbeat':
      return new WorkerError('ANB3006', `expected ${who} to answer heartbeats, its process stands still`, { detail })
    case 'disconnect':
    case 'protocol':
      return new WorkerError('ANB3001', `expected ${who} to hold its connection, it broke while the process lived`, {
        detail,
      })
    case 'exit':
      return end.wasReady
        ? new WorkerError('ANB3001', `expected ${who} to go on, its process ended with ${howItEnded(end)}`, { detail })
        : errorOfStart(end, detail)
  }
}

/** `SIGSEGV`, or `exit code 1`. */
export function howItEnded(end: { readonly code: number | null; readonly signal: string | null }): string {
  return end.signal ?? `exit code ${end.code ?? 'unknown'}`
}

function errorOfStart(end: Ending, detail: string): AnabranchError {
  if (end.code === 127 && /\bENOENT\b/.test(end.stderr)) {
    return new WorkerError('ANB8001', `expected a Python interpreter at ${end.python}, there is none`, { detail })
  }
  const limit = end.code === 127 ? limitIn(end.stderr) : null
  if (limit !== null)
    return new WorkerError('ANB8004', `could not start worker ${end.incarnation}: ${end.stderr}`, limit)
  return new WorkerError('ANB3003', `expected worker ${end.incarnation} to start, it ended with ${howItEnded(end)}`, {
    detail,
  })
}

/** The worker said itself why it cannot open: a module that does not import, a stage that it does not know. */
function errorOfRefusal(end: Ending, detail: string): AnabranchError {
  const failed = end.failed ?? {}
  const message = `${String(failed['type'] ?? 'error')}: ${String(failed['message'] ?? 'no message')}`
  const parts = { detail: String(failed['traceback'] ?? '') || detail }
  const code = (fallback: ErrorCode): ErrorCode => {
    const came = failed['code']
    return typeof came === 'string' && isCode(came) ? came : fallback
  }
  switch (failed['class']) {
    case 'ContractError':
      return new ContractError(code('ANB2101'), message, parts)
    case 'TransformError':
      return new TransformError(code('ANB2001'), message, parts)
    case 'PlanError':
      return new PlanError(code('ANB1020'), message, parts)
    default:
      return new WorkerError(code('ANB3003'), message, parts)
  }
}

function isCode(text: string): text is ErrorCode {
  return Object.hasOwn(catalogue, text)
}

/** FAILED, read: the ERROR table of a reply as a `Failure`. What a worker says is checked like everything else. */
import {
  type AnabranchError,
  type ErrorClass,
  type ErrorCode,
  PlanError,
  ProtocolError,
  catalogue,
  errorClasses,
} from '../../base/index.js'
import { Table, type TableView } from '../../transport/index.js'
import { type LostReason } from '../../workers/index.js'
import { type Failure, type Loss } from '../fault/index.js'

const isClass = (text: string): text is ErrorClass => errorClasses.has(text)
const isCode = (text: string): text is ErrorCode => Object.hasOwn(catalogue, text)

/** @throws ProtocolError where the table is missing or is no failure. */
export function failureOf(tables: readonly TableView[]): Failure {
  const found = tables.find(t => t.kind === Table.error)
  if (found === undefined) throw new ProtocolError('ANB5001', 'expected an error in a FAILED, got none')
  let json: unknown
  try {
    json = JSON.parse(new TextDecoder().decode(found.bytes))
  } catch (cause) {
    throw new ProtocolError('ANB5001', 'expected JSON in a FAILED, got something else', { cause })
  }
  return failureFrom(typeof json === 'object' && json !== null ? Object.fromEntries(Object.entries(json)) : {})
}

export function failureFrom(json: Readonly<Record<string, unknown>>): Failure {
  const text = (name: string): string => {
    const value = json[name]
    return typeof value === 'string' ? value : ''
  }
  const amount = (name: string): number | null => {
    const value = json[name]
    return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : null
  }
  const code = text('code')
  const name = text('class')
  if (!isClass(name) || !isCode(code))
    throw new ProtocolError('ANB5001', `expected an error class and a code of ours in a FAILED, got ${name} ${code}`)
  return {
    class: name,
    code,
    type: text('type'),
    message: text('message'),
    traceback: text('traceback'),
    operator: amount('operator') ?? 0,
    retryAfterMs: amount('retryAfterMs'),
    ...(text('hint') !== '' && { hint: text('hint') }),
  }
}

/** A start that fails for these fails always. */
const hopeless: ReadonlySet<string> = new Set(['ANB5002', 'ANB8001', 'ANB8002'])

/** A start that failed in a way that every other start would, or null. */
export function startFailure(reason: LostReason): AnabranchError | null {
  if (reason.because === 'refused' && reason.failed !== null) {
    const failure = failureFrom(reason.failed)
    const { hint } = failure
    return new PlanError(failure.class === 'PlanError' ? failure.code : 'ANB1020', failure.message, {
      detail: failure.traceback.trimEnd(),
      ...(hint !== undefined && { hint }),
    })
  }
  return reason.error !== null && hopeless.has(reason.error.code) ? reason.error : null
}

/** The end of a process as the engine weighs it. `killedFor` is why we killed it, null where we did not. */
export function lossOf(reason: LostReason, killedFor: string | null): Loss {
  const { stderr, code, signal } = reason
  const peak = reason.peakRssBytes === null ? '' : `, at most ${Math.round(reason.peakRssBytes / 2 ** 20)} MiB resident`
  if (killedFor === 'deadline') return { kind: 'deadline', what: 'did not answer before its deadline', stderr }
  if (killedFor !== null || reason.because === 'protocol')
    return { kind: 'replaced', what: 'was replaced for what it sent', stderr }
  switch (reason.because) {
    case 'heartbeat':
      return { kind: 'outside', what: 'was stopped: it answered no heartbeat', stderr }
    case 'disconnect':
      return { kind: 'crash', what: 'closed its connection', stderr, code, signal }
    case 'exit':
      if (signal === 'SIGKILL') return { kind: 'outside', what: `was killed by SIGKILL from outside${peak}`, stderr }
      return {
        kind: 'crash',
        what: signal === null ? `exited with ${code ?? '?'}${peak}` : `died of ${signal}${peak}`,
        stderr,
        code,
        signal,
      }
    default:
      return { kind: 'replaced', what: reason.error?.message ?? 'was stopped', stderr }
  }
}

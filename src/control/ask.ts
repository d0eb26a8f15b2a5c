/** The other end of the socket: asks a running job one thing. */
import { connect } from 'node:net'
import {
  AnabranchError,
  ConnectorError,
  type ErrorClass,
  type ErrorCode,
  type JsonValue,
  ProtocolError,
  catalogue,
  errorClasses,
  shape,
} from '../base/index.js'
import {
  type JobEnd,
  type JobStatus,
  type ShadowReport,
  type ShadowRequest,
  type SwapReport,
  type SwapRequest,
  type WorkersStatus,
} from '../runtime/index.js'
import { notThere, socketOf } from './find.js'

/** What a running job refused, as it said it. */
export class Refused extends AnabranchError {
  readonly class: ErrorClass

  constructor(code: ErrorCode, said: Readonly<Record<'message' | 'detail' | 'hint', string>> & { class: ErrorClass }) {
    super(code, said.message, said)
    this.class = said.class
  }
}

interface Question {
  readonly do: string
  readonly [field: string]: JsonValue
}

/** An answer of a host that looks after its event loop takes milliseconds. */
const answerMs = 10_000

// All of these throw a ConnectorError, ANB4020 where no job runs in the output folder and ANB4021 where it does not answer,
// or what the job refused.

export const askStatus = async (out: string): Promise<JobStatus> =>
  as(isStatus, await ask(out, { do: 'status' }, answerMs))

/** Answers when the run is over, however long that takes. */
export const askEnd = async (out: string, question: Question): Promise<JobEnd> =>
  as(isEnd, await ask(out, question, null))

/** Answers when it is there, however long that takes. */
export const askSavepoint = async (
  out: string,
  name: string | null,
): Promise<{ readonly path: string; readonly epoch: number }> =>
  as(has<{ path: string; epoch: number }>('path', 'epoch'), await ask(out, { do: 'savepoint', name }, null))

/** Answers when the first epoch of the new code was judged. */
export const askSwap = async (out: string, request: SwapRequest): Promise<SwapReport> =>
  as(isSwap, await ask(out, { do: 'swap', ...request }, null))

/** Answers when the shadow is over. */
export const askShadow = async (out: string, request: ShadowRequest): Promise<ShadowReport> =>
  as(isShadow, await ask(out, { do: 'shadow', ...request }, null))

export const askWorkers = async (
  out: string,
  range: { readonly min?: number; readonly max?: number },
): Promise<WorkersStatus> => as(isWorkers, await ask(out, { do: 'workers', ...range }, answerMs))

const has =
  <T>(...names: readonly (keyof T & string)[]) =>
  (value: unknown): value is T =>
    typeof value === 'object' && value !== null && names.every(name => Object.hasOwn(value, name))

const isEnd = has<JobEnd>('end', 'rowsIn', 'rowsOut', 'rowsDead')
const isSwap = has<SwapReport>('kept', 'why', 'rows', 'dead', 'deadByReason', 'pausedMs')
const isShadow = has<ShadowReport>(
  'verdict',
  'ended',
  'seconds',
  'rowsSeen',
  'rowsCompared',
  'losses',
  'stages',
  'swap',
)
const isWorkers = has<WorkersStatus>('min', 'max', 'byLoad', 'wanted', 'spares', 'restarts', 'list')
const hasStatus = has<JobStatus>('job', 'pid', 'state', 'rowsIn', 'epochs', 'sources', 'stages', 'sinks', 'workers')
const isStatus = (value: unknown): value is JobStatus => hasStatus(value) && isWorkers(value.workers)

function as<T>(is: (value: unknown) => value is T, answer: unknown): T {
  if (is(answer)) return answer
  throw new ProtocolError('ANB5004', 'expected an answer of this version of anabranch, got another one')
}

/** `withinMs` null: however long it takes. */
async function ask(out: string, question: Question, withinMs: number | null): Promise<unknown> {
  const line = await lineFrom(out, `${JSON.stringify({ id: 1, ...question })}\n`, withinMs)
  const { ok, error } = shape.record(JSON.parse(line), '')
  if (error === undefined) return ok
  throw refusalOf(shape.record(error, 'error'))
}

function lineFrom(out: string, request: string, withinMs: number | null): Promise<string> {
  const path = socketOf(out)
  return new Promise((resolve, reject) => {
    const socket = connect(path, () => socket.write(request))
    let text = ''
    const end = (error: Error): void => {
      reject(error)
      socket.destroy()
    }
    if (withinMs !== null)
      socket.setTimeout(withinMs, () => {
        const message = `expected an answer of the job in ${out} within ${withinMs} ms, none came`
        end(new ConnectorError('ANB4021', message))
      })
    socket.setEncoding('utf8')
    socket.on('error', cause => end(unreachable(out, cause)))
    socket.on('close', () => end(notThere(out, ' any more: it ended while it was asked')))
    socket.on('data', (part: string) => {
      text += part
      const at = text.indexOf('\n')
      if (at < 0) return
      resolve(text.slice(0, at))
      socket.destroy()
    })
  })
}

function unreachable(out: string, cause: Error): ConnectorError {
  const code = 'code' in cause ? cause.code : ''
  if (code === 'EACCES' || code === 'EPERM')
    return new ConnectorError('ANB4006', `could not connect to the job in ${out}: it belongs to another user`, {
      cause,
      hint: 'ask as the user who runs it',
    })
  return notThere(out, ': its socket is there, but nobody listens at it')
}

const isClass = (text: string): text is ErrorClass => errorClasses.has(text)
const isCode = (text: string): text is ErrorCode => Object.hasOwn(catalogue, text)

function refusalOf(error: Readonly<Record<string, unknown>>): AnabranchError {
  const text = (name: string): string => shape.string(error[name], name)
  const [name, code] = [text('class'), text('code')]
  if (!isClass(name) || !isCode(code))
    throw new ProtocolError('ANB5004', `expected an error of this version, got ${name} ${code}`)
  return new Refused(code, { class: name, message: text('message'), detail: text('detail'), hint: text('hint') })
}

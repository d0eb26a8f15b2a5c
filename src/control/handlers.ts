/** What can be asked of a running job: one handler a verb, whoever asks. What does not fit is refused in words. */
import { type JsonValue, PlanError, kindOf, ProtocolError, type Shape, ShapeError, shape } from '../base/index.js'
import { type RunningJob } from '../runtime/index.js'

type Fields = Readonly<Record<string, unknown>>
type Answer = object | JsonValue | Promise<object | JsonValue>
type Handler = (job: RunningJob, fields: Fields) => Answer

/** As many as `run --workers` takes. */
const workersMost = 256

const optional =
  <T>(inner: Shape<T>): Shape<T | null> =>
  (value, path) =>
    value === undefined ? null : inner(value, path)

const workers: Shape<number> = (value, path) => {
  const number = shape.whole(value, path)
  if (number >= 1 && number <= workersMost) return number
  throw new ShapeError(path, `a whole number of 1 to ${workersMost}`)
}
const nothing = shape.object({})
const range = shape.object({ min: optional(workers), max: optional(workers) })
const part: Shape<number> = (value, path) => {
  const number = shape.number(value, path)
  if (number >= 0 && number <= 1) return number
  throw new ShapeError(path, 'a number of 0 to 1')
}
const swapRequest = shape.object({
  module: optional(shape.nullOr(shape.string)),
  operator: optional(shape.nullOr(shape.string)),
  maxErrors: optional(shape.nullOr(part)),
})
const positive: Shape<number> = (value, path) => {
  const number = shape.number(value, path)
  if (number > 0 && Number.isFinite(number)) return number
  throw new ShapeError(path, 'a number over 0')
}
const shadowRequest = shape.object({
  module: optional(shape.nullOr(shape.string)),
  operator: optional(shape.nullOr(shape.string)),
  epochs: optional(shape.nullOr(positive)),
  rows: optional(shape.nullOr(positive)),
  seconds: optional(shape.nullOr(positive)),
  tolerance: optional(shape.nullOr(part)),
})
const named = shape.object({ name: optional(shape.nullOr(shape.string)) })

const stopping = shape.object({ savepoint: optional(shape.boolean), name: optional(shape.nullOr(shape.string)) })

/** A verb takes exactly these fields. */
const taking =
  <T>(fields: Shape<T>, act: (job: RunningJob, asked: T) => Answer): Handler =>
  (job, given) =>
    act(job, fields(given, ''))

const handlers: Readonly<Record<string, Handler>> = {
  status: taking(nothing, job => job.status()),
  stop: taking(stopping, (job, { savepoint, name }) => job.stop({ savepoint: savepoint ?? true, name })),
  cancel: taking(nothing, job => job.cancel()),
  workers: taking(range, (job, { min, max }) => {
    if (max === null && min === null) return job.status().workers
    if (max === null || (min !== null && min > max)) throw new ShapeError('max', 'there, and not less than min')
    return job.setWorkers({ min, max })
  }),
  savepoint: taking(named, (job, { name }) => {
    if (job.savepoint === undefined) throw notTaken('make a savepoint')
    return job.savepoint(name)
  }),
  shadow: taking(shadowRequest, (job, request) => {
    if (job.shadow === undefined) throw notTaken('run new code beside its own')
    return job.shadow(request)
  }),
  swap: taking(swapRequest, (job, request) => {
    if (job.swap === undefined) throw notTaken('swap code')
    return job.swap(request)
  }),
}

export const verbs: readonly string[] = Object.keys(handlers)

/**
 * Carries out what somebody asked, `do` and what belongs to it.
 * @throws ProtocolError ANB5004 where it cannot be read; PlanError ANB8012 where this job does not take it.
 */
export async function carryOut(job: RunningJob, asked: Fields): Promise<unknown> {
  const { do: verb, ...fields } = asked
  const handler = typeof verb === 'string' && Object.hasOwn(handlers, verb) ? handlers[verb] : undefined
  if (handler === undefined) {
    throw unread(`expected "do" to be one of ${verbs.join(', ')}, got ${kindOf(verb)}`)
  }
  try {
    return await handler(job, fields)
  } catch (cause) {
    if (!(cause instanceof ShapeError)) throw cause
    throw unread(`expected ${cause.path === '' ? 'the request' : `"${cause.path}"`} to be ${cause.expected}`)
  }
}

export const unread = (message: string): ProtocolError => new ProtocolError('ANB5004', message)

const notTaken = (what: string): PlanError =>
  new PlanError('ANB8012', `expected a job that can ${what}, this one cannot`)

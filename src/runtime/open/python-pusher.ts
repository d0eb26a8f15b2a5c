/**
 * Pusher: a Python process of its own for one sink, so that a slow service never takes a worker from the transforms. One call is
 * out at a time. A process that is lost, or is ended at its deadline, costs a call made again; a service that is away, a pause.
 */
import {
  type AnabranchError,
  type Clock,
  ConnectorError,
  ContractError,
  type Observer,
  ProtocolError,
  TransientError,
  WorkerError,
} from '../../base/index.js'
import { type Batch, type IpcTemplate, ipcSize, ipcTemplate, writeIpc } from '../../batch/index.js'
import { type PythonPush } from '../../connectors/index.js'
import { type OpenStage, schemaIds } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { type Frame, Message, Table, type TablePart, jsonPart } from '../../transport/index.js'
import { type LostReason, type WorkerEvents, type WorkerProcess } from '../../workers/index.js'
import { type Failure, Hold, type Loss } from '../fault/index.js'
import { failureOf, lossOf, startFailure } from './failures.js'
import { heard } from './heard.js'

/** What a sink says of itself. */
export interface PusherOf {
  /** Id of the sink. */
  readonly id: string
  /** The columns that travel. */
  readonly schema: Schema
  readonly stage: OpenStage
  readonly timeoutMs: number
}
export interface PusherParts extends PusherOf {
  readonly clock: Clock
  readonly observer: Observer
  readonly transientMaxMs: number
  start(events: WorkerEvents): WorkerProcess
  pidsChanged(): void
}

type Outcome = { readonly is: 'ready' | 'done' } | { readonly is: 'failed'; readonly failure: Failure } | Lost

interface Lost {
  readonly is: 'lost'
  readonly loss: Loss
  /** Every other start would fail as this one did. */
  readonly hopeless: AnabranchError | null
}

/** Losses in a row with the same rows; then they are to blame, and nobody may leave them out. */
const lossesMax = 4
const stopGraceMs = 2_000
const replyBytes = 64 << 10

const keyed = (key: string): string => `The rows have key ${key}; they are not acknowledged.`

export class PythonPusher implements PythonPush {
  private readonly template: IpcTemplate
  private readonly hold: Hold
  private process: WorkerProcess | null = null
  private sequence = 0
  /** Who waits for the process to be ready, or for its answer. */
  private waiting: ((outcome: Outcome) => void) | null = null
  private late = false
  private endPause: () => void = () => undefined
  private closed = false

  constructor(private readonly parts: PusherParts) {
    this.template = ipcTemplate(parts.schema)
    this.hold = new Hold(parts.transientMaxMs)
  }

  get pid(): number | null {
    return this.process?.pid ?? null
  }

  async open(): Promise<void> {
    for (let losses = 1; ; losses += 1) {
      const outcome = await this.ready()
      if (outcome.is !== 'lost') return
      this.weighLoss(outcome, losses, 'No rows were sent.')
    }
  }

  async push(batch: Batch, key: string): Promise<void> {
    for (let losses = 0; ; ) {
      const outcome = await this.call(batch, key)
      if (outcome.is === 'done') return this.hold.succeeded()
      if (this.closed) throw this.stopped()
      if (outcome.is === 'failed') await this.pause(this.weigh(outcome.failure, key))
      else if (outcome.is === 'lost') {
        losses += 1
        this.weighLoss(outcome, losses, keyed(key))
      }
    }
  }

  async close(): Promise<void> {
    this.closed = true
    this.endPause()
    await this.process?.stop(stopGraceMs)
  }

  /** One call, with a process that is there or is started for it. */
  private async call(batch: Batch, key: string): Promise<Outcome> {
    const ready = await this.ready()
    const { process } = this
    if (ready.is !== 'ready' || process === null) return ready
    const { clock, timeoutMs } = this.parts
    this.sequence += 1
    this.late = false
    const cancel = clock.after(timeoutMs, () => {
      this.late = true
      process.kill()
    })
    const head = { kind: Message.call, lane: 0, sequence: this.sequence, attempt: 1, rows: batch.rows, stage: 0 }
    const outcome = this.next()
    process.call(head, [this.rows(batch), jsonPart({ key })], replyBytes)
    return outcome.finally(cancel)
  }

  private async ready(): Promise<Outcome> {
    if (this.process !== null) return { is: 'ready' }
    if (this.closed) throw this.stopped()
    const { parts } = this
    const outcome = this.next()
    this.process = parts.start({
      ...heard(parts.observer, { sink: parts.id }),
      started: () => parts.pidsChanged(),
      ready: () => this.settle({ is: 'ready' }),
      reply: frame => this.reply(frame),
      lost: reason => this.lost(reason),
    })
    return outcome
  }

  private next(): Promise<Outcome> {
    return new Promise(resolve => {
      this.waiting = resolve
    })
  }

  private settle(outcome: Outcome): void {
    this.waiting?.(outcome)
    this.waiting = null
  }

  private reply({ envelope, tables, loan }: Frame): void {
    try {
      if (envelope.kind === Message.done) this.settle({ is: 'done' })
      else this.settle({ is: 'failed', failure: failureOf(tables) })
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.process?.kill()
    }
    loan?.release()
  }

  private lost(reason: LostReason): void {
    this.process = null
    this.parts.pidsChanged()
    const loss = lossOf(reason, this.late ? 'deadline' : null)
    this.settle({ is: 'lost', loss, hopeless: reason.wasReady ? null : startFailure(reason) })
  }

  /** Milliseconds until the call is made again. */
  private weigh(failure: Failure, key: string): number {
    const { id, clock, transientMaxMs, observer } = this.parts
    const detail = `${failure.traceback}${keyed(key)}`
    const said = `${failure.type}: ${failure.message}`
    if (failure.class === 'ContractError') throw new ContractError(failure.code, failure.message, { detail })
    if (failure.class !== 'TransientError')
      throw new ConnectorError('ANB4033', `sink "${id}" raised ${said}`, { detail })
    const waitMs = this.hold.failed(clock.nowMs(), failure)
    if (waitMs === null) {
      const message = `the service of sink "${id}" was away for ${transientMaxMs / 1_000} s: ${said}`
      throw new TransientError('ANB2010', message, { detail })
    }
    observer.log('warning', `sink "${id}" waits ${waitMs} ms: ${said}`, { sink: id })
    return waitMs
  }

  private pause(ms: number): Promise<void> {
    return new Promise(resolve => {
      const cancel = this.parts.clock.after(ms, resolve)
      this.endPause = () => {
        cancel()
        resolve()
      }
    })
  }

  private rows(batch: Batch): TablePart {
    const { template } = this
    return {
      kind: Table.rows,
      operator: 0,
      output: 0,
      schemaId: schemaIds.shipped,
      rows: batch.rows,
      bytes: ipcSize(template, batch),
      write: (to, at) => {
        writeIpc(template, batch, to, at)
      },
    }
  }

  /** @throws the end of the job, where another process would fare no better */
  private weighLoss({ loss: { what, stderr }, hopeless }: Lost, losses: number, rows: string): void {
    if (hopeless !== null) throw hopeless
    if (losses < lossesMax) return
    const { id, timeoutMs } = this.parts
    const message = `sink "${id}" lost its worker ${losses} times in a row: the last one ${what}`
    const detail = `${rows} timeout_ms is ${timeoutMs}.\n${stderr}`.trimEnd()
    throw new WorkerError('ANB4034', message, { detail })
  }

  private stopped(): AnabranchError {
    return new WorkerError('ANB3008', `sink "${this.parts.id}" was stopped before its service had the rows`)
  }
}

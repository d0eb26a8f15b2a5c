/**
 * One worker: a process of its own that takes requests in their order, a second one while the first is under way, so that it
 * never idles. Each request says all, so a lost process costs one repeat. It is started with the first request.
 */
import { type AnabranchError } from '../../base/index.js'
import { type Frame, Message, type MessageKind, type TablePart, type TableView } from '../../transport/index.js'
import { type LostReason, type WorkerEvents, type WorkerProcess } from '../../workers/index.js'

export interface OneWorkerParts {
  /** The host gives the process everything but the events. */
  start(incarnation: number, events: WorkerEvents): WorkerProcess
  /** Numbers of the processes of a run are unique over all that it has. */
  incarnation(): number
  pidsChanged(): void
  /** A request was answered with FAILED. */
  refused(tables: readonly TableView[]): AnabranchError
  /** It was lost as often as one request may be made, or cannot start. */
  lost(reason: LostReason): AnabranchError
}

export interface Asked {
  readonly kind: MessageKind
  readonly parts: readonly TablePart[]
  /** Space in the mapping for the reply; a larger one travels in the frame. */
  readonly replyBytes: number
  readonly stage?: number
  readonly rows?: number
}

interface Request extends Asked {
  readonly done: (frame: Frame) => void
  readonly failed: (error: AnabranchError) => void
  attempt: number
}

const attemptsMax = 5
/** One runs, one waits: the process never idles and a repeat is small. */
const inFlightMax = 2

export class OneWorker {
  private readonly waiting: Request[] = []
  private readonly out = new Map<number, Request>()
  private process: WorkerProcess | null = null
  private isReady = false
  private sequence = 0
  private closing = false

  constructor(private readonly parts: OneWorkerParts) {}

  get pid(): number | null {
    return this.process?.pid ?? null
  }

  request(asked: Asked): Promise<Frame> {
    return new Promise((done, failed) => {
      this.waiting.push({ ...asked, done, failed, attempt: 1 })
      this.pump()
    })
  }

  async close(): Promise<void> {
    this.closing = true
    await this.process?.stop(2_000)
  }

  private pump(): void {
    if (this.closing || this.waiting.length === 0) return
    if (this.process === null) {
      this.begin()
      return
    }
    if (!this.isReady) return
    while (this.out.size < inFlightMax) {
      const request = this.waiting.shift()
      if (request === undefined) return
      this.sequence += 1
      this.out.set(this.sequence, request)
      const { kind, attempt, rows = 0, stage = 0, parts, replyBytes } = request
      this.process.call({ kind, lane: 0, sequence: this.sequence, attempt, rows, stage }, parts, replyBytes)
    }
  }

  private begin(): void {
    this.isReady = false
    this.process = this.parts.start(this.parts.incarnation(), {
      started: () => this.parts.pidsChanged(),
      ready: () => {
        this.isReady = true
        this.pump()
      },
      reply: frame => this.reply(frame),
      log: () => undefined,
      output: () => undefined,
      dropped: () => undefined,
      lost: reason => this.lost(reason),
    })
  }

  private reply(frame: Frame): void {
    const request = this.out.get(frame.envelope.sequence)
    if (request === undefined) return
    this.out.delete(frame.envelope.sequence)
    if (frame.envelope.kind === Message.done) request.done(frame)
    else request.failed(this.parts.refused(frame.tables))
    this.pump()
  }

  private lost(reason: LostReason): void {
    this.process = null
    this.parts.pidsChanged()
    const again = [...this.out.values(), ...this.waiting.splice(0)]
    this.out.clear()
    for (const request of again) {
      request.attempt += 1
      if (this.closing || request.attempt > attemptsMax || !reason.wasReady) request.failed(this.parts.lost(reason))
      else this.waiting.push(request)
    }
    this.pump()
  }
}

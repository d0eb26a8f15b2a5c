/**
 * The host of one run: it carries out what the engine asks of the world, and tells it what happened. All of it runs
 * on one thread; the bytes of columns are only touched by the engine, the codec of the frames and the connectors.
 */
import { AnabranchError, type Observer, type World, failpoint, invariant } from '../../base/index.js'
import { type Batch } from '../../batch/index.js'
import { type Captures, type DeadLetters, type Sink, type SinkFile, type Source } from '../../connectors/index.js'
import { type Frame, Message, bodySize } from '../../transport/index.js'
import { type LostReason, type WorkerEvents, type WorkerProcess } from '../../workers/index.js'
import { type EpochEvents } from '../epoch/index.js'
import { type CallMessage, type DeadLetter, type Effects, type Engine } from '../flow/index.js'
import { failureOf, lossOf, startFailure } from './failures.js'
import { heard } from './heard.js'

export interface HostParts {
  readonly world: World
  readonly observer: Observer
  readonly sources: readonly Source[]
  readonly sinks: readonly Sink[]
  readonly letters: DeadLetters
  readonly captures: Captures
  /** Deadlines are looked at this often; a lease is judged on two looks. */
  readonly tickMs: number
  startUser(incarnation: number, events: WorkerEvents, code: number): WorkerProcess
  incarnation(): number
  pidsChanged(): void
}

const stopGraceMs = 2_000
/** Room that a reply gets in the mapping: outputs are seldom larger than inputs by more than this. */
export const replyBytesOf = (request: number): number => Math.min(16 << 20, 2 * request + (64 << 10))

export class Host implements Effects {
  readonly outputs: SinkFile[][] = []
  /** When rows began to flow. */
  openedMs = 0
  private engine: Engine | null = null
  private readonly workers = new Map<number, WorkerProcess>()
  private readonly killedFor = new Map<number, string>()
  private readonly stopping = new Set<Promise<void>>()
  private cancelTick: () => void = () => undefined
  private ended: { readonly resolve: () => void; readonly reject: (error: unknown) => void } | null = null
  private failure: AnabranchError | null = null
  private firstReady: (() => void) | null = null

  constructor(private readonly parts: HostParts) {}

  /** Runs the engine until it finishes or fails; sources and sinks are opened once a worker has opened the modules. */
  async run(engine: Engine, open: () => Promise<void>): Promise<void> {
    this.engine = engine
    const over = new Promise<void>((resolve, reject) => {
      this.ended = { resolve, reject }
    })
    const opened = new Promise<void>(resolve => {
      this.firstReady = resolve
    })
    this.tick()
    engine.start(this.now())
    await Promise.race([opened, over])
    await Promise.race([open(), over])
    this.openedMs = this.now()
    engine.open(this.openedMs)
    await over
  }

  /** Null where it is gone. */
  pidOf(worker: number): number | null {
    return this.workers.get(worker)?.pid ?? null
  }

  get pids(): readonly number[] {
    return [...this.workers.values()].map(w => w.pid).filter(pid => pid !== null)
  }

  /** Ends every worker; resolves when all are reaped. */
  async close(): Promise<void> {
    this.cancelTick()
    const calm = this.failure === null
    for (const worker of this.workers.values()) {
      const done = worker.stop(calm ? stopGraceMs : 0)
      this.stopping.add(done)
    }
    await Promise.all(this.stopping)
  }

  // What the engine asks for.

  poll(source: number, limit: Parameters<Effects['poll']>[1]): void {
    failpoint('source.poll', 'before')
    this.settled(at(this.parts.sources, source).poll(limit), polled => {
      failpoint('source.poll', 'after')
      this.engine?.polled(source, polled, this.now())
    })
  }

  write(sink: number, batch: Batch): void {
    failpoint('sink.write', 'before')
    this.settled(at(this.parts.sinks, sink).write(batch), () => {
      failpoint('sink.write', 'after')
      this.engine?.written(sink, this.now())
    })
  }

  finishSink(sink: number): void {
    this.settled(at(this.parts.sinks, sink).finish(this.engine?.end.run), files => {
      this.outputs[sink] = [...files]
      this.engine?.sinkFinished(sink, this.now())
    })
  }

  spawn(worker: number, code: number): void {
    const incarnation = this.parts.incarnation()
    try {
      this.workers.set(worker, this.parts.startUser(incarnation, this.eventsOf(worker), code))
    } catch (error) {
      if (!(error instanceof AnabranchError)) throw error
      this.parts.world.clock.soon(() => this.engine?.stop(error))
    }
  }

  call(worker: number, message: CallMessage): void {
    const { parts, kind, ...envelope } = message
    const process = this.workers.get(worker)
    invariant(process !== undefined, 'a call goes to a worker that is there')
    process.call(
      { ...envelope, kind: kind === 'call' ? Message.call : Message.end },
      parts,
      replyBytesOf(bodySize(parts)),
    )
  }

  stop(worker: number): void {
    const process = this.workers.get(worker)
    if (process === undefined) return
    const done = process.stop(stopGraceMs).finally(() => this.stopping.delete(done))
    this.stopping.add(done)
  }

  kill(worker: number, why: string): void {
    this.killedFor.set(worker, why)
    this.workers.get(worker)?.kill()
  }

  bury(letter: DeadLetter): void {
    const { letters } = this.parts
    this.writing(() => {
      const capture = letter.capture === null ? null : letters.capture(letter.operator, letter.capture)
      const { row } = letter
      letters.write([
        { ...letter, row: typeof row === 'string' ? { text: row } : { json: JSON.stringify(row) }, capture },
      ])
    })
  }

  keep(stage: string, capture: () => Uint8Array): void {
    this.writing(() => this.parts.captures.keep(stage, capture))
  }

  /** The engine is in the middle of an event: it hears of a full disk after that. */
  private writing(write: () => void): void {
    try {
      write()
    } catch (error) {
      if (!(error instanceof AnabranchError)) throw error
      this.parts.world.clock.soon(() => this.engine?.stop(error))
    }
  }

  fail(error: AnabranchError): void {
    this.failure = error
    this.ended?.reject(error)
  }

  finish(): void {
    this.ended?.resolve()
  }

  // What happens.

  private eventsOf(worker: number): WorkerEvents {
    const { observer } = this.parts
    return {
      started: () => this.parts.pidsChanged(),
      ready: () => {
        this.engine?.ready(worker, this.now())
        this.firstReady?.()
      },
      reply: frame => this.reply(worker, frame),
      ...heard(observer, { worker }),
      lost: reason => this.lost(worker, reason),
    }
  }

  private reply(worker: number, frame: Frame): void {
    const { envelope } = frame
    const key = { incarnation: worker, sequence: envelope.sequence, attempt: envelope.attempt }
    if (envelope.kind === Message.done) {
      this.engine?.done(worker, key, frame, this.now())
      return
    }
    try {
      const failure = failureOf(frame.tables)
      frame.loan?.release()
      this.engine?.callFailed(worker, key, failure, this.now())
    } catch (error) {
      if (!(error instanceof AnabranchError) || error.class !== 'ProtocolError') throw error
      this.engine?.broken(worker, error, this.now())
    }
  }

  private lost(worker: number, reason: LostReason): void {
    this.workers.delete(worker)
    this.parts.pidsChanged()
    const killedFor = this.killedFor.get(worker) ?? null
    this.killedFor.delete(worker)
    if (!reason.wasReady) {
      const error = startFailure(reason) ?? (this.workers.size === 0 ? scarcity(reason) : null)
      if (error !== null) {
        this.engine?.startFailed(worker, error, this.now())
      }
    }
    if (reason.because === 'protocol' && reason.error !== null) this.engine?.refused(reason.error)
    this.engine?.lost(worker, lossOf(reason, killedFor), this.now())
  }

  private tick(): void {
    this.cancelTick = this.parts.world.clock.after(this.parts.tickMs, () => {
      this.engine?.tick(this.now())
      this.tick()
    })
  }

  private now(): number {
    return this.parts.world.clock.nowMs()
  }

  /** A sink has something to show that waits for an epoch. */
  wantEpoch(): void {
    this.engine?.epochStep(epochs => epochs.want(), this.now())
  }

  /** What an epoch waited for, as an event. */
  epochStep<T>(promise: Promise<T>, then: (epochs: EpochEvents, value: T) => void): void {
    this.settled(promise, value => this.engine?.epochStep(epochs => then(epochs, value), this.now()))
  }

  /** What rows or memory waited for, as an event. */
  stateStep<T>(promise: Promise<T>, then: (engine: Engine, value: T, nowMs: number) => void): void {
    this.settled(promise, value => {
      if (this.engine !== null) then(this.engine, value, this.now())
    })
  }

  /** The outcome of a promise as an event, after what the sockets have for us. */
  private settled<T>(promise: Promise<T>, then: (value: T) => void): void {
    promise.then(
      value => this.parts.world.clock.soon(() => then(value)),
      (error: unknown) => {
        if (error instanceof AnabranchError) this.engine?.stop(error)
        else this.ended?.reject(error)
      },
    )
  }
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  invariant(item !== undefined, 'sources and sinks are named by their index')
  return item
}

/** The machine gave no process or descriptor: with nobody to wait for, a next start gets none either. */
const scarcity = ({ error }: LostReason): AnabranchError | null => (error?.code === 'ANB8004' ? error : null)

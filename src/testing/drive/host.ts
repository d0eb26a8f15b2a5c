/**
 * The host of a driven job: it carries out what the engine asks, in the time of a clock that a test moves by hand.
 * Sources and sinks are memory, workers are stand-ins, and what passes between engine and worker are the real frames.
 */
import { type AnabranchError, type Observer, ProtocolError, invariant } from '../../base/index.js'
import { type Batch } from '../../batch/index.js'
import { type PollLimit } from '../../connectors/index.js'
import { type CallMessage, type DeadLetter, type Effects, type Engine, failureOf, lossOf } from '../../runtime/index.js'
import { Message, inlineFrame, readFrame } from '../../transport/index.js'
import { readCall } from '../simulation/call.js'
import { type VirtualClock } from '../simulation/clock.js'
import { type Fault, type ScriptedInput } from './input.js'
import { type StandInStage } from './stage.js'
import { type Called } from './stand-in.js'

const jobId = 'd21ed21ed21ed21e'
/** Deadlines are looked at this often, as in a real run. */
const tickMs = 50
/** A job whose input has ended and that is not over a day later will never be. */
const endMsMax = 86_400_000

export interface DrivenParts {
  readonly clock: VirtualClock
  readonly stages: readonly StandInStage[]
  readonly params: Called['params']
}

type Worker = { hangs: boolean; killedFor: string | null }

export class DrivenHost implements Effects {
  readonly letters: DeadLetter[] = []
  readonly counters: Record<string, number> = {}
  readonly written: Batch[][] = []
  error: AnabranchError | null = null
  over = false
  calls = 0
  private engine: Engine | null = null
  private readonly workers = new Map<number, Worker>()
  private readonly armed: Fault[] = []
  private inputs: readonly ScriptedInput[] = []

  constructor(private readonly parts: DrivenParts) {}

  readonly observer: Observer = {
    count: (name, by = 1) => {
      this.counters[name] = (this.counters[name] ?? 0) + by
    },
    log: () => undefined,
  }

  start(engine: Engine, inputs: readonly ScriptedInput[]): void {
    const { clock } = this.parts
    this.engine = engine
    this.inputs = inputs
    engine.start(clock.nowMs)
    engine.open(clock.nowMs)
    this.tick(engine)
    this.advance(0)
  }

  /** It strikes the next call. */
  strike(fault: Fault): void {
    this.armed.push(fault)
  }

  /** Lets everything happen that is due by then. */
  advance(ms: number): void {
    const { clock } = this.parts
    const until = clock.nowMs + ms
    for (let next = clock.nextMs; next !== null && next <= until && !this.over; next = clock.nextMs) clock.step()
    clock.nowMs = until
  }

  /** Lets time jump from one thing to the next until the job is over. */
  toTheEnd(): void {
    const { clock } = this.parts
    const until = clock.nowMs + endMsMax
    while (!this.over && clock.nowMs < until) clock.step()
    invariant(this.over, 'a job whose input has ended ends')
  }

  // What the engine asks for.

  poll(source: number, limit: PollLimit): void {
    this.parts.clock.tell(0, () => this.inputs[source]?.poll(limit))
  }

  write(sink: number, batch: Batch): void {
    this.written[sink] ??= []
    this.written[sink].push(batch)
    this.tell(0, (engine, nowMs) => engine.written(sink, nowMs))
  }

  finishSink(sink: number): void {
    this.tell(0, (engine, nowMs) => engine.sinkFinished(sink, nowMs))
  }

  spawn(worker: number): void {
    this.workers.set(worker, { hangs: false, killedFor: null })
    this.tell(0, (engine, nowMs) => engine.ready(worker, nowMs))
  }

  call(worker: number, message: CallMessage): void {
    const { parts, kind, ...envelope } = message
    this.calls += 1
    const head = { ...envelope, kind: kind === 'call' ? Message.call : Message.end, job: jobId, incarnation: worker }
    const bytes = inlineFrame(head, parts)
    this.parts.clock.tell(0, () => this.work(worker, bytes))
  }

  stop(worker: number): void {
    this.parts.clock.tell(0, () => this.end(worker, { signal: null, because: 'stopped' }))
  }

  kill(worker: number, why: string): void {
    const process = this.workers.get(worker)
    if (process !== undefined) process.killedFor = why
    this.parts.clock.tell(0, () => this.end(worker, { signal: 'SIGKILL', because: 'exit' }))
  }

  bury(letter: DeadLetter): void {
    this.letters.push(letter)
  }

  /** Calls that went well are kept by nobody here. */
  keep(): void {}

  fail(error: AnabranchError): void {
    this.error = error
    this.over = true
  }

  finish(): void {
    this.over = true
  }

  // What happens.

  private work(worker: number, bytes: Uint8Array): void {
    const process = this.workers.get(worker)
    if (process === undefined || process.hangs || this.over) return
    const fault = this.armed.shift() ?? null
    if (fault === 'worker crashes') this.end(worker, { signal: 'SIGSEGV', because: 'exit' })
    else if (fault === 'worker is killed') this.end(worker, { signal: 'SIGKILL', because: 'exit' })
    else if (fault === 'worker hangs') process.hangs = true
    else this.heard(worker, this.answer(bytes), fault === 'reply is damaged')
  }

  private answer(bytes: Uint8Array): Uint8Array {
    const { params, clock, stages } = this.parts
    const read = readCall(bytes)
    const stage = stages[read.envelope.stage]
    invariant(stage !== undefined, 'every stage was opened')
    return stage.answer(read, { params, nowMs: clock.nowMs })
  }

  private heard(worker: number, reply: Uint8Array, damaged: boolean): void {
    this.tell(0, (engine, nowMs) => {
      try {
        const frame = readFrame(damaged ? reply.slice(0, -1) : reply)
        const { envelope, tables } = frame
        const key = { incarnation: worker, sequence: envelope.sequence, attempt: envelope.attempt }
        if (envelope.kind === Message.done) engine.done(worker, key, frame, nowMs)
        else engine.callFailed(worker, key, failureOf(tables), nowMs)
      } catch (error) {
        if (!(error instanceof ProtocolError)) throw error
        engine.broken(worker, error, nowMs)
      }
    })
  }

  private end(worker: number, how: { readonly signal: string | null; readonly because: 'exit' | 'stopped' }): void {
    const process = this.workers.get(worker)
    if (process === undefined) return
    this.workers.delete(worker)
    const code = how.signal === null ? 0 : null
    const reason = { ...how, code, error: null, failed: null, wasReady: true, stderr: '', peakRssBytes: null }
    this.tell(0, (engine, nowMs) => engine.lost(worker, lossOf(reason, process.killedFor), nowMs))
  }

  private tell(ms: number, happens: (engine: Engine, nowMs: number) => void): void {
    const { clock } = this.parts
    clock.tell(ms, () => {
      if (this.engine !== null && !this.over) happens(this.engine, clock.nowMs)
    })
  }

  private tick(engine: Engine): void {
    this.tell(tickMs, (_, nowMs) => {
      engine.tick(nowMs)
      this.tick(engine)
    })
  }
}

/**
 * The host of a simulated run: it carries out the engine's effects in virtual time, as `runtime/open/host` does in
 * real time, with the same frames, the same checks of what comes back and the same words for how a worker was lost.
 *
 * `guarded` runs have the outbox of a real worker connection in front of the engine, which drops what answers no call;
 * in the others the engine's own leases must do it alone.
 */
import { AnabranchError, type Observer, ProtocolError, atFailpoint, failpoint, invariant } from '../../base/index.js'
import { type Batch } from '../../batch/index.js'
import { type PollLimit } from '../../connectors/index.js'
import { type CallMessage, type DeadLetter, type Effects, type Engine, failureOf, lossOf } from '../../runtime/index.js'
import { type Frame, Message, bodySize, inlineFrame, readEnvelope, readFrame } from '../../transport/index.js'
import { Outbox } from '../../workers/index.js'
import { type Chance } from './chance.js'
import { type VirtualClock } from './clock.js'
import { type Striker } from './faults.js'
import { type Log } from './log.js'
import { type RecordingSink, type ScriptedSource } from './scripted.js'
import { spoilingMemory } from './spoil.js'
import { type Timetable } from './timetable.js'
import { type Damage } from './wire.js'
import { type End, FakeWorker, type WorkerWorld } from './worker.js'

export const jobId = '5eed5eed5eed5eed'

export interface HostParts {
  readonly clock: VirtualClock
  readonly chance: Chance
  readonly striker: Striker
  readonly log: Log
  /** Of workers with the code of this number. */
  world(code: number): WorkerWorld
  readonly damage: Damage
  readonly sources: readonly ScriptedSource[]
  readonly sinks: readonly RecordingSink[]
  readonly letters: DeadLetter[]
  readonly guarded: boolean
  readonly tickMs: number
  /** What a poll takes. */
  readonly pollMs: number
  readonly timetable: Timetable
  /** The time that state is judged by. */
  wallMs(): number
}

interface Seat {
  readonly process: FakeWorker
  readonly stages: WorkerWorld['stages']
  readonly outbox: Outbox
  /** Why it will be lost, where we know. */
  why: { readonly because: 'exit' | 'protocol' | 'stopped'; readonly error: AnabranchError | null }
  killedFor: string | null
}

export class SimulatedHost implements Effects {
  readonly counts = new Map<string, number>()
  /** What must never happen, in words. */
  readonly wrong: string[] = []
  error: AnabranchError | null = null
  over = false
  calls = 0
  /** Rows of the largest call. */
  rowsMost = 0
  private readonly called = new Set<number>()
  private engine: Engine | null = null
  private readonly seats = new Map<number, Seat>()

  constructor(private readonly parts: HostParts) {}

  readonly observer: Observer = {
    count: (name, by = 1, labels = {}) => {
      if (name === 'frame.refused') this.parts.damage.refused()
      this.count(name, by)
      for (const value of Object.values(labels)) this.count(`${name} ${value}`, by)
    },
    log: (level, message) => this.parts.log.write('engine', level, message),
  }

  run(engine: Engine): void {
    const { clock } = this.parts
    this.engine = engine
    engine.start(clock.nowMs)
    clock.tell(20, () => engine.open(clock.nowMs))
    this.tick(engine)
  }

  private tick(engine: Engine): void {
    const { clock, tickMs } = this.parts
    clock.tell(tickMs, () => {
      if (this.over) return
      engine.tick(clock.nowMs)
      this.tick(engine)
    })
  }

  // What the engine asks for.

  poll(source: number, limit: PollLimit): void {
    const { clock, chance, striker, log, pollMs } = this.parts
    const ms = striker.strikes('source slow') ? chance.between(10, 2_000) : pollMs
    failpoint('source.poll', 'before')
    clock.tell(ms, () => {
      const polled = at(this.parts.sources, source).poll(limit)
      log.write(`source ${source}`, 'polled', polled === null ? 'the end' : `${polled.split} ${polled.batch.rows} rows`)
      failpoint('source.poll', 'after')
      this.engine?.polled(source, polled, clock.nowMs)
    })
  }

  write(sink: number, batch: Batch): void {
    const { clock, chance, striker, log } = this.parts
    log.write(`sink ${sink}`, 'writes', `${batch.rows} rows`)
    failpoint('sink.write', 'before')
    const ms = striker.strikes('sink slow') ? chance.between(5, 1_000) : 0.1
    clock.tell(ms, () => {
      // As late as a sink may: the batch's memory is its own until it says that it is done.
      at(this.parts.sinks, sink).write(batch)
      failpoint('sink.write', 'after')
      this.engine?.written(sink, clock.nowMs)
    })
  }

  finishSink(sink: number): void {
    const { clock, log } = this.parts
    log.write(`sink ${sink}`, 'finishes')
    at(this.parts.sinks, sink).finished = true
    clock.tell(1, () => this.engine?.sinkFinished(sink, clock.nowMs))
  }

  spawn(worker: number, code: number): void {
    const { clock, log, world } = this.parts
    log.write(`worker ${worker}`, 'starts', code === 1 ? '' : `with code ${code}`)
    const here = world(code)
    const process = new FakeWorker(worker, here, {
      ready: () => {
        log.write(`worker ${worker}`, 'is ready')
        this.engine?.ready(worker, clock.nowMs)
      },
      message: bytes => this.heard(worker, bytes),
      lost: (end, wasReady) => this.lost(worker, end, wasReady),
    })
    this.seats.set(worker, {
      process,
      stages: here.stages,
      outbox: new Outbox(null, spoilingMemory),
      why: { because: 'exit', error: null },
      killedFor: null,
    })
  }

  call(worker: number, message: CallMessage): void {
    const { parts, kind, ...envelope } = message
    const { log } = this.parts
    this.calls += 1
    this.called.add(worker)
    this.rowsMost = Math.max(this.rowsMost, envelope.rows)
    if (envelope.attempt > 1) this.count('call again', 1)
    log.write(
      `worker ${worker}`,
      kind === 'call' ? 'is called' : 'ends keys',
      `stage ${envelope.stage} lane ${envelope.lane} #${envelope.sequence} attempt ${envelope.attempt} ${envelope.rows} rows`,
    )
    const seat = this.seats.get(worker)
    if (seat === undefined) {
      this.wrong.push(`worker ${worker} is called after it was lost or stopped`)
      return
    }
    const head = { ...envelope, kind: kind === 'call' ? Message.call : Message.end, job: jobId, incarnation: worker }
    const bytes = atFailpoint('frame.encode', () =>
      this.parts.guarded ? seat.outbox.call(head, parts, bodySize(parts)) : inlineFrame(head, parts),
    )
    this.noteCall(worker, { ...envelope, frame: bytes })
    atFailpoint('send', () => seat.process.receive(bytes))
  }

  private noteCall(
    worker: number,
    { stage, sequence, attempt, frame }: Pick<CallMessage, 'stage' | 'sequence' | 'attempt'> & { frame: Uint8Array },
  ): void {
    const { timetable, wallMs } = this.parts
    const open = this.seats.get(worker)?.stages[stage]?.open
    if (open !== undefined)
      timetable.called(callName({ incarnation: worker, sequence, attempt }), open, { frame, atMs: wallMs() })
  }

  stop(worker: number): void {
    const seat = this.seats.get(worker)
    this.parts.log.write(`worker ${worker}`, 'is stopped')
    if (seat === undefined) return
    seat.why = { because: 'stopped', error: null }
    seat.process.stop()
  }

  kill(worker: number, why: string): void {
    const { clock, log, tickMs } = this.parts
    const seat = this.seats.get(worker)
    log.write(`worker ${worker}`, 'is killed', why)
    this.count(`kill ${why}`, 1)
    if (seat === undefined) return
    if (why === 'deadline' && seat.process.heardBefore(clock.nowMs - tickMs))
      this.wrong.push(`worker ${worker} was killed for its deadline while its reply lay in the socket`)
    seat.killedFor = why
    seat.process.kill()
  }

  bury(letter: DeadLetter): void {
    const capture = letter.capture?.()
    const { code, message } = letter.error
    this.parts.log.write(
      'letters',
      'dead row',
      `${letter.operator} ${letter.source}:${letter.position ?? '-'} ${code} ${message} ${capture?.length ?? 0} bytes`,
    )
    this.parts.letters.push(letter)
  }

  keep(stage: string, capture: () => Uint8Array): void {
    this.parts.log.write('captures', 'kept', `${stage} ${capture().length} bytes`)
  }

  fail(error: AnabranchError): void {
    this.parts.log.write('engine', 'fails', `${error.code} ${error.message}`)
    this.error = error
    this.over = true
  }

  finish(): void {
    this.parts.log.write('engine', 'finishes')
    this.over = true
  }

  // What happens.

  private heard(worker: number, bytes: Uint8Array): void {
    const seat = this.seats.get(worker)
    if (this.over) return
    // A real connection is gone with its process; without it, the engine must drop the reply of a lost worker.
    if (seat === undefined && this.parts.guarded) return
    if (seat !== undefined && seat.why.because === 'protocol') return
    try {
      const { bytes: own, loan } = spoilingMemory.take(bytes.length)
      own.set(bytes)
      const frame = atFailpoint('recv', () => (this.parts.guarded ? this.read(seat, own) : readFrame(own)))
      if (frame !== null) this.reply(worker, { ...frame, loan })
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.parts.log.write(`worker ${worker}`, 'is refused', error.message)
      if (seat === undefined) return
      if (!this.parts.guarded) {
        this.engine?.broken(worker, error, this.parts.clock.nowMs)
        return
      }
      seat.why = { because: 'protocol', error }
      seat.process.kill()
    }
  }

  /** As a real connection reads: what answers no call that is out is dropped. */
  private read(seat: Seat | undefined, bytes: Uint8Array): Frame | null {
    const e = readEnvelope(bytes)
    if (seat === undefined || e.job !== jobId || e.incarnation !== seat.process.number || !seat.outbox.answers(e)) {
      this.count('reply.stale', 1)
      return null
    }
    return seat.outbox.settle(e, bytes)
  }

  private reply(worker: number, frame: Frame): void {
    const { clock, log, damage, timetable } = this.parts
    const { kind, incarnation, sequence, attempt } = frame.envelope
    log.write(`worker ${worker}`, kind === Message.done ? 'answers' : 'fails', `#${sequence} attempt ${attempt}`)
    const before = this.dropped
    const key = { incarnation, sequence, attempt }
    // Before it is taken: the host may die in that, and an epoch that it has cut be written all the same.
    const takeBack =
      kind === Message.done ? timetable.answered(callName(key), this.parts.wallMs()) : (): void => undefined
    if (kind === Message.done) this.engine?.done(worker, key, frame, clock.nowMs)
    else this.engine?.callFailed(worker, key, failureOf(frame.tables), clock.nowMs)
    if (before === this.dropped) damage.healed()
    else takeBack()
  }

  /** Replies that the engine had no use for. */
  private get dropped(): number {
    return (this.counts.get('frame.refused') ?? 0) + (this.counts.get('reply.stale') ?? 0)
  }

  private lost(worker: number, end: End, wasReady: boolean): void {
    const { clock, log } = this.parts
    const seat = this.seats.get(worker)
    this.seats.delete(worker)
    invariant(seat !== undefined, 'a process is lost once')
    const { because, error } = seat.why
    const reason = { ...end, because, error, failed: null, wasReady, stderr: '', peakRssBytes: null }
    const loss = lossOf(reason, seat.killedFor)
    log.write(`worker ${worker}`, 'is lost', `${loss.kind}: ${loss.what}`)
    if (because === 'protocol' && error !== null) this.engine?.refused(error)
    const before = this.called.size
    this.engine?.lost(worker, loss, clock.nowMs)
    // Who takes over in the same moment was ready and had never been called.
    if (this.called.size > before) this.count('spare takes over', 1)
  }

  private count(name: string, by: number): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by)
  }
}

const callName = (of: { readonly incarnation: number; readonly sequence: number; readonly attempt: number }): string =>
  `${of.incarnation} ${of.sequence} ${of.attempt}`

function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  invariant(item !== undefined, 'sources and sinks are named by their index')
  return item
}

/**
 * A fake worker process: it reads the bytes of calls, runs the stand-in over them, answers with bytes, one call after
 * the other, and dies in all the ways in which a process dies. It lives in the world's time: where the host stands
 * still, it works on.
 */
import { type Failpoint, type FailpointSide, failpoint } from '../../base/index.js'
import { Message } from '../../transport/index.js'
import { type CallRead, type OpenedStage, failedFrame, readCall, replyFrame } from './call.js'
import { type Chance } from './chance.js'
import { type VirtualClock } from './clock.js'
import { WorkerDied } from './failpoints.js'
import { type Striker } from './faults.js'
import { type Produced } from './stand-in.js'
import { type Damage, Wire } from './wire.js'

export interface End {
  readonly code: number | null
  readonly signal: string | null
}
export interface WorkerWorld {
  readonly clock: VirtualClock
  readonly chance: Chance
  readonly striker: Striker
  readonly damage: Damage
  readonly stages: readonly OpenedStage[]
  /** Code that ends its process as it is opened does not. */
  readonly starts: boolean
  /** Microseconds of user code a row. */
  readonly rowUs: number
  /** Resident bytes above which the engine replaces a worker. */
  readonly largeBytes: number
  /** The service that the transforms call is away until then. */
  readonly serviceBackMs: number
  /** So many workers were lost by chance that a lone row may be struck again and again, and must not be blamed. */
  chanceKnown(): boolean
  /** The same for who dies after its reply, with a call on its way that it never sees: before, it may happen once. */
  mayDieAfter(): boolean
  log(worker: number, what: string, about: string): void
}
export interface WorkerEars {
  ready(): void
  /** Bytes from the worker, whatever they are. */
  message(bytes: Uint8Array): void
  lost(end: End, wasReady: boolean): void
}

const callMs = 0.3
const exitMs = 2

export class FakeWorker {
  private phase: 'starting' | 'ready' | 'gone' = 'starting'
  private readonly inbox: CallRead[] = []
  private working = false
  private readonly wire: Wire
  private frozenUntilMs = 0
  private stopping = false

  constructor(
    readonly number: number,
    private readonly world: WorkerWorld,
    private readonly ears: WorkerEars,
  ) {
    this.wire = new Wire(world, bytes => ears.message(bytes))
    const { striker, clock, chance } = world
    const startMs = striker.strikes('start is slow') ? chance.between(2_000, 20_000) : chance.between(50, 500)
    if (!world.starts || striker.strikes('start fails')) clock.after(startMs, () => this.die({ code: 1, signal: null }))
    else
      clock.after(startMs, () => {
        if (this.phase !== 'starting') return
        this.phase = 'ready'
        clock.tell(0.1, () => {
          if (this.phase === 'ready') ears.ready()
        })
      })
  }

  /** Whether a reply lies at the host, unread, since before this moment. */
  heardBefore(ms: number): boolean {
    return this.wire.heardBefore(ms)
  }

  receive(bytes: Uint8Array): void {
    this.world.clock.after(0.05, () => {
      if (this.phase !== 'ready') return
      const call = readCall(bytes)
      if (!this.passes(call, 'w.recv', 'before')) return
      this.inbox.push(call)
      this.next()
    })
  }

  /** SIGKILL by the host. */
  kill(): void {
    this.world.clock.after(0.5, () => this.die({ code: null, signal: 'SIGKILL' }))
  }

  /** STOP: what is in the inbox is answered first. */
  stop(): void {
    this.stopping = true
    this.world.clock.after(0.1, () => this.next())
  }

  private next(): void {
    if (this.working || this.phase !== 'ready') return
    const call = this.inbox.shift()
    if (call !== undefined) this.begin(call)
    else if (this.stopping) this.die({ code: 0, signal: null })
  }

  private begin(call: CallRead): void {
    const { world } = this
    this.working = true
    const { rows, attempt, stage } = call.envelope
    const ms = callMs + (rows * world.rowUs * (0.7 + 0.6 * world.chance.next())) / 1_000
    if (this.mayStrike(rows, attempt) && this.struck(ms)) return
    if (!this.passes(call, 'w.recv', 'after') || !this.passes(call, 'w.run', 'before')) return
    const opened = world.stages[stage]
    if (opened === undefined) throw new RangeError(`stage ${stage} was opened`)
    if (world.clock.nowMs < world.serviceBackMs && rows > 0) {
      this.later(ms, () => this.send(call, failedFrame(call, away(world.chance))))
      return
    }
    const outcome = opened.run(call)
    switch (outcome.kind) {
      case 'hung':
        world.log(this.number, 'hangs', `on ${rows} rows`)
        return
      case 'died':
        this.later(ms, () => this.die(outcome))
        return
      case 'raised':
        this.later(ms, () => this.send(call, failedFrame(call, raised(outcome))))
        return
      default:
        this.later(ms, () => this.send(call, this.done(opened, call, outcome, ms)))
    }
  }

  private done(opened: OpenedStage, call: CallRead, outcome: Produced, ms: number): Uint8Array {
    const large = this.world.striker.strikes('worker too large')
    const rss = large ? this.world.largeBytes + 1 : 50_000_000
    return replyFrame(call, Message.done, opened.done(call, outcome, { us: Math.round(ms * 1_000), rss }))
  }

  /** A lone row is struck by chance once: the second time it would be right to blame it, unless chance is known. */
  private mayStrike(rows: number, attempt: number): boolean {
    return rows > 1 || attempt === 1 || this.world.chanceKnown()
  }

  /** Whether a fault by chance ends this call. */
  private struck(ms: number): boolean {
    const { striker, chance, clock } = this.world
    const crash = (): void => this.die({ code: null, signal: chance.pick(['SIGSEGV', 'SIGABRT', 'SIGILL']) })
    if (striker.strikes('crash before the call')) crash()
    else if (striker.strikes('crash in the call')) this.later(ms * chance.next(), crash)
    else if (striker.strikes('killed from outside'))
      this.later(ms * chance.next(), () => this.die({ code: null, signal: 'SIGKILL' }))
    else if (striker.strikes('hang in the call')) this.world.log(this.number, 'hangs', 'by chance')
    else {
      if (striker.strikes('stopped for a while')) this.frozenUntilMs = clock.nowMs + chance.between(100, 20_000)
      return false
    }
    return true
  }

  private later(ms: number, run: () => void): void {
    const { clock } = this.world
    clock.after(ms + Math.max(0, this.frozenUntilMs - clock.nowMs), () => {
      if (this.phase === 'ready') run()
    })
  }

  private send(call: CallRead, reply: Uint8Array): void {
    const { striker, mayDieAfter } = this.world
    if (!this.passes(call, 'w.run', 'after') || !this.passes(call, 'w.sent', 'before')) return
    this.working = false
    this.wire.send(reply)
    if (!mayDieAfter()) return this.next()
    if (!this.passes(call, 'w.sent', 'after')) striker.note('crash after the call')
    else if (striker.strikes('crash after the call')) this.die({ code: null, signal: 'SIGSEGV' })
    else this.next()
  }

  /** Answers false where the worker dies at this step. */
  private passes({ envelope: { rows, attempt } }: CallRead, name: Failpoint, side: FailpointSide): boolean {
    if (!this.mayStrike(rows, attempt)) return true
    try {
      failpoint(name, side)
      return true
    } catch (error) {
      if (!(error instanceof WorkerDied)) throw error
      this.die({ code: null, signal: 'SIGKILL' })
      return false
    }
  }

  private die(end: End): void {
    if (this.phase === 'gone') return
    const wasReady = this.phase === 'ready'
    this.phase = 'gone'
    this.world.log(this.number, 'dies', end.signal ?? `exit ${end.code ?? '?'}`)
    const lastMs = this.wire.cut(wasReady && end.signal !== null && this.world.striker.strikes('unflushed replies'))
    this.world.clock.tell(Math.max(exitMs, lastMs + 0.01), () => this.ears.lost(end, wasReady))
  }
}

const raised = (o: { readonly operator: number; readonly message: string }): Readonly<Record<string, unknown>> => ({
  class: 'TransformError',
  code: 'ANB2001',
  type: 'ValueError',
  ...o,
})

const away = (chance: Chance): Readonly<Record<string, unknown>> => ({
  class: 'TransientError',
  code: 'ANB2009',
  type: 'ConnectionRefusedError',
  message: 'connection refused',
  retryAfterMs: chance.happens(0.3) ? chance.between(0, 3_000) : null,
})

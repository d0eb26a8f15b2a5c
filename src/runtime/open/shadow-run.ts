/** One shadow of a running job: the process with the new code, its clock, and the promise of its report. */
import { setPriority } from 'node:os'
import { AnabranchError, WorkerError } from '../../base/index.js'
import { type Frame, Message, bodySize } from '../../transport/index.js'
import { type LostReason, type WorkerEvents, type WorkerProcess } from '../../workers/index.js'
import { type CallMessage } from '../flow/index.js'
import { type ShadowEffects, type ShadowReport, type ShadowTerms, Shadowing } from '../shadow/index.js'
import { failureOf, lossOf, startFailure } from './failures.js'
import { replyBytesOf } from './host.js'
import { type RealWorld } from './world.js'

export interface ShadowParts {
  readonly clock: RealWorld['clock']
  start(events: WorkerEvents): WorkerProcess
  pidsChanged(): void
  /** Number of the epoch that is open; null without epochs. */
  epoch(): number | null
  readonly terms: ShadowTerms
}

/** Answers are compared, and deadlines looked at, so often: between the events of the job. */
const tickMs = 10
/** The work of the job comes first where the cores are few. */
const niceness = 10

export class ShadowRun implements ShadowEffects {
  readonly report: Promise<ShadowReport>
  readonly shadowing: Shadowing
  private process: WorkerProcess | null = null
  private killedFor: string | null = null
  private settle: (report: ShadowReport) => void = () => undefined
  private refuse: (error: unknown) => void = () => undefined
  private cancelTick: () => void = () => undefined
  private isOver = false
  private ending: Promise<void> = Promise.resolve()

  constructor(private readonly parts: ShadowParts) {
    this.report = new Promise((settle, refuse) => {
      this.settle = settle
      this.refuse = refuse
    })
    this.shadowing = new Shadowing(parts.terms, this)
  }

  begin(): void {
    this.shadowing.start()
    this.tick()
  }

  get pid(): number | null {
    return this.process?.pid ?? null
  }

  end(why: ShadowReport['ended']): void {
    this.shadowing.end(why, this.now)
  }

  /** Its process is gone when it settles. */
  async closed(): Promise<void> {
    await this.ending
  }

  // What it asks for.

  spawn(worker: number): void {
    try {
      this.process = this.parts.start(this.eventsOf(worker))
    } catch (error) {
      if (!(error instanceof AnabranchError)) throw error
      this.parts.clock.soon(() => this.fail(error))
    }
  }

  call(_worker: number, { kind, parts, ...envelope }: CallMessage): void {
    const message = kind === 'call' ? Message.call : Message.end
    this.process?.call({ ...envelope, kind: message }, parts, replyBytesOf(bodySize(parts)))
  }

  kill(): void {
    this.killedFor = 'deadline'
    this.process?.kill()
  }

  over(report: ShadowReport): void {
    this.close()
    this.settle(report)
  }

  epoch(): number | null {
    return this.parts.epoch()
  }

  // What happens.

  private eventsOf(worker: number): WorkerEvents {
    return {
      started: () => {
        this.parts.pidsChanged()
        lower(this.pid)
      },
      ready: () => this.shadowing.ready(this.now),
      reply: frame => this.reply(worker, frame),
      log: () => undefined,
      output: () => undefined,
      dropped: () => undefined,
      lost: reason => this.lost(reason),
    }
  }

  private reply(worker: number, frame: Frame): void {
    const { envelope, tables, loan } = frame
    const key = { incarnation: worker, sequence: envelope.sequence, attempt: envelope.attempt }
    if (envelope.kind === Message.done) {
      this.shadowing.answered(key, { is: 'done', tables, loan }, this.now)
      return
    }
    try {
      this.shadowing.answered(key, { is: 'failed', failure: failureOf(tables) }, this.now)
    } catch (error) {
      if (!(error instanceof AnabranchError)) throw error
      // What it says is no failure of ours: it is replaced, as a worker of the job would be.
      this.process?.kill()
    } finally {
      loan?.release()
    }
  }

  private lost(reason: LostReason): void {
    const loss = lossOf(reason, this.killedFor)
    this.process = null
    this.killedFor = null
    this.parts.pidsChanged()
    if (this.isOver) return
    if (this.shadowing.began || loss.kind === 'outside') this.shadowing.lost(loss, this.now)
    else this.fail(startFailure(reason) ?? notStarted(`it ${loss.what}`, loss.stderr))
  }

  /** There is nothing that could be compared. */
  private fail(error: AnabranchError): void {
    this.close()
    this.refuse(error)
  }

  private close(): void {
    this.isOver = true
    this.cancelTick()
    this.ending = this.process?.stop(0) ?? Promise.resolve()
  }

  private tick(): void {
    this.cancelTick = this.parts.clock.after(tickMs, () => {
      this.shadowing.tick(this.now)
      if (!this.isOver) this.tick()
    })
  }

  private get now(): number {
    return this.parts.clock.nowMs()
  }
}

const notStarted = (why: string, detail: string): WorkerError =>
  new WorkerError('ANB3003', `expected a worker with the new code to start and stay, ${why}`, { detail })

function lower(pid: number | null): void {
  try {
    if (pid !== null) setPriority(pid, niceness)
  } catch {
    // It is gone already, which is told elsewhere.
  }
}

/**
 * Swaps: from a request for other code to the word on its trial, over attempts. A trial that is lost fails its attempt; the next one
 * goes on behind the epoch before, and its record says which code that is: the old one.
 */
import { AnabranchError, type Clock, type ErrorClass, type Observer, PlanError } from '../../base/index.js'
import { type Engine, type SwapEvents, type Trial } from '../flow/index.js'
import { type SwapReport, type SwapRequest } from '../running-job.js'
import { type NewCodeParts, newModule } from './new-code.js'

/** Share of the first epoch's rows that may be dead, unless the request says another. */
const maxErrorsDefault = 0.01

/** What new code may be to blame for. */
const ofCode: ReadonlySet<ErrorClass> = new Set([
  'PlanError',
  'TransformError',
  'TransientError',
  'ContractError',
  'WorkerError',
  'ProtocolError',
])

interface Asked {
  readonly answer: (report: SwapReport) => void
  readonly refuse: (error: unknown) => void
  pausedMs: number
}

/** The attempt failed; rows flow again once the next one is open. */
interface Lost {
  readonly trial: Trial
  readonly error: AnabranchError
  readonly sinceMs: number
}

export class Swaps {
  private asked: Asked | null = null
  private lost: Lost | null = null

  constructor(
    private readonly parts: NewCodeParts & {
      readonly clock: Pick<Clock, 'nowMs'>
      readonly observer: Observer
      /** Code is about to change. */
      changes(): void
    },
  ) {}

  /** Code is on trial, or will be. */
  get isUnderWay(): boolean {
    return this.asked !== null
  }

  /** Settles with the word on the trial. @throws where the new code is refused; then nothing was touched */
  async swap(engine: Pick<Engine, 'swap'>, request: SwapRequest): Promise<SwapReport> {
    if (this.asked !== null)
      throw new PlanError('ANB1027', 'expected no swap to be under way, the one before is not judged yet', {
        hint: 'wait until its first epoch was judged',
      })
    return new Promise<SwapReport>((answer, refuse) => {
      const asked = { answer, refuse, pausedMs: 0 }
      this.asked = asked
      this.begin(asked, engine, request).catch((error: unknown) => {
        if (this.asked === asked) this.refuse(error)
      })
    })
  }

  /** An attempt ended with an error. Answers whether it was the new code's, so that the old one goes on at once. */
  failed(error: unknown, engine: Pick<Engine, 'trial'> | null): boolean {
    const trial = engine?.trial ?? null
    if (trial === null || !(error instanceof AnabranchError)) {
      this.refuse(error)
      return false
    }
    this.lost = { trial, error, sinceMs: this.parts.clock.nowMs() }
    return ofCode.has(error.class)
  }

  /** Rows flow, with the code of the record: that of the last epoch which was written. */
  flows(epoch: number): void {
    const { lost } = this
    if (lost === null) return
    this.lost = null
    const { clock, observer } = this.parts
    const pausedMs = clock.nowMs() - lost.sinceMs
    // What failed the attempt came behind the write that made the trial durable.
    if (lost.trial.epoch !== null && epoch >= lost.trial.epoch) return this.keep(lost.trial, pausedMs)
    const { code, message } = lost.error
    observer.count('swap.thrown away')
    observer.log('warning', `new code was thrown away, the old one goes on: ${code} ${message}`)
    this.answer({ ...reportOf(lost.trial), kept: false, why: lost.error.json, pausedMs })
  }

  /** The run is over. */
  ended(): void {
    // Whether an epoch that was on its way is written is for the next run to find.
    if (this.lost !== null && this.lost.trial.epoch !== null) this.refuse(this.lost.error)
    else this.flows(0)
    this.refuse(new PlanError('ANB8012', 'expected the first epoch of the new code to end, the run ended before'))
  }

  private async begin(asked: Asked, engine: Pick<Engine, 'swap'>, request: SwapRequest): Promise<void> {
    const { clock, codes } = this.parts
    const { module, place } = await newModule(this.parts, request)
    // The attempt failed meanwhile, and whoever asked was told.
    if (this.asked !== asked) return
    const code = codes.with(module, { ...place, rows: 'stay' })
    const { topology, operators } = code
    const maxErrors = request.maxErrors ?? maxErrorsDefault
    try {
      codes.add(code)
      engine.swap({ topology, operators, maxErrors, events: this.events }, clock.nowMs())
    } catch (error) {
      codes.drop()
      throw error
    }
  }

  private readonly events: SwapEvents = {
    refused: error => {
      this.parts.codes.drop()
      this.refuse(error)
    },
    changed: sinceMs => {
      this.parts.changes()
      if (this.asked !== null) this.asked.pausedMs = this.parts.clock.nowMs() - sinceMs
    },
    kept: trial => this.keep(trial, this.asked?.pausedMs ?? 0),
  }

  private keep(trial: Trial, pausedMs: number): void {
    this.parts.observer.count('swap.kept')
    this.parts.codes.leave()
    this.answer({ ...reportOf(trial), kept: true, why: null, pausedMs })
  }

  private answer(report: SwapReport): void {
    const { asked } = this
    this.asked = null
    asked?.answer(report)
  }

  private refuse(error: unknown): void {
    const { asked } = this
    this.asked = null
    asked?.refuse(error)
  }
}

const reportOf = ({ rows, dead, deadByReason }: Trial): Pick<SwapReport, 'rows' | 'dead' | 'deadByReason'> => {
  return { rows, dead, deadByReason }
}

/**
 * Swaps: from a request for other code to the word on its trial, over attempts. A trial that is lost fails its attempt; the next one
 * goes on behind the epoch before, and its record says which code that is: the old one.
 */
import { AnabranchError, type Clock, type ErrorClass, type Observer, PlanError } from '../../base/index.js'
import { type Engine, type Swap, type SwapEvents, type Trial } from '../flow/index.js'
import { type SwapReport, type SwapRequest } from '../running-job.js'
import { type Code } from './codes.js'
import { type NewCodeParts, newModule } from './new-code.js'
import { beginsAnew } from './state-changes.js'

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
  /** The job begins again behind its last epoch with the new code; null: code changes between two epochs. */
  anew: { readonly swap: Swap; readonly sinceMs: number; flows: boolean } | null
}

/** Ends an attempt whose job begins again with other code. */
export class CodeChange extends PlanError {
  constructor() {
    super('ANB1027', 'the job begins again behind its last epoch, with other code')
  }
}

/** The attempt failed; rows flow again once the next one is open. */
interface Lost {
  readonly trial: Trial
  readonly error: AnabranchError
  readonly sinceMs: number
  /** No row of it flowed: what is stored could not become its state, or no worker took it. */
  readonly isRefused: boolean
}

/** The engine of the attempt that runs. */
type SwappedEngine = Pick<Engine, 'swap'> & { readonly state: Pick<Engine['state'], 'coldSides'> }

export class Swaps {
  private asked: Asked | null = null
  private lost: Lost | null = null

  constructor(
    private readonly parts: NewCodeParts & {
      readonly clock: Pick<Clock, 'nowMs'>
      readonly observer: Observer
      /** Code is about to change. */
      changes(): void
      /** Ends the attempt with this; the next one goes on behind its last epoch. @throws PlanError where it could not */
      restart(change: CodeChange): void
    },
  ) {}

  /** Code is on trial, or will be. */
  get isUnderWay(): boolean {
    return this.asked !== null
  }

  /** With which code the attempt that begins has its first row; null: that of its last epoch. */
  get onTrial(): Swap | null {
    return this.asked?.anew?.swap ?? null
  }

  /** Settles with the word on the trial. @throws where the new code is refused; then nothing was touched */
  async swap(engine: SwappedEngine, request: SwapRequest): Promise<SwapReport> {
    if (this.asked !== null)
      throw new PlanError('ANB1027', 'expected no swap to be under way, the one before is not judged yet', {
        hint: 'wait until its first epoch was judged',
      })
    return new Promise<SwapReport>((answer, refuse) => {
      const asked: Asked = { answer, refuse, pausedMs: 0, anew: null }
      this.asked = asked
      this.begin(asked, engine, request).catch((error: unknown) => {
        if (this.asked === asked) this.refuse(error)
      })
    })
  }

  /** An attempt ended with an error. Answers whether it was the new code's, so that the old one goes on at once. */
  failed(error: unknown, engine: Pick<Engine, 'trial'> | null): boolean {
    if (error instanceof CodeChange) return true
    const { asked } = this
    if (asked?.anew != null) {
      const { flows, sinceMs } = asked.anew
      asked.anew = null
      this.parts.codes.settled()
      if (!flows && error instanceof AnabranchError) {
        this.lost = { trial: noTrial, error, sinceMs, isRefused: true }
        return true
      }
    }
    const trial = engine?.trial ?? null
    if (trial === null || !(error instanceof AnabranchError)) {
      this.refuse(error)
      return false
    }
    this.lost = { trial, error, sinceMs: this.parts.clock.nowMs(), isRefused: false }
    return ofCode.has(error.class)
  }

  /** Rows flow, with the code of the record: that of the last epoch which was written. */
  flows(epoch: number): void {
    const { lost, asked } = this
    const { clock, observer } = this.parts
    if (asked?.anew != null) {
      asked.anew.flows = true
      asked.pausedMs = clock.nowMs() - asked.anew.sinceMs
    }
    if (lost === null) return
    this.lost = null
    if (lost.isRefused) {
      observer.log('warning', `new code was refused, the old one goes on: ${lost.error.code} ${lost.error.message}`)
      return this.refuse(lost.error)
    }
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

  private async begin(asked: Asked, engine: SwappedEngine, request: SwapRequest): Promise<void> {
    const { clock, codes } = this.parts
    const { module, place } = await newModule(this.parts, request)
    // The attempt failed meanwhile, and whoever asked was told.
    if (this.asked !== asked) return
    const code = codes.with(module, { ...place, rows: 'stay' })
    const { topology, operators } = code
    const maxErrors = request.maxErrors ?? maxErrorsDefault
    if (beginsAnew(codes.now, code, engine.state.coldSides.length === 0))
      return this.beginAnew(asked, { code, maxErrors })
    try {
      codes.add(code)
      engine.swap({ topology, operators, maxErrors, events: this.events }, clock.nowMs())
    } catch (error) {
      codes.drop()
      throw error
    }
  }

  /** State that cannot become the new one where it is goes the way of a start. */
  private beginAnew(asked: Asked, { code, maxErrors }: { readonly code: Code; readonly maxErrors: number }): void {
    const { clock, codes, changes, restart } = this.parts
    const { topology, operators } = code
    restart(new CodeChange())
    asked.anew = { swap: { topology, operators, maxErrors, events: this.events }, sinceMs: clock.nowMs(), flows: false }
    codes.goOnWith(code)
    changes()
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
    this.parts.codes.settled()
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

const noTrial: Trial = { rows: 0, dead: 0, deadByReason: {}, epoch: null }

const reportOf = ({ rows, dead, deadByReason }: Trial): Pick<SwapReport, 'rows' | 'dead' | 'deadByReason'> => {
  return { rows, dead, deadByReason }
}

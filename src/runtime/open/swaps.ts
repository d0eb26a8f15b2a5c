/**
 * Swaps: from a request for other code to the word on its trial, over attempts. A trial that is lost fails its attempt; the next one
 * goes on behind the epoch before, and its record says which code that is: the old one.
 */
import { resolve } from 'node:path'
import { AnabranchError, type ErrorClass, PlanError } from '../../base/index.js'
import { describeModule } from '../../workers/index.js'
import { type Engine, type SwapEvents, type Trial } from '../flow/index.js'
import { type SwapReport, type SwapRequest } from '../running-job.js'
import { type Codes } from './codes.js'
import { type Opened } from './opened.js'
import { packageFolder } from './package.js'

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

/** Thrown away; rows flow again once the next attempt is open. */
interface Lost {
  readonly trial: Trial
  readonly error: AnabranchError
  readonly sinceMs: number
}

export class Swaps {
  private asked: Asked | null = null
  private lost: Lost | null = null

  constructor(
    private readonly opened: Pick<Opened, 'options' | 'world' | 'plan'>,
    private readonly codes: Codes,
  ) {}

  /** Settles with the word on the trial. @throws where the new code is refused; then nothing was touched */
  async swap(engine: Engine, request: SwapRequest): Promise<SwapReport> {
    if (this.asked !== null)
      throw new PlanError('ANB1027', 'expected no swap to be under way, the one before is not judged yet', {
        hint: 'wait until its first epoch was judged',
      })
    const report = new Promise<SwapReport>((answer, refuse) => {
      this.asked = { answer, refuse, pausedMs: 0 }
    })
    this.begin(engine, request).catch((error: unknown) => this.refuse(error))
    return report
  }

  /** An attempt ended with an error. Answers whether it was the new code's, so that the old one goes on at once. */
  failed(error: unknown, engine: Engine | null): boolean {
    const trial = engine?.trial ?? null
    if (trial === null || !(error instanceof AnabranchError)) {
      this.refuse(error)
      return false
    }
    this.lost = { trial, error, sinceMs: this.opened.world.clock.nowMs() }
    return ofCode.has(error.class)
  }

  /** Rows flow, with the code of the record. */
  flows(): void {
    const { lost } = this
    if (lost === null) return
    this.lost = null
    const pausedMs = this.opened.world.clock.nowMs() - lost.sinceMs
    const { options } = this.opened
    options.observer.count('swap.thrown away')
    options.observer.log(
      'warning',
      `new code was thrown away, the old one goes on: ${lost.error.code} ${lost.error.message}`,
    )
    this.answer({ ...lost.trial, kept: false, why: lost.error.json, pausedMs })
  }

  /** The run is over. */
  ended(): void {
    this.flows()
    this.refuse(new PlanError('ANB8012', 'expected the first epoch of the new code to end, the run ended before'))
  }

  private async begin(engine: Engine, request: SwapRequest): Promise<void> {
    const { plan, options, world } = this.opened
    const running = this.codes.now.plan
    const replaces = replacedBy(running.nodes, request)
    const path = request.module === null ? replaces : resolve(plan.folder, request.module)
    const hostEnv = process.env
    const described = await describeModule(path, {
      world,
      python: options.python,
      packageFolder,
      cwd: plan.folder,
      hostEnv,
    })
    const code = this.codes.add(described, { replaces, operator: request.operator })
    const maxErrors = request.maxErrors ?? maxErrorsDefault
    try {
      engine.swap({ topology: code.topology, maxErrors, events: this.events }, world.clock.nowMs())
    } catch (error) {
      this.codes.drop()
      throw error
    }
  }

  private readonly events: SwapEvents = {
    refused: error => {
      this.codes.drop()
      this.refuse(error)
    },
    changed: sinceMs => {
      if (this.asked !== null) this.asked.pausedMs = this.opened.world.clock.nowMs() - sinceMs
    },
    kept: trial => {
      this.opened.options.observer.count('swap.kept')
      this.answer({ ...trial, kept: true, why: null, pausedMs: this.asked?.pausedMs ?? 0 })
    },
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

/** The module whose functions are replaced: the only one of the job, that of the operator, or that which has the name. */
function replacedBy(
  nodes: Codes['now']['plan']['nodes'],
  { operator, module }: Pick<SwapRequest, 'operator' | 'module'>,
): string {
  const python = nodes.flatMap(node => (node.kind === 'python' && node.fn.module !== '' ? [node] : []))
  const ids = python.map(node => `"${node.id}"`).join(', ')
  if (operator !== null) {
    const found = python.find(node => node.id === operator)
    if (found !== undefined) return found.fn.module
    throw new PlanError('ANB1027', `expected the id of an operator in Python, got "${operator}"; there are ${ids}`)
  }
  const modules = [...new Set(python.map(node => node.fn.module))]
  const [only] = modules
  if (only !== undefined && modules.length === 1) return only
  const named = modules.find(path => module !== null && path.endsWith(`/${module}`))
  if (named !== undefined) return named
  throw new PlanError('ANB1027', 'expected to know which code to replace, the job has several modules of transforms', {
    hint: `name an operator: --operator ID, one of ${ids}`,
  })
}

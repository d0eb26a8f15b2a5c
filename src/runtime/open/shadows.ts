/** Shadows: new code beside that of a running job, one at a time. It ends with the job at the latest, and before its code changes. */
import { AnabranchError, PlanError } from '../../base/index.js'
import { type StageVertex, openStages } from '../../plan/index.js'
import { type Engine } from '../flow/index.js'
import { type ShadowReport, type ShadowRequest, type ShadowTerms, stateChange } from '../shadow/index.js'
import { type Code } from './codes.js'
import { type NewCodeParts, newModule } from './new-code.js'
import { type Opened } from './opened.js'
import { ShadowRun } from './shadow-run.js'
import { startWorkerOf } from './start.js'
import { type Swaps } from './swaps.js'

const secondsDefault = 30

interface Beside {
  readonly engine: Engine
  pidsChanged(): void
}

export class Shadows {
  private run: ShadowRun | null = null

  constructor(
    private readonly opened: Opened,
    private readonly parts: NewCodeParts & { readonly swaps: Swaps },
  ) {}

  /** Of its worker; null: there is none. */
  get pid(): number | null {
    return this.run?.pid ?? null
  }

  /** Settles when it is over. @throws PlanError, StateError, WorkerError where the new code is refused; then nothing was touched */
  async shadow(beside: Beside, request: ShadowRequest): Promise<ShadowReport> {
    const { codes, swaps } = this.parts
    const { module, place } = await newModule(this.parts, request)
    if (swaps.isUnderWay)
      throw new PlanError('ANB1027', 'expected no swap to be under way, its new code is not judged yet', {
        hint: 'wait until its first epoch was judged',
      })
    const code = codes.with(module, { ...place, rows: 'change' })
    const swap = refusalOf(() => codes.with(module, { ...place, rows: 'stay' }))
    const terms = this.termsOf(code, request, swap)
    this.run?.end('replaced')
    return this.beside(beside, code, terms)
  }

  /** Settles when its process is gone too. */
  async end(why: 'job' | 'swap'): Promise<void> {
    const { run } = this
    run?.end(why)
    await run?.closed()
  }

  private async beside({ engine, pidsChanged }: Beside, code: Code, terms: ShadowTerms): Promise<ShadowReport> {
    const { opened } = this
    const { codes } = this.parts
    const { clock } = opened.world
    const stages = openStages(code.topology)
    const run = new ShadowRun({
      clock,
      start: events =>
        startWorkerOf(opened, { role: 'user', stages, kept: codes.copiesOf(code) }, opened.incarnation(), events),
      pidsChanged,
      epoch: () => engine.epochStatus(clock.nowMs())?.epoch ?? null,
      terms,
    })
    this.run = run
    engine.tap = run.shadowing
    run.begin()
    try {
      return await run.report
    } finally {
      if (this.run === run) {
        engine.tap = null
        this.run = null
      }
      await run.closed()
    }
  }

  private termsOf(code: Code, request: ShadowRequest, swap: ShadowReport['swap']): ShadowTerms {
    const { memory, plan } = this.opened
    const running = stagesOf(this.parts.codes.now)
    const changed = (stage: StageVertex): boolean => stage.operators.some(({ id }) => code.operators.has(id))
    const stages = stagesOf(code).flatMap(vertex => {
      const before = running.find(stage => stage.number === vertex.number)
      if (before === undefined || !changed(vertex)) return []
      return [[vertex.number, { vertex, change: stateChange(before, vertex) }] as const]
    })
    return {
      stages: new Map(stages),
      tolerance: request.tolerance ?? 0,
      limits: { epochs: request.epochs, rows: request.rows, ms: 1_000 * (request.seconds ?? secondsDefault) },
      memory,
      stateBytesMax: plan.options.stateBytesMax,
      swap,
    }
  }
}

const stagesOf = ({ topology }: Code): readonly StageVertex[] =>
  topology.vertices.filter((v): v is StageVertex => v.kind === 'stage')

/** Why a swap would be refused for what the new code declares. */
function refusalOf(swap: () => void): ShadowReport['swap'] {
  try {
    swap()
    return null
  } catch (error) {
    if (error instanceof AnabranchError) return error.json
    throw error
  }
}

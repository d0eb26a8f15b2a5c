/**
 * Swapper: who swaps other code into a simulated job, and the code that the job has then. Requests, codes and attempts are
 * those of a real run; only files and what Python says of them are ours. It also looks whether what was answered is true.
 */
import { AnabranchError } from '../../base/index.js'
import { type EpochRecord } from '../../checkpoint/index.js'
import { type OpenStage, openStages } from '../../plan/index.js'
import { type Code, Codes, type Engine, type EpochCut, type Swap, type SwapReport, Swaps } from '../../runtime/index.js'
import { type DescribedModule } from '../../workers/index.js'
import { type Chance } from './chance.js'
import { type VirtualClock } from './clock.js'
import { type Era, type Eras, History } from './eras.js'
import { modulePath } from './functions.js'
import { type Job } from './job.js'
import { type Log } from './log.js'
import { type NewCode, type Version, bugs, describeCode, firstVersion, sourceOf, versionOf } from './versions.js'

/** Somebody asks for other code. */
export interface SwapAsked {
  readonly atMs: number
  readonly code: NewCode
  /** Only for this operator, by its number; null: for all that have a function of the module. */
  readonly operator: number | null
  /** The file of the job is edited; else the code has a file of its own. */
  readonly inPlace: boolean
  readonly maxErrors: number
}

export function drawSwaps(chance: Chance): readonly SwapAsked[] {
  if (chance.happens(0.5)) return []
  const span = chance.pick([50, 500, 2_000, 2_000, 20_000])
  let atMs = 0
  return Array.from({ length: chance.pick([1, 1, 2, 3, 5]) }, (_, i) => {
    atMs += chance.between(1, span)
    const bug = chance.happens(0.5) ? 'none' : chance.pick(bugs)
    const version = { number: i + 1, bug, keepsMore: chance.happens(0.5) }
    const code: NewCode = chance.happens(0.1) ? chance.pick(['does not import', 'does not fit']) : version
    const operator = chance.happens(0.4) ? chance.below(16) : null
    // Code that fails each row has no share that might be allowed.
    const maxErrors = bug === 'none' || bug === 'rejects some' ? chance.pick([0, 0.3, 1]) : 0
    return { atMs, code, operator, inPlace: chance.happens(0.4), maxErrors }
  })
}

/** Python reads a module. */
interface Under {
  readonly path: string
  readonly code: NewCode
  readonly settle: (module: DescribedModule) => void
  readonly refuse: (error: unknown) => void
}

/** Turns that a request takes between two moments. */
const turnsMax = 20
const describeMsMax = 200

export class Swapper {
  readonly wrong: string[] = []
  readonly counts = new Map<string, number>()
  private readonly history = new History()
  private readonly operators: readonly string[]
  private readonly first: Era['versions']
  private readonly left: SwapAsked[]
  /** Of the host that lives. */
  private codes: Codes
  private swaps: Swaps
  private described: Under | null = null
  private requests = 0
  private asked = 0
  private settled = 0
  private moves = false
  private isOver = false
  /** What is in files that somebody wrote. */
  private readonly files = new Map<string, NewCode>()
  private readonly kept = new Set<string>()
  /** What was asked for last. */
  private wanted: NewCode = firstVersion

  constructor(
    private readonly job: Job,
    asked: readonly SwapAsked[],
    private readonly parts: {
      readonly clock: VirtualClock
      readonly chance: Chance
      readonly log: Log
      /** Of the attempt that runs. */
      engine(): Engine | null
    },
  ) {
    this.left = [...asked]
    this.operators = [...job.operators.keys()]
    this.first = new Map(this.operators.map(id => [id, firstVersion]))
    ;[this.codes, this.swaps] = this.begun()
  }

  /** A host that begins knows nothing but the files of the job. */
  private begun(): readonly [Codes, Swaps] {
    const { job, parts, files } = this
    files.clear()
    this.described = null
    this.asked = this.settled
    const observer = {
      count: (what: string) => this.count(what),
      log: (_: string, message: string) => parts.log.write('swap', message),
    }
    const codes = new Codes({ ...job, epochs: true, observer }, this.folder)
    const describe = (path: string): Promise<DescribedModule> => this.describe(path)
    const clock = { nowMs: () => parts.clock.nowMs }
    const changes = (): void => undefined
    const restart = (change: AnabranchError): void => parts.engine()?.stop(change)
    return [codes, new Swaps({ plan: job.plan, clock, observer, codes, describe, changes, restart })]
  }

  /** Where sources are kept, by their text: on a disk that outlives hosts. */
  private readonly folder = {
    copy: (path: string) => this.sourceIn(path),
    pathOf: (source: string) => source,
    keep: (sources: readonly string[]) => {
      for (const source of sources) this.kept.add(source)
    },
    bring: (source: string) => {
      if (!this.kept.has(source)) this.wrong.push(`the source ${source} was taken away that an epoch names`)
    },
    leave: (needed: ReadonlySet<string>) => {
      for (const source of this.kept) if (!needed.has(source)) this.kept.delete(source)
    },
  }

  died(): void {
    ;[this.codes, this.swaps] = this.begun()
  }

  /** An attempt ended with an error. Answers whether the next one goes on at once. */
  failed(error: AnabranchError, engine: Engine): boolean {
    return this.swaps.failed(error, engine)
  }

  /** With which code the attempt that begins has its first row; null: that of its last epoch. */
  get onTrial(): Swap | null {
    return this.swaps.onTrial
  }

  /** The code of an attempt that goes on behind this record. */
  goOn(record: EpochRecord | null): Code {
    const code = this.codes.goOn(record)
    const [named, runs] = [versionsIn(record?.swapped ?? {}), versionsIn(code.swapped)]
    if (named !== runs && this.onTrial === null)
      this.wrong.push(`the record names the code ${named}, the job goes on with ${runs}`)
    return code
  }

  /** Rows flow, behind this epoch. */
  flows(epoch: number): void {
    this.codes.keep()
    this.codes.leave()
    this.swaps.flows(epoch)
    this.moves = true
  }

  /** The run is over: whoever asked has heard. */
  async end(engine: Engine): Promise<void> {
    const trial = engine.trial
    if (trial !== null && trial.rows > 0) this.wrong.push(`the run ended with ${trial.rows} rows of a trial not judged`)
    this.isOver = true
    this.swaps.ended()
    await this.turns()
    if (this.asked > this.settled) this.wrong.push(`${this.asked - this.settled} swaps were never answered`)
  }

  recordOf(number: number): Pick<EpochRecord, 'code' | 'swapped'> {
    return this.codes.recordOf(number)
  }

  /** An epoch is about to be written. */
  noted(epoch: number, { sources, lastCalls, code }: EpochCut): void {
    const versions = this.versionsOf(this.recordOf(code))
    this.history.note(epoch, { sources: sources.map(({ position }) => placeOf(position)), lastCalls, versions })
  }

  get eras(): Eras {
    return this.history.eras(this.first)
  }

  get hasAsked(): boolean {
    return this.requests > 0
  }

  /** Code that fails rows came to stay: a limit of dead rows may stop the job. */
  get hasKeptBug(): boolean {
    return this.history.versions.some(({ bug }) => bug !== 'none')
  }

  /** The stages of a code as its workers open them, with the version of each operator. */
  stagesOf(number: number): readonly { readonly open: OpenStage; readonly versions: readonly Version[] }[] {
    const code = this.codes.of(number)
    const copies = this.codes.copiesOf(code)
    return openStages(code.topology).map(open => ({
      open,
      versions: open.operators.map(({ module }) => versionOf(copies[module] ?? '')),
    }))
  }

  /** What is to come; a new host has nothing of what was planned for the one before. */
  plan(): void {
    this.planNext()
    if (this.described !== null) this.planAnswer()
  }

  private planNext(): void {
    const { clock, chance } = this.parts
    const next = this.left[0]
    if (next === undefined) return
    clock.tell(Math.max(0, next.atMs - clock.nowMs), () => {
      // Few ask while another request is under way.
      if (this.asked === this.settled || chance.happens(0.1)) this.ask()
      else clock.tell(chance.between(1, 100), () => this.planNext())
    })
  }

  private planAnswer(): void {
    const { clock, chance } = this.parts
    clock.tell(chance.between(1, describeMsMax), () => this.answered())
  }

  /** Lets a request go on until it needs time to pass. */
  async settle(): Promise<void> {
    if (!this.moves) return
    this.moves = false
    await this.turns()
  }

  private async turns(): Promise<void> {
    for (let turn = 0; turn < turnsMax; turn += 1) await Promise.resolve()
  }

  private ask(): void {
    const [next] = this.left.splice(0, 1)
    const { engine, log } = this.parts
    const running = engine()
    if (next === undefined || running === null) return
    const { code, inPlace, maxErrors } = next
    const name = typeof code === 'string' ? code : sourceOf(code)
    const module = inPlace ? null : `new-${typeof code === 'string' ? 'bad' : code.number}.py`
    this.wanted = code
    const operator = next.operator === null ? null : (this.operators[next.operator % this.operators.length] ?? null)
    log.write('swap', 'is asked', `${name} ${operator ?? ''}`)
    this.asked += 1
    this.requests += 1
    this.moves = true
    this.swaps.swap(running, { module, operator, maxErrors }).then(
      report => this.reported(next, report),
      (error: unknown) => this.refused(error),
    )
    this.planNext()
  }

  private describe(path: string): Promise<DescribedModule> {
    const code = this.wanted
    this.files.set(path, code)
    return new Promise((settle, refuse) => {
      this.described = { path, code, settle, refuse }
      this.planAnswer()
    })
  }

  private answered(): void {
    const under = this.described
    this.described = null
    this.moves = true
    if (under === null) return
    try {
      under.settle(describeCode(under.path, under.code, this.job))
    } catch (error) {
      under.refuse(error)
    }
  }

  private reported({ code }: SwapAsked, { kept, why }: SwapReport): void {
    this.heard(kept ? 'is kept' : `is thrown away: ${why?.message ?? ''}`)
    const { swapped } = this.codes.now
    const isThere = typeof code !== 'string' && Object.values(swapped).some(({ source }) => source === sourceOf(code))
    if (!this.isOver && isThere !== kept)
      this.wrong.push(`a swap was answered with kept: ${String(kept)}, the job has ${versionsIn(swapped)}`)
  }

  private refused(error: unknown): void {
    if (!(error instanceof Error)) throw new TypeError('a swap is refused with an error')
    this.heard(`is refused: ${error.message}`)
    this.count('swap.refused')
    if (error instanceof AnabranchError) this.count(`swap.refused ${error.code}`)
  }

  private heard(what: string): void {
    this.settled += 1
    this.parts.log.write('swap', what)
    // Whoever edited the file of the job puts back what was there.
    this.files.delete(modulePath)
  }

  private sourceIn(path: string): string {
    const code = this.files.get(path) ?? firstVersion
    return sourceOf(typeof code === 'string' ? firstVersion : code)
  }

  private versionsOf({ swapped }: Pick<Code, 'swapped'>): Era['versions'] {
    const versions = new Map(this.first)
    for (const [id, { source }] of Object.entries(swapped)) versions.set(id, versionOf(source))
    return versions
  }

  private count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}

const versionsIn = (swapped: EpochRecord['swapped']): string =>
  Object.entries(swapped)
    .map(([id, { source }]) => `${id} ${source}`)
    .toSorted()
    .join(', ')

const placeOf = (position: unknown): readonly [number, number] => {
  const [split = 0, line = 0] = Array.isArray(position) ? position.map(Number) : []
  return [split, line]
}

/**
 * Sequences of starts in one output folder: whatever a job's lives were, go on, begin at a savepoint or anew, ended or died at any
 * step, a folder shows the rows of the history that the last one goes on from, each once, and no start takes away rows of that
 * history which were shown before it. What cannot be so is refused, and not one byte is changed.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AnabranchError } from '../../src/base/index.js'
import { type EpochRecord } from '../../src/checkpoint/index.js'
import { Disk } from '../support/disk.js'
import { type Beginning, JobLife, OutputFolder, type SinkId, isDeath } from '../support/job-lives.js'
import { type Due, ShownRows } from '../support/shown-rows.js'

const life = fc.record({
  begins: fc.oneof(
    { weight: 4, arbitrary: fc.constant({ kind: 'on' } as const) },
    { weight: 1, arbitrary: fc.constant({ kind: 'fresh' } as const) },
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('from' as const),
        which: fc.nat(3),
        rewind: fc.constantFrom(true, true, false),
        fresh: fc.boolean(),
      }),
    },
  ),
  sinks: fc.oneof(
    { weight: 4, arbitrary: fc.constant<readonly SinkId[]>(['a', 'b']) },
    { weight: 1, arbitrary: fc.constant<readonly SinkId[]>(['a']) },
  ),
  epochs: fc.array(fc.record({ rows: fc.nat(3), settles: fc.boolean(), saves: fc.constantFrom(true, true, false) }), {
    maxLength: 3,
  }),
  finishes: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
  /** After so many steps of the disk. */
  dies: fc.oneof(
    { weight: 5, arbitrary: fc.constant(Number.POSITIVE_INFINITY) },
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 80 }) },
    { weight: 2, arbitrary: fc.integer({ min: 80, max: 400 }) },
  ),
})
type LifeDrawn = typeof life extends fc.Arbitrary<infer L> ? L : never

const job = fc.record({
  bytes: fc.constantFrom(1, 60, 1e9),
  delivery: fc.constantFrom('exactly-once' as const, 'exactly-once' as const, 'at-least-once' as const),
  lives: fc.array(life, { minLength: 2, maxLength: 8 }),
})
type JobDrawn = typeof job extends fc.Arbitrary<infer J> ? J : never

const ids = ['a', 'b'] as const
const refusals = ['ANB6036', 'ANB6020', 'ANB6102']

const none: Due = { must: [], may: [] }
type Histories = Readonly<Partial<Record<SinkId, Due>>>

/** A folder and what it must show. */
class Told {
  readonly folder: OutputFolder
  readonly sinks: Readonly<Record<SinkId, ShownRows>> = { a: new ShownRows(), b: new ShownRows() }
  readonly savepoints: string[] = []
  /** Lineages that began at a savepoint although a sink may have had more. */
  readonly rewound = new Set<string>()
  /** By the point of a history, what each sink has until then. */
  private readonly histories = new Map<string, Histories>()
  /** Where a lineage begins is a point of the one before. */
  private readonly same = new Map<string, string>()
  private rows = 0

  constructor(
    private readonly drawn: JobDrawn,
    private readonly count: (what: string) => void,
  ) {
    const { bytes, delivery } = drawn
    this.folder = new OutputFolder(new Disk(), { bytes, delivery })
  }

  get exactly(): boolean {
    return this.drawn.delivery === 'exactly-once'
  }

  async live(drawn: LifeDrawn): Promise<void> {
    const begins = this.beginningOf(drawn)
    const before = this.folder.bytes()
    const shown = this.shown()
    const run = new OneLife(this, { begins, drawn, shown })
    this.folder.disk.start(drawn.dies, 'kept')
    const outcome = await run.outcome()
    await this.folder.end()
    this.count(outcome)
    if (run.isThrough && begins.from !== null) {
      this.count('goes on from a savepoint')
      if (begins.rewind) this.count('goes back behind it')
    }
    if (outcome.startsWith('refused')) expect(this.folder.bytes()).toEqual(before)
    else for (const id of ids) if (!begins.sinks.includes(id)) expect(this.folder.shown(id)).toEqual(shown[id])
    this.savepoints.splice(0, Number.POSITIVE_INFINITY, ...this.savepoints.filter(path => this.folder.disk.stat(path)))
  }

  private beginningOf({ begins, sinks }: LifeDrawn): Beginning {
    if (begins.kind !== 'from') return { from: null, fresh: begins.kind === 'fresh', rewind: false, sinks }
    const from = this.savepoints[begins.which % Math.max(1, this.savepoints.length)] ?? null
    return { from, fresh: begins.fresh && from !== null, rewind: begins.rewind, sinks }
  }

  shown(): Readonly<Record<SinkId, readonly number[]>> {
    return { a: this.folder.shown('a'), b: this.folder.shown('b') }
  }

  nextRow(): number {
    this.rows += 1
    return this.rows
  }

  /** Of what a sink has that was away: a part with rows of both sides goes with those behind, so that its others are lost. */
  stayingOf({ must, may }: Due, isRewound: boolean): Due {
    return { must: isRewound && this.drawn.bytes > 1 ? [] : must, may }
  }

  /** The point of a history that a record stands for. */
  pointOf({ lineage, epoch }: Pick<EpochRecord, 'lineage' | 'epoch'>): string {
    const point = `${lineage}/${epoch}`
    return this.same.get(point) ?? point
  }

  beginsBehind(point: string, { lineage, epoch }: Pick<EpochRecord, 'lineage' | 'epoch'>): void {
    const own = `${lineage}/${epoch}`
    if (own !== point) this.same.set(own, point)
  }

  note(point: string, history: Histories): void {
    this.histories.set(point, history)
  }

  historyOf(point: string): Histories {
    return this.histories.get(point) ?? {}
  }
}

/** From the start to the end, with what is to be shown then. */
class OneLife {
  private lineage = ''
  private state: 'new' | 'beginning' | 'begun' = 'new'
  /** What each sink has until the point that it goes on from, also those that the job has no more. */
  private before: Histories = {}
  private readonly bases = new Map<SinkId, Due>()
  private readonly given: number[] = []

  constructor(
    private readonly told: Told,
    private readonly of: {
      readonly begins: Beginning
      readonly drawn: LifeDrawn
      readonly shown: Readonly<Record<SinkId, readonly number[]>>
    },
  ) {}

  async outcome(): Promise<string> {
    const { told, of } = this
    const run = new JobLife(told.folder, of.begins)
    try {
      await run.start((record, lineage) => this.begins(record, lineage))
      this.hasBegun()
      await this.flow(run)
      return this.atEnd()
    } catch (error) {
      if (isDeath(error)) return this.afterDeath()
      this.refused()
      if (this.state === 'begun' || !(error instanceof AnabranchError) || !refusals.includes(error.code)) throw error
      return `refused ${error.code}`
    } finally {
      await run.close()
    }
  }

  /** It was not refused, and did not die in its start. */
  get isThrough(): boolean {
    return this.state === 'begun'
  }

  private get sinks(): readonly (readonly [SinkId, ShownRows])[] {
    return this.of.begins.sinks.map(id => [id, this.told.sinks[id]])
  }

  private begins(record: EpochRecord | null, lineage: string): void {
    const { told, of } = this
    this.state = 'beginning'
    this.lineage = lineage
    const point = record === null ? null : told.pointOf(record)
    this.before = point === null ? {} : told.historyOf(point)
    if (record !== null && point !== null) told.beginsBehind(point, { lineage, epoch: record.epoch })
    if (of.begins.rewind) told.rewound.add(lineage)
    for (const [id, sink] of this.sinks) {
      const isKnown = record?.sinks[id] !== undefined
      const due = isKnown ? this.before[id] : undefined
      const isRewound = told.rewound.has(lineage)
      if (point === null) sink.begins({ kind: 'anew' }, of.shown[id])
      else if (due === undefined)
        sink.begins({ kind: 'joins', due: told.stayingOf(this.before[id] ?? none, isRewound), isRewound }, of.shown[id])
      else sink.begins({ kind: 'at', point, due, isRewound }, of.shown[id])
    }
  }

  private refused(): void {
    if (this.state === 'beginning') for (const [, sink] of this.sinks) sink.refused()
  }

  private hasBegun(): void {
    this.state = 'begun'
    for (const [id, sink] of this.sinks) this.bases.set(id, sink.hasBegun())
  }

  private async flow(run: JobLife): Promise<void> {
    const { told, of } = this
    const { epochs, finishes } = of.drawn
    for (const { rows, settles, saves } of epochs) {
      for (let n = 0; n < rows; n += 1) await this.write(run)
      if (run.isFull) await run.settled()
      this.cut(run)
      if (settles || saves) await run.settled()
      if (saves) told.savepoints.push(await run.save())
    }
    await this.write(run)
    if (run.isFull) await run.settled()
    this.cut(run)
    await run.settled()
    if (!finishes) return run.end('unfinished')
    for (const [, sink] of this.sinks) sink.finishes(this.given)
    await run.end('finished')
    for (const [, sink] of this.sinks) sink.hasFinished()
  }

  private async write(run: JobLife): Promise<void> {
    const row = this.told.nextRow()
    this.given.push(row)
    await run.write(row)
  }

  private cut(run: JobLife): void {
    const point = this.told.pointOf({ lineage: this.lineage, epoch: run.nextEpoch })
    for (const [, sink] of this.sinks) sink.cut(point)
    this.noteHistory(point)
    run.cut()
  }

  private noteHistory(point: string): void {
    const due = (id: SinkId): Due => {
      const { must, may } = this.bases.get(id) ?? { must: [], may: [] }
      return { must: [...must, ...this.given], may: [...may, ...this.given] }
    }
    this.told.note(point, { ...this.before, ...Object.fromEntries(this.of.begins.sinks.map(id => [id, due(id)])) })
  }

  private atEnd(): string {
    const { told, given } = this
    const isFinished = this.of.drawn.finishes
    for (const [id, sink] of this.sinks)
      expect(sink.wrongAtEnd(told.folder.shown(id), given, { exactly: told.exactly, isFinished }), id).toEqual([])
    return isFinished ? 'finished' : 'stopped'
  }

  private afterDeath(): string {
    const { told, given, of } = this
    const how = { exactly: told.exactly, finishes: of.drawn.finishes }
    for (const [id, sink] of this.sinks) {
      const shown = told.folder.shown(id)
      if (this.state === 'new') expect(shown, id).toEqual(of.shown[id])
      else expect(sink.wrongAfterDeath(shown, given, how), id).toEqual([])
    }
    return this.state === 'begun' ? 'died' : 'died in its start'
  }
}

test('a folder shows the rows of the history that its last run goes on from, whatever runs there were', {
  timeout: 120_000,
}, async () => {
  const met = new Map<string, number>()
  const count = (what: string): void => void met.set(what, (met.get(what) ?? 0) + 1)
  await fc.assert(
    fc.asyncProperty(job, async drawn => {
      const told = new Told(drawn, count)
      for (const each of drawn.lives) await told.live(each)
    }),
    { numRuns: 200, seed: 20_261_126 },
  )
  // What the property must have met to say what it says.
  const floor = {
    stopped: 200,
    finished: 60,
    died: 50,
    'died in its start': 50,
    'refused ANB6036': 50,
    'refused ANB6020': 10,
    'goes on from a savepoint': 100,
    'goes back behind it': 20,
  }
  for (const [what, least] of Object.entries(floor)) expect(met.get(what), what).toBeGreaterThanOrEqual(least)
})

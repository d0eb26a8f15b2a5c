/**
 * Lives of one job in one output folder, on a disk in memory: the start, the store's places, the epochs, the savepoints and the files
 * sinks of a real run, and rows that the test gives. Only the database of the store is of the simulation: it lies beside the disk, and
 * who opens a store finds it by the lineage that the folder names.
 */
import { join } from 'node:path'
import { invariant, silent } from '../../src/base/index.js'
import { batchFromRows } from '../../src/batch/index.js'
import { type EpochRecord, decodeRecord, openSavepoint } from '../../src/checkpoint/index.js'
import { Captures, type DeadLetters, type RunEnd, type Sink, deadLetters } from '../../src/connectors/index.js'
import { writeAtomically } from '../../src/connectors/atomic.js'
import { type Delivery, type PlanNode, type Topology, planVersion, stagesOf } from '../../src/plan/index.js'
import { type EpochEvents, Epochs } from '../../src/runtime/epoch/index.js'
import { type EpochCut, EpochKeeper } from '../../src/runtime/index.js'
import { beginBeside } from '../../src/runtime/open/rewind.js'
import { saveEpoch } from '../../src/runtime/open/savepoints.js'
import { type PlacesTerms, StorePlaces, finishedName } from '../../src/runtime/open/store-places.js'
import { StateStore } from '../../src/state/stores/index.js'
import { HostDied, SimulatedPlace } from '../../src/testing/simulation/store.js'
import { HandClock, numbered, numberedSchema } from './connectors.js'
import { Died, type Disk } from './disk.js'
import { sinkTo } from './files-sink.js'
import { plainOptions } from './topology.js'

const out = '/lives/out'
const job = 'numbers'
const keyGroups = 16

export type SinkId = 'a' | 'b'

export interface Beginning {
  /** Path of a savepoint; null: none. */
  readonly from: string | null
  readonly fresh: boolean
  readonly rewind: boolean
  /** Those that the job has; what it has no more is left behind. */
  readonly sinks: readonly SinkId[]
}

/** How parts are rolled, and when they are shown. */
export interface Writing {
  readonly bytes: number
  readonly delivery: Delivery
}

function topologyOf(sinks: readonly SinkId[], delivery: Delivery): Topology {
  const format = { kind: 'json' } as const
  const connector = { kind: 'files', glob: '*.jsonl', format: { kind: 'json', schema: numbered } } as const
  const roll = { bytes: 1, ms: 60_000 }
  const nodes: PlanNode[] = [
    { kind: 'source', id: 'source', place: 'job.ts:1', connector, schema: numbered },
    ...sinks.map((id): PlanNode => {
      const written = { kind: 'files', path: `${id}/`, format, roll, delivery, partitionBy: [] } as const
      return { kind: 'sink', id, place: 'job.ts:1', input: { node: 'source' }, connector: written }
    }),
  ]
  const options = plainOptions(keyGroups)
  return stagesOf({ version: planVersion, job, params: {}, options, nodes, modules: [], folder: '/test' })
}

/** Which store lies where is on the disk, its entries are not. */
class PlacesOnDisk extends StorePlaces {
  constructor(
    private readonly disk: Disk,
    private readonly storeAt: (lineage: string) => Promise<StateStore>,
    terms: PlacesTerms,
  ) {
    super(join(out, 'state'), terms)
  }

  protected override at(path: string, lineage: string): Promise<StateStore> {
    const note = join(path, 'state.json')
    if (this.disk.stat(note) === undefined) writeAtomically(this.disk, note, lineage)
    return this.storeAt(this.disk.readText(note))
  }
}

/** The output folder, and all stores that were ever in it. */
export class OutputFolder {
  private readonly stores = new Map<string, SimulatedPlace>()
  private lineages = 0
  private onDeath: () => void = () => undefined

  constructor(
    readonly disk: Disk,
    readonly writing: Writing,
  ) {
    disk.makeDirectory(out)
  }

  /** Numbers in the files of a sink, in their order. */
  shown(sink: SinkId): readonly number[] {
    return this.disk
      .below(join(out, sink))
      .toSorted()
      .flatMap(path => this.disk.readText(path).split('\n'))
      .flatMap(line => (line === '' ? [] : Number(Object(JSON.parse(line)).n)))
  }

  /** All files with their bytes, once a store that was named to take the place of another one has done so. */
  bytes(): Readonly<Record<string, string>> {
    this.places({ from: null, fresh: false, rewind: false, sinks: [] }, () => Promise.reject(new Died())).settle()
    return Object.fromEntries(this.disk.below(out).map(path => [path, this.disk.readText(path)]))
  }

  places({ from, fresh }: Beginning, open: (lineage: string) => Promise<StateStore>): StorePlaces {
    return new PlacesOnDisk(this.disk, open, {
      plan: { job },
      world: {
        files: this.disk,
        random: { below: () => 0, hex: () => this.nextLineage() },
        clock: new HandClock(),
      },
      options: { out, fresh, from, stateBudgetBytes: null },
    })
  }

  private nextLineage(): string {
    this.lineages += 1
    return this.lineages.toString(16).padStart(16, '0')
  }

  /** A write of a store is a step of the disk; one that the host dies in is kept or not. */
  storeOf(lineage: string, died: () => void): SimulatedPlace {
    const place =
      this.stores.get(lineage) ??
      new SimulatedPlace(lineage, write => {
        try {
          this.disk.syncDirectory('/')
          return 'done'
        } catch {
          this.onDeath()
          return write % 2 === 0 ? 'kept with the host' : 'lost with the host'
        }
      })
    this.stores.set(lineage, place)
    this.onDeath = died
    return place
  }

  /** The host is gone, and the machine is on. */
  async end(): Promise<void> {
    for (let turn = 0; turn < 5; turn += 1) await new Promise(resolve => setImmediate(resolve))
    for (const place of this.stores.values()) await place.crash()
    this.disk.start(Number.POSITIVE_INFINITY, 'kept')
  }
}

/** Of one run, from its start to its end or death. */
export class JobLife {
  private readonly sinks: readonly Sink[]
  private readonly others: readonly [DeadLetters, Captures]
  private readonly topology: Topology
  private readonly places: StorePlaces
  private store: StateStore | null = null
  private epochs: Epochs<EpochCut> | null = null
  private asked = 0
  private isDead = false
  private failure: { readonly error: unknown } | null = null
  private hear: () => void = () => undefined
  private strike: (error: unknown) => void = () => undefined
  private readonly struck = new Promise<never>((_, reject) => {
    this.strike = reject
  })

  constructor(
    private readonly folder: OutputFolder,
    private readonly begins: Beginning,
  ) {
    const { disk, writing } = folder
    const { bytes, delivery } = writing
    const options = { out, files: disk, observer: silent }
    this.topology = topologyOf(begins.sinks, delivery)
    this.sinks = begins.sinks.map(id => sinkTo(out, { files: disk, path: `${id}/`, bytes, delivery }))
    this.others = [deadLetters(options), new Captures('captures', options)]
    this.places = folder.places(begins, lineage => this.openStore(lineage))
    this.struck.catch(() => undefined)
  }

  /**
   * As `Checkpoints` starts a run.
   *
   * @param told of the record that it goes on from, and as which lineage, before that can count; of none where it begins anew
   */
  async start(told: (record: EpochRecord | null, lineage: string) => void): Promise<void> {
    const { places, begins, topology, sinks } = this
    const opened = await this.alive(places.start())
    this.store = opened
    const keeper = this.keeperOf(await this.recordIn(opened), opened)
    try {
      if (opened !== null) {
        told(keeper.record, opened.lineage)
        await keeper.check(places.descentOf(opened.lineage, keeper.record))
      } else {
        const making = await this.alive(places.make())
        told(keeper.record, making.lineage)
        const terms = { keeper, places, topology, sinks, rewind: begins.rewind, keepCode: () => undefined }
        const store = beginBeside(making, terms, () => ({ blocks: [], keys: [] }))
        this.store = await this.alive(store.catch((error: unknown) => this.gaveUp(making, error)))
      }
    } catch (error) {
      if (opened !== null && !isDeath(error)) await places.refused(opened)
      throw error
    }
    const { store } = this
    invariant(store !== null, 'a run that began has a store')
    await this.alive(keeper.open(store, places.descentOf(store.lineage, keeper.record)))
    this.epochs = new Epochs({ intervalMs: 1, openMax: 4, bytesMax: 1e9 }, sinks.length + this.others.length, keeper)
    this.epochs.restore(keeper.record?.epoch ?? 0)
  }

  /** A row for every sink, in a batch of its own. */
  async write(row: number): Promise<void> {
    for (const sink of this.sinks) {
      await this.alive(sink.write(batchFromRows(numberedSchema, [{ n: row, word: `word ${row}` }])))
    }
  }

  get nextEpoch(): number {
    return (this.epochs?.epoch ?? 0) + 1
  }

  /** An epoch is on its way. */
  cut(): void {
    const { epochs } = this
    invariant(epochs !== null, 'epochs are cut of a run that began')
    const rows = { rowsIn: 0, rowsDead: 0, deadByReason: {} }
    const sinkRows = this.sinks.map(() => 0)
    epochs.cut({
      sources: [{ position: null, rows: 0 }],
      sinkRows,
      lastCalls: [],
      ledger: rows,
      checks: {},
      code: 1,
      state: [],
      keys: [],
    })
  }

  get isFull(): boolean {
    return this.epochs?.full === true
  }

  /** Every epoch on its way is finished. */
  async settled(): Promise<void> {
    while (this.asked > 0 && this.failure === null)
      await new Promise<void>(resolve => {
        this.hear = resolve
      })
    if (this.failure !== null) throw this.failure.error
  }

  /** Of the newest epoch. */
  async save(): Promise<string> {
    const { store } = this
    invariant(store !== null, 'a run that began has a store')
    const terms = { out, name: null, files: this.folder.disk, wallMs: 1, budgetBytes: null }
    const saved = await this.alive(saveEpoch(store, { ...terms, over: new AbortController().signal }))
    return saved.path
  }

  async end(end: RunEnd): Promise<void> {
    for (const sink of this.sinks) await this.alive(sink.finish(end))
    if (end === 'finished') this.folder.disk.writeText(join(this.places.store, finishedName), '{}')
  }

  /** However it ended. */
  async close(): Promise<void> {
    if (!this.isDead) await Promise.allSettled(this.sinks.map(sink => sink.abort()))
    for (const each of this.others) each.close()
    if (!this.isDead) await this.store?.close()
  }

  private openStore(lineage: string): Promise<StateStore> {
    const place = this.folder.storeOf(lineage, () => this.fails(new Died('in a write of the store')))
    const pause = (): Promise<void> => (this.isDead ? new Promise(() => undefined) : Promise.resolve())
    return StateStore.open({ place, pause })
  }

  private async recordIn(store: StateStore | null): Promise<EpochRecord | null> {
    const { from } = this.begins
    if (store === null) return from === null ? null : openSavepoint(this.folder.disk, from).record
    const { last } = store
    return last === null ? null : decodeRecord(last.bytes)
  }

  private async gaveUp(making: StateStore, error: unknown): Promise<never> {
    if (!isDeath(error)) await this.places.giveUp(making)
    throw error
  }

  private keeperOf(last: EpochRecord | null, store: StateStore | null): EpochKeeper {
    const [letters, captures] = this.others
    return new EpochKeeper({
      job,
      topology: this.topology,
      codeOf: () => ({ code: {}, swapped: {} }),
      last,
      unfinished: store?.unfinished.map(({ bytes }) => decodeRecord(bytes)) ?? [],
      keyGroups,
      dropState: ['a', 'b'],
      rewind: this.begins.rewind,
      outputs: { sinks: this.sinks, letters, captures },
      wallMs: () => 1,
      log: () => undefined,
      nowMs: () => 1,
      settled: (promise, then) => this.tell(promise, then),
    })
  }

  private tell<T>(promise: Promise<T>, then: (epochs: EpochEvents, value: T) => void): void {
    this.asked += 1
    promise
      .then(value => {
        if (this.epochs !== null && this.failure === null) then(this.epochs, value)
      })
      .catch((error: unknown) => this.fails(error))
      .finally(() => {
        this.asked -= 1
        this.hear()
      })
  }

  private fails(error: unknown): void {
    this.isDead ||= isDeath(error)
    this.failure ??= { error }
    this.hear()
    this.strike(error)
  }

  /** What was promised, unless the host dies first: nobody hears of the rest. */
  private async alive<T>(promise: Promise<T>): Promise<T> {
    try {
      return await Promise.race([promise, this.struck])
    } catch (error) {
      this.isDead ||= isDeath(error)
      throw error
    }
  }
}

/** The host died, whoever tells it. */
export const isDeath = (error: unknown): boolean =>
  error instanceof Died ||
  error instanceof HostDied ||
  (error instanceof Error && error.cause !== undefined && isDeath(error.cause))

/**
 * The files sink: parts of a format that roll by size and age, and are visible only when they are
 * whole. Names are fixed: `part-00000.jsonl`, `part-00001.jsonl`, ...
 *
 * With epochs a part grows over many of them, and its length at the end of each is kept: a run that goes on cuts it off
 * there. A part that is whole waits for the end of the epoch in which it was sealed, so that no reader sees a row that a crash
 * could take back; where `at-least-once` is enough it is shown at once.
 *
 * A run over a finished one holds its files back and replaces all of them at the end; the disk holds both for that
 * long. A sink that gets no row leaves one file without rows (of tables with the schema), so that who reads the
 * folder finds the answer "nothing" and not the question "did it run".
 */
import { type Batch } from '../../batch/index.js'
import { type Clock, type Files, failpoint, invariant } from '../../base/index.js'
import { type Encoder } from '../../formats/index.js'
import { type Delivery, type RollPolicy, type SinkFormatNode } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import {
  type Prepared,
  type RunEnd,
  type Sink,
  type SinkFile,
  type SinkOpened,
  type SinkStart,
  type TableWork,
} from '../contract.js'
import { preparedAs } from '../prepared.js'
import { manifestPath } from './manifest.js'
import { Markers } from './markers.js'
import { type Part, type PartState, type Parts, encodedParts, tableParts } from './parts.js'
import { type Partition, partitions } from './partitions.js'
import { preparedShape } from './prepared.js'
import { checkResume, joinFiles, resumeFiles } from './resume.js'
import { Shelf } from './shelf.js'
import { Staging } from './staging.js'

/** Parts that are made whole behind the one that is written; a further roll waits. */
const sealingMax = 2
/** Parts that are written at once, one a partition; the one that was not written for longest is closed for a further one. */
export const growingMax = 64

export interface FilesSinkOptions {
  /** Name of the job: what another one wrote is not replaced. */
  readonly job: string
  /** Absolute output folder of the run (DIR), which exists. */
  readonly out: string
  /** As the user wrote it, relative to DIR: `flights/`. */
  readonly path: string
  readonly format: SinkFormatNode
  /** For tables `bytes` are those of Arrow, before compression. */
  readonly roll: RollPolicy
  /** In a run with epochs. */
  readonly delivery: Delivery
  /** Columns whose values name the folder of a row; they are not written. */
  readonly partitionBy: readonly string[]
  /** What is written: without the columns of partitions. */
  readonly schema: Schema
  readonly files: Files
  readonly clock: Clock
  /** Of the format, unless that is a table. */
  readonly encoder: Encoder | null
  /** A part is whole that only an epoch can show: rows may be long in coming. */
  readonly wantEpoch: () => void
  /** Needed for tables. */
  readonly tables: TableWork | null
}

/**
 * Throws at once where the path leaves DIR (ANB4005). `open` throws a ConnectorError where a link leads out of DIR
 * (ANB4005), files of another job or of somebody else are there (ANB4008) or the place cannot be written (ANB4003), and a
 * StateError where what it should go on with is gone (ANB6020, ANB6021); `write`, `prepare`, `commit` and `finish` throw
 * ANB4003 with the path and the errno.
 */
export function filesSink(options: FilesSinkOptions): Sink {
  const shelf = new Shelf(options)
  const staging = new Staging(options.files, shelf.staging)
  const markers = new Markers(options.files, manifestPath(options.out, shelf.name, 'epochs'))
  return new FilesSink({ shelf, staging, markers, parts: partsOf(options, staging) }, options)
}

function partsOf({ format, files, schema, encoder, tables }: FilesSinkOptions, staging: Staging): Parts {
  const extension = extensionOf(format)
  if (encoder !== null) return encodedParts({ staging, encoder, extension })
  invariant(tables !== null, 'a job that writes tables has a process that writes them')
  return tableParts({ files, staging, schema, tables, extension })
}

function extensionOf(format: SinkFormatNode): string {
  if (format.kind === 'custom') return format.extension
  return format.kind === 'json' ? 'jsonl' : format.kind
}

interface Rooms {
  readonly shelf: Shelf
  readonly staging: Staging
  readonly markers: Markers
  readonly parts: Parts
}

/** A part that is written, with its age. */
interface Growing {
  readonly folder: string
  readonly part: Part
  /** The last one of which it has a row; 0: it has none. */
  epoch: number
  readonly bornMs: number
  due: boolean
  readonly cancelAge: () => void
}

/** A part to which nothing more is written, until it is shown. */
interface Sealed {
  readonly state: PartState
  /** The last one of which it has a row. */
  readonly epoch: number
  /** What was written is on the disk. */
  readonly durable: Promise<void>
  /** It lies whole in staging; never rejects, the sink fails instead. */
  readonly whole: Promise<void>
}

class FilesSink implements Sink {
  /** By folder, the one that was written last at the end. */
  private readonly growing = new Map<string, Growing>()
  private sealed: Sealed[] = []
  /** Parts begun so far. */
  private begun = 0
  /** The epoch that is written. */
  private epoch = 1
  private lineage = ''
  /** Settles when all sealed parts so far are whole, and shown where they need not wait, in their order. */
  private shelved: Promise<void> = Promise.resolve()
  private readonly sealing = new Set<Promise<void>>()
  private failure: { readonly cause: unknown } | null = null
  /** New: nothing in the folder was touched, so nothing of it may be removed. */
  private state: 'new' | 'open' | 'finished' | 'aborted' = 'new'

  constructor(
    private readonly rooms: Rooms,
    private readonly options: Pick<
      FilesSinkOptions,
      'encoder' | 'roll' | 'clock' | 'partitionBy' | 'delivery' | 'wantEpoch'
    >,
  ) {}

  async check(start: SinkStart): Promise<void> {
    const { markers } = this.rooms
    checkResume(this.rooms, start, this.options.delivery)
    if (start.lineage !== '') markers.expect(start.lineage, start.marked)
  }

  async open(start: SinkStart): Promise<SinkOpened> {
    const { shelf, markers } = this.rooms
    this.lineage = start.lineage
    this.rooms.staging.isSummed = start.lineage !== ''
    if (start.lineage === '') {
      this.state = 'open'
      shelf.open('')
      return { applied: null }
    }
    const applied = markers.expect(start.lineage, start.marked)
    // Ahead of the state: whoever asked stops, and everything is as it was.
    if (applied > start.epoch) return { applied }
    this.state = 'open'
    this.epoch = start.epoch + 1
    if (start.epoch === 0) shelf.open(start.lineage)
    else this.goOn(start)
    markers.begin(start.lineage, applied, [])
    return { applied }
  }

  async write(batch: Batch): Promise<void> {
    this.rethrow()
    if (batch.rows === 0) return
    for (const partition of partitions(batch, this.options.partitionBy)) await this.writeTo(partition)
  }

  async prepare(epoch: number): Promise<Prepared> {
    this.rethrow()
    const now = this.options.clock.nowMs()
    const growing = [...this.growing.values()]
    const prepared = {
      lineage: this.lineage,
      parts: this.begun,
      growing: growing.map(({ folder, bornMs, epoch: last, part: { name, rows, bytes, crc32 } }) => {
        return { name, rows, bytes, crc32, folder, epoch: last, ageMs: Math.max(0, Math.round(now - bornMs)) }
      }),
      sealed: this.sealed.map(({ state, epoch: last }) => ({ ...state, epoch: last })),
    }
    this.epoch = epoch + 1
    const durable = [...growing.map(({ part }) => part.sync()), ...this.sealed.map(each => each.durable)]
    await Promise.all(durable)
    this.rooms.staging.syncFolders()
    return prepared
  }

  async commit(epoch: number, prepared: Prepared): Promise<void> {
    failpoint('sink.begin', 'before')
    const names = new Set(preparedAs(preparedShape, prepared).sealed.map(({ name }) => name))
    const due = this.sealed.filter(each => names.has(each.state.name))
    failpoint('sink.begin', 'after')
    await Promise.all(due.map(each => each.whole))
    this.rethrow()
    failpoint('sink.commit', 'before')
    this.show(due)
    failpoint('sink.commit', 'after')
    failpoint('sink.marker', 'before')
    await this.rooms.markers.add(epoch)
    failpoint('sink.marker', 'after')
  }

  async finish(end: RunEnd = 'finished'): Promise<readonly SinkFile[]> {
    this.rethrow()
    const { shelf, markers } = this.rooms
    if (this.begun === 0 && end === 'finished') this.begin('')
    // A run that goes on with this one may write more to them: nobody could see them before its end.
    const stays = this.lineage !== '' && end === 'unfinished' && shelf.replacing
    if (stays) this.letGo()
    for (const growing of [...this.growing.values()]) this.roll(growing)
    await this.shelved
    this.rethrow()
    if (this.state === 'open') {
      this.show(this.sealed)
      shelf.finish(end)
      markers.close()
    }
    this.state = 'finished'
    return shelf.shown
  }

  /** A conversion under way is not waited for: the process that does it may be what failed. */
  async abort(): Promise<readonly SinkFile[]> {
    if (this.state === 'open') {
      this.state = 'aborted'
      this.letGo()
      this.rooms.shelf.abort()
      this.rooms.markers.close()
    }
    return this.rooms.shelf.shown
  }

  private goOn(start: SinkStart): void {
    const { rooms, options } = this
    const joins = start.prepared === null
    const { growing, sealed, begun } = joins ? joinFiles(rooms, start) : resumeFiles(rooms, start, options.delivery)
    this.begun = begun
    for (const { folder, part, ...more } of growing) this.grow(folder, part, more)
    for (const { state, epoch } of sealed) this.seal(state, { epoch, durable: Promise.resolve() })
  }

  private async writeTo({ folder, batch }: Partition): Promise<void> {
    const growing = this.append(folder, batch)
    if (growing.part.bytes >= this.options.roll.bytes || growing.due) await this.rollInTurn(growing)
    const [oldest] = this.growing.values()
    if (this.growing.size > growingMax && oldest !== undefined) await this.rollInTurn(oldest)
  }

  private async rollInTurn(growing: Growing): Promise<void> {
    while (this.sealing.size >= sealingMax) await Promise.race(this.sealing)
    this.roll(growing)
    // Encoded bytes are whole at once, so they are visible before a later write may fail; a conversion goes on behind.
    if (this.options.encoder !== null) await this.shelved
    this.rethrow()
  }

  /** Half a batch may be in the part when this throws, so nothing may become visible after it. */
  private append(folder: string, batch: Batch): Growing {
    try {
      const growing = this.growing.get(folder) ?? this.begin(folder)
      growing.part.write(batch)
      growing.epoch = this.epoch
      this.growing.delete(folder)
      this.growing.set(folder, growing)
      return growing
    } catch (cause) {
      this.failure ??= { cause }
      throw cause
    }
  }

  private begin(folder: string): Growing {
    const part = this.rooms.parts.begin(this.begun, folder)
    this.begun += 1
    return this.grow(folder, part, { ageMs: 0, epoch: 0 })
  }

  private grow(
    folder: string,
    part: Part,
    { ageMs, epoch }: { readonly ageMs: number; readonly epoch: number },
  ): Growing {
    const { clock, roll } = this.options
    const cancelAge = clock.after(Math.max(0, roll.ms - ageMs), () => this.ripe(growing))
    const growing: Growing = { folder, part, epoch, bornMs: clock.nowMs() - ageMs, due: false, cancelAge }
    this.growing.set(folder, growing)
    return growing
  }

  /** The part is old enough; where nothing more is written, nobody else would make it visible. */
  private ripe(growing: Growing): void {
    growing.due = true
    this.rollDue()
  }

  private roll({ folder, part, epoch, cancelAge }: Growing): void {
    if (this.growing.get(folder)?.part !== part) return
    cancelAge()
    this.growing.delete(folder)
    const durable = part.seal(this.lineage !== '')
    const { name, rows, bytes, crc32 } = part
    this.seal({ name, rows, bytes, crc32 }, { epoch, durable })
  }

  private seal(state: PartState, { epoch, durable }: Pick<Sealed, 'epoch' | 'durable'>): void {
    const before = this.shelved
    const whole = durable
      .then(() => this.rooms.parts.complete(state))
      .then(() => before)
      .then(() => {
        if (this.lineage === '' || this.options.delivery === 'at-least-once') this.show([sealed])
      })
      .catch((cause: unknown) => {
        this.failure ??= { cause }
      })
      .finally(() => {
        this.sealing.delete(whole)
        this.rollDue()
      })
    const sealed: Sealed = { state, epoch, durable, whole }
    this.sealed.push(sealed)
    this.sealing.add(whole)
    this.shelved = whole
  }

  /** Parts that are whole go where readers see them. */
  private show(parts: readonly Sealed[]): void {
    if (this.state !== 'open' || this.failure !== null) return
    const { shelf, staging, parts: made } = this.rooms
    shelf.take(parts.map(({ epoch, state: { name, rows, bytes } }) => ({ name, rows, bytes, epoch })))
    this.sealed = this.sealed.filter(each => !parts.includes(each))
    for (const { state } of parts)
      if (made.stagedName(state.name) !== state.name) staging.remove(made.stagedName(state.name))
  }

  /** One that was due while others were sealed. */
  private rollDue(): void {
    if (this.failure !== null || this.sealing.size >= sealingMax) return
    const due = [...this.growing.values()].find(growing => growing.due)
    if (due === undefined) return
    this.roll(due)
    this.options.wantEpoch()
  }

  private letGo(): void {
    for (const { part, cancelAge } of this.growing.values()) {
      cancelAge()
      part.close()
    }
    this.growing.clear()
  }

  private rethrow(): void {
    if (this.failure !== null) throw this.failure.cause
  }
}

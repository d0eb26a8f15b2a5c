/**
 * The files sink: parts of a format that roll by size and age, and are visible only when they are
 * whole. Names are fixed: `part-00000.jsonl`, `part-00001.jsonl`, ...
 *
 * A run over a finished one holds its files back and replaces all of them at the end; the disk holds both for that
 * long. A sink that gets no row leaves one file without rows (of tables with the schema), so that who reads the
 * folder finds the answer "nothing" and not the question "did it run".
 */
import { type Batch } from '../../batch/index.js'
import { type Clock, type Files, invariant } from '../../base/index.js'
import { type Encoder } from '../../formats/index.js'
import { type RollPolicy, type SinkFormatNode } from '../../plan/index.js'
import { type Schema } from '../../schema/index.js'
import { type Prepared, type RunEnd, type TableWork, type Sink, type SinkFile } from '../contract.js'
import { type Part, type PartMaker, encodedParts, tableParts } from './parts.js'
import { type Partition, partitions } from './partitions.js'
import { Shelf } from './shelf.js'

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
  /** Columns whose values name the folder of a row; they are not written. */
  readonly partitionBy: readonly string[]
  /** What is written: without the columns of partitions. */
  readonly schema: Schema
  readonly files: Files
  readonly clock: Clock
  /** Of the format, unless that is a table. */
  readonly encoder: Encoder | null
  /** Needed for tables. */
  readonly tables: TableWork | null
}

/**
 * Throws at once where the path leaves DIR (ANB4005). `open` throws a ConnectorError where a link leads out of DIR
 * (ANB4005), files of another job or of somebody else are there (ANB4008) or the place cannot be written (ANB4003); `write` and
 * `finish` throw ANB4003 with the path and the errno.
 */
export function filesSink(options: FilesSinkOptions): Sink {
  const shelf = new Shelf(options)
  return new FilesSink(shelf, partMaker(options, shelf.staging), options)
}

function partMaker({ format, files, schema, encoder, tables }: FilesSinkOptions, staging: string): PartMaker {
  if (encoder !== null) return encodedParts({ files, staging, encoder, extension: extensionOf(format) })
  invariant(tables !== null, 'a job that writes tables has a process that writes them')
  return tableParts({ files, staging, schema, tables, extension: extensionOf(format) })
}

function extensionOf(format: SinkFormatNode): string {
  if (format.kind === 'custom') return format.extension
  return format.kind === 'json' ? 'jsonl' : format.kind
}

/** A part that is written, with its age. */
interface Growing {
  readonly folder: string
  readonly part: Part
  due: boolean
  readonly cancelAge: () => void
}

class FilesSink implements Sink {
  /** By folder, the one that was written last at the end. */
  private readonly growing = new Map<string, Growing>()
  private parts = 0
  /** Settles when all sealed parts so far are on the shelf, in their order. */
  private shelved: Promise<void> = Promise.resolve()
  private readonly sealing = new Set<Promise<void>>()
  private failure: { readonly cause: unknown } | null = null
  private state: 'open' | 'finished' | 'aborted' = 'open'

  constructor(
    private readonly shelf: Shelf,
    private readonly make: PartMaker,
    private readonly options: Pick<FilesSinkOptions, 'encoder' | 'roll' | 'clock' | 'partitionBy'>,
  ) {}

  async open(): Promise<{ readonly applied: null }> {
    this.shelf.open()
    return { applied: null }
  }

  async prepare(): Promise<Prepared> {
    return null
  }

  async commit(): Promise<void> {}

  async write(batch: Batch): Promise<void> {
    this.rethrow()
    if (batch.rows === 0) return
    for (const partition of partitions(batch, this.options.partitionBy)) await this.writeTo(partition)
  }

  async finish(end: RunEnd = 'finished'): Promise<readonly SinkFile[]> {
    this.rethrow()
    if (this.parts === 0 && end === 'finished') this.begin('')
    for (const growing of [...this.growing.values()]) this.roll(growing)
    await this.shelved
    this.rethrow()
    if (this.state === 'open') this.shelf.finish(end)
    this.state = 'finished'
    return this.shelf.shown
  }

  /** A conversion under way is not waited for: the process that does it may be what failed. */
  async abort(): Promise<readonly SinkFile[]> {
    if (this.state === 'open') {
      this.state = 'aborted'
      for (const { part, cancelAge } of this.growing.values()) {
        cancelAge()
        part.close()
      }
      this.growing.clear()
      this.shelf.abort()
    }
    return this.shelf.shown
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
      this.growing.delete(folder)
      this.growing.set(folder, growing)
      return growing
    } catch (cause) {
      this.failure ??= { cause }
      throw cause
    }
  }

  private begin(folder: string): Growing {
    const { clock, roll } = this.options
    const part = this.make(this.parts, folder)
    const growing: Growing = { folder, part, due: false, cancelAge: clock.after(roll.ms, () => this.ripe(growing)) }
    this.parts += 1
    this.growing.set(folder, growing)
    return growing
  }

  /** The part is old enough; where nothing more is written, nobody else would make it visible. */
  private ripe(growing: Growing): void {
    growing.due = true
    if (this.sealing.size < sealingMax) this.roll(growing)
  }

  private roll({ folder, part, cancelAge }: Growing): void {
    if (this.growing.get(folder)?.part !== part) return
    cancelAge()
    this.growing.delete(folder)
    const sealed = part.seal()
    const before = this.shelved
    const done = sealed
      .then(() => before)
      .then(() => {
        const { name, rows, bytes } = part
        if (this.state === 'open' && this.failure === null) this.shelf.take({ name, rows, bytes })
      })
      .catch((cause: unknown) => {
        this.failure ??= { cause }
      })
      .finally(() => {
        this.sealing.delete(done)
        this.rollDue()
      })
    this.sealing.add(done)
    this.shelved = done
  }

  /** One that was due while others were sealed. */
  private rollDue(): void {
    if (this.failure !== null) return
    for (const growing of this.growing.values()) if (growing.due) return this.roll(growing)
  }

  private rethrow(): void {
    if (this.failure !== null) throw this.failure.cause
  }
}

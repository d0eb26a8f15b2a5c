/**
 * A sink of an outside system that is in step with the others: rows wait in the epoch log until their epoch is decided, then go
 * out in one transaction with its marker. Where that fails in the middle, they are sent again from the log, never computed again.
 * For a system without transactions the marker is a file beside the log, written when the rows are there.
 *
 * Without epochs, and where `at-least-once` is enough, each batch goes out as it comes.
 */
import { join } from 'node:path'
import { type Batch, select } from '../../batch/index.js'
import { type Files, StateError, failpoint, shape } from '../../base/index.js'
import { type Delivery } from '../../plan/index.js'
import { type Schema, schemaToJson } from '../../schema/index.js'
import { type Prepared, type Sink, type SinkFile, type SinkOpened, type SinkStart } from '../contract.js'
import { Markers } from '../files/markers.js'
import { preparedAs } from '../prepared.js'
import { EpochLog } from './epoch-log.js'
import { type TransactionSink } from './transaction-sink.js'

export interface LoggedSinkOptions {
  readonly to: TransactionSink
  /** Absolute output folder of the run (DIR), which exists. */
  readonly out: string
  /** Id of the sink in the plan. */
  readonly id: string
  /** The columns that go out, of those that it is given. */
  readonly schema: Schema
  /** In a run with epochs. */
  readonly delivery: Delivery
  readonly files: Files
}

export const loggedSink = (options: LoggedSinkOptions): Sink => new LoggedSink(options)

const preparedShape = shape.object({
  rows: shape.whole,
  bytes: shape.whole,
  /** Rows of all epochs so far. */
  total: shape.whole,
  columns: shape.string,
})

class LoggedSink implements Sink {
  private readonly folder: string
  private readonly log: EpochLog
  private readonly names: readonly string[]
  private readonly columns: string
  /** Where the system keeps no marker. */
  private markers: Markers | null = null
  private through = false
  private epoch = 1
  private applied = 0
  private total = 0

  constructor(private readonly options: LoggedSinkOptions) {
    const { files, out, id, schema } = options
    this.folder = join(out, 'state', 'log', encodeURIComponent(id))
    this.log = new EpochLog(files, this.folder, schema)
    this.names = schema.fields.map(field => field.name)
    this.columns = JSON.stringify(schemaToJson(schema))
  }

  async appliedIn(lineage: string): Promise<number> {
    if (this.through) return 0
    return (await this.options.to.appliedIn(lineage)) ?? this.ownMarker(lineage)
  }

  async open({ lineage, epoch, prepared, marked }: SinkStart): Promise<SinkOpened> {
    const { to, delivery } = this.options
    this.through = lineage === '' || delivery === 'at-least-once'
    if (prepared !== null) this.total = this.known(prepared).total
    const opened = await to.open(this.through ? '' : lineage)
    if (this.through) return { applied: null }
    const applied = opened.applied ?? this.ownMarker(lineage)
    if (marked && applied === 0) throw markerGone(to.place, epoch)
    if (applied > epoch) return { applied }
    this.epoch = epoch + 1
    this.applied = applied
    this.log.open({ applied, prepared: epoch })
    this.markers?.begin(lineage, applied)
    return { applied }
  }

  async write(batch: Batch): Promise<void> {
    if (batch.rows === 0) return
    this.total += batch.rows
    const rows = select(batch, this.names)
    if (this.through) await this.options.to.apply(null, [rows])
    else this.log.add(this.epoch, rows)
  }

  async prepare(epoch: number): Promise<Prepared> {
    const { total, columns } = this
    this.epoch = epoch + 1
    return { ...(await this.log.seal()), total, columns }
  }

  async commit(epoch: number, prepared: Prepared): Promise<void> {
    if (this.through || epoch <= this.applied) return
    failpoint('sink.begin', 'before')
    const batches = this.log.read(epoch, this.known(prepared))
    failpoint('sink.begin', 'after')
    await this.options.to.apply(epoch, batches)
    await this.mark(epoch)
    this.applied = epoch
    this.log.trim(epoch)
  }

  async finish(): Promise<readonly SinkFile[]> {
    return this.end()
  }

  async abort(): Promise<readonly SinkFile[]> {
    return this.end()
  }

  /** The last epoch that is applied, as the file beside the log says. */
  private ownMarker(lineage: string): number {
    this.markers = new Markers(this.options.files, join(this.folder, 'applied'))
    return this.markers.read(lineage)
  }

  private async mark(epoch: number): Promise<void> {
    if (this.markers === null) return
    failpoint('sink.marker', 'before')
    await this.markers.add(epoch)
    failpoint('sink.marker', 'after')
  }

  private async end(): Promise<readonly SinkFile[]> {
    this.log.close()
    this.markers?.close()
    await this.options.to.close()
    return [{ path: this.options.to.place, rows: this.total }]
  }

  private known(prepared: Prepared): ReturnType<typeof preparedShape> {
    const known = preparedAs(preparedShape, prepared)
    if (known.columns === this.columns) return known
    throw new StateError('ANB6020', `rows for "${this.options.to.place}" were prepared with other columns`, {
      detail: `They have ${known.columns}, the job writes ${this.columns}. Nothing was written.`,
      hint: 'run the job once as it was, to its end or until it is stopped, then change its columns',
    })
  }
}

const markerGone = (place: string, epoch: number): StateError =>
  new StateError('ANB6021', `marker of what was written to "${place}" is gone`, {
    detail: `The state of the job is at epoch ${epoch}; without the marker nobody knows which epochs are there.`,
    hint: 'restore the database and DIR/state of one moment, or start again with another --out',
  })

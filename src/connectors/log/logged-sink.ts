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
  /** Its rows went out as they came, so there is no marker of it. Left out by those that came before. */
  through: (value, path) => shape.boolean(value ?? false, path),
})

class LoggedSink implements Sink {
  private readonly folder: string
  private readonly log: EpochLog
  private readonly names: readonly string[]
  private readonly columns: string
  /** Beside the log, where the system keeps none. */
  private readonly markers: Markers
  private keepsOwn = false
  private through: boolean
  private epoch = 1
  private applied = 0
  private total = 0

  constructor(private readonly options: LoggedSinkOptions) {
    const { files, out, id, schema, delivery } = options
    this.folder = join(out, 'state', 'log', encodeURIComponent(id))
    this.through = delivery === 'at-least-once'
    this.log = new EpochLog(files, this.folder, schema)
    this.markers = new Markers(files, join(this.folder, 'applied'))
    this.names = schema.fields.map(field => field.name)
    this.columns = JSON.stringify(schemaToJson(schema))
  }

  async check(): Promise<void> {
    await this.options.to.check?.()
  }

  async appliedIn(lineage: string): Promise<number> {
    if (this.through) return 0
    return (await this.options.to.appliedIn(lineage)) ?? this.markers.read(lineage)
  }

  async open({ lineage, epoch, prepared, marked }: SinkStart): Promise<SinkOpened> {
    const { to } = this.options
    this.through ||= lineage === ''
    const before = prepared === null ? null : this.known(prepared)
    this.total = before?.total ?? 0
    const opened = await to.open(this.through ? '' : lineage, epoch)
    if (this.through) return { applied: null }
    this.keepsOwn = opened.applied === null
    const applied = opened.applied ?? this.markers.read(lineage)
    const isMarked = before?.through !== true
    if (marked && isMarked && applied === 0) throw markerGone(to.place, epoch)
    if (applied > epoch) return { applied }
    this.epoch = epoch + 1
    this.applied = isMarked ? applied : epoch
    // One that joins the job has nothing to send of the epochs before, whatever it left when it was here last.
    this.log.open({ applied: prepared === null ? epoch : this.applied, prepared: epoch })
    if (this.keepsOwn) this.markers.begin(lineage, this.applied, this.markers.others(lineage))
    else if (!isMarked) await to.apply(epoch, [])
    return { applied: this.applied }
  }

  async write(batch: Batch): Promise<void> {
    if (batch.rows === 0) return
    this.total += batch.rows
    const rows = select(batch, this.names)
    if (this.through) await this.options.to.apply(null, [rows])
    else this.log.add(this.epoch, rows)
  }

  async prepare(epoch: number): Promise<Prepared> {
    const { total, columns, through } = this
    this.epoch = epoch + 1
    return { ...(await this.log.seal()), total, columns, through }
  }

  async commit(epoch: number, prepared: Prepared): Promise<void> {
    const logged = this.known(prepared)
    // Rows wait in the log also where the run before sent them by epoch and this one does not.
    if ((this.through && logged.bytes === 0) || epoch <= this.applied) return
    failpoint('sink.begin', 'before')
    const batches = this.log.read(epoch, logged)
    failpoint('sink.begin', 'after')
    await this.options.to.apply(this.through ? null : epoch, batches)
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

  private async mark(epoch: number): Promise<void> {
    if (!this.keepsOwn) return
    failpoint('sink.marker', 'before')
    await this.markers.add(epoch)
    failpoint('sink.marker', 'after')
  }

  private async end(): Promise<readonly SinkFile[]> {
    this.log.close()
    this.markers.close()
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

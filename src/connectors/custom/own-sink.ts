/** Holds a sink of the user's own to its life: opened once, finished or aborted once, whatever the runtime calls twice. */
import { type Batch } from '../../batch/index.js'
import { StateError } from '../../base/index.js'
import { type Delivery } from '../../plan/index.js'
import { type OwnSinkLife, type Prepared, type RunEnd, type Sink, type SinkFile, type SinkStart } from '../contract.js'
import { own } from './own-source.js'

export class OwnSink implements Sink {
  private ended: Promise<readonly SinkFile[]> | null = null
  private opened = false

  constructor(
    /** Of the export, for messages. */
    private readonly name: string,
    private readonly sink: OwnSinkLife,
    /** As the job declares it. */
    private readonly delivery: Delivery,
  ) {}

  /** One that shows its rows when it is finished has nothing of an earlier run, so nobody can go on with it. */
  async open({ epoch }: SinkStart): Promise<{ readonly applied: null }> {
    if (epoch > 0 && this.delivery === 'exactly-once') throw begunAnew(this.name, epoch)
    await own('sink', this.name, () => this.sink.open())
    this.opened = true
    return { applied: null }
  }

  async prepare(): Promise<Prepared> {
    return null
  }

  async commit(): Promise<void> {}

  write(batch: Batch): Promise<void> {
    return batch.rows === 0 ? Promise.resolve() : own('sink', this.name, () => this.sink.write(batch))
  }

  finish(end?: RunEnd): Promise<readonly SinkFile[]> {
    this.ended ??= own('sink', this.name, () => this.sink.finish(end))
    return this.ended
  }

  /** One that failed to finish is aborted all the same; one that was never opened has nothing to undo. */
  async abort(): Promise<readonly SinkFile[]> {
    const ended = await this.ended?.catch(() => null)
    if (ended) return ended
    this.ended = this.opened ? own('sink', this.name, () => this.sink.abort()) : Promise.resolve([])
    return this.ended
  }
}

const begunAnew = (name: string, epoch: number): StateError =>
  new StateError('ANB6020', `sink "${name}" begins anew with each run, but the job goes on behind epoch ${epoch}`, {
    detail: 'It shows rows when it is finished, so those of the epochs before would be lost. Nothing was changed.',
    hint: "start again with another --out, give the job epoch: 'off', or let the sink declare at-least-once",
  })

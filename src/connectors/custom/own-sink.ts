/** Holds a sink of the user's own to its life: opened once, finished or aborted once, whatever the runtime calls twice. */
import { type Batch } from '../../batch/index.js'
import { type OwnSinkLife, type Prepared, type RunEnd, type Sink, type SinkFile } from '../contract.js'
import { own } from './own-source.js'

export class OwnSink implements Sink {
  private ended: Promise<readonly SinkFile[]> | null = null
  private opened = false

  constructor(
    /** Of the export, for messages. */
    private readonly name: string,
    private readonly sink: OwnSinkLife,
  ) {}

  async open(): Promise<{ readonly applied: null }> {
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

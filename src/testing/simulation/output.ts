/**
 * A simulated place that epochs go out to: rows of a sink, or dead letters, appended one by one. It knows what is durable
 * and what a reader sees, loses what was not synced when the host dies, and says when it is asked for what no sink should be.
 */
import { atFailpoint } from '../../base/index.js'
import { type EpochOutput, type Prepared, type SinkOpened, type SinkStart } from '../../connectors/index.js'
import { type Chance } from './chance.js'

/** What was appended; cut back by its length. */
export interface Appended {
  length: number
}

export interface OutputEars {
  wrong(what: string): void
  count(what: string): void
  committed(): void
  /** Whether the record of this epoch is on the disk. */
  isWritten(epoch: number): boolean
}

export class SimulatedOutput implements EpochOutput {
  /** What a reader sees. */
  visible = 0
  private durable = 0
  private marker = 0

  constructor(
    private readonly name: string,
    private readonly rows: Appended,
    /** Without one every epoch that is not finished is committed again. */
    private readonly keepsMarker: boolean,
    private readonly ears: OutputEars,
  ) {}

  /** It holds what is of this epoch, which another lineage has committed. */
  begin(epoch: number): void {
    this.marker = epoch
    this.visible = this.rows.length
    this.durable = this.rows.length
  }

  /** Takes back what was written behind the epoch that the run goes on from. */
  open({ epoch, prepared }: SinkStart): Promise<SinkOpened> {
    const length = epoch === 0 ? 0 : Number(prepared)
    if (length < this.visible) this.wrong(`takes back rows that were visible: ${this.visible}, ${length} are left`)
    if (length > this.rows.length)
      this.wrong(`has lost rows that were durable: ${length}, ${this.rows.length} are left`)
    if (length < this.rows.length) this.ears.count('rows taken back')
    this.rows.length = length
    this.durable = length
    return Promise.resolve({ applied: this.keepsMarker ? this.marker : null })
  }

  async prepare(): Promise<Prepared> {
    const { length } = this.rows
    await Promise.resolve()
    this.durable = Math.max(this.durable, length)
    return length
  }

  async commit(epoch: number, prepared: Prepared): Promise<void> {
    await Promise.resolve()
    atFailpoint('sink.begin', () => this.expectDue(epoch))
    atFailpoint('sink.commit', () => {
      this.visible = Math.max(this.visible, Number(prepared))
    })
    atFailpoint('sink.marker', () => {
      this.marker = epoch
    })
    this.ears.committed()
  }

  /** The host is gone: of what nobody synced some is there and some is not. */
  crash(chance: Chance): void {
    if (this.rows.length > this.durable) this.rows.length = chance.between(this.durable, this.rows.length)
  }

  /** At the end of a run everything is visible. */
  end(): void {
    if (this.rows.length !== this.visible) this.wrong(`holds ${this.rows.length} rows, ${this.visible} are visible`)
  }

  private expectDue(epoch: number): void {
    const again = !this.keepsMarker && epoch <= this.marker
    if (epoch !== this.marker + 1 && !again) this.wrong(`commits epoch ${epoch} after ${this.marker}`)
    if (!this.ears.isWritten(epoch)) this.wrong(`commits epoch ${epoch}, which was not written`)
  }

  private wrong(what: string): void {
    this.ears.wrong(`output ${this.name} ${what}`)
  }
}

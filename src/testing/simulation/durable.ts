/**
 * What outlives a simulated host: the epochs that were written, and what each output holds. A host that dies leaves
 * writes behind that were under way: each of them happened or did not, by chance, as with a real disk.
 */
import { type EpochCut, type EpochParts, type EpochTerms, type Engine } from '../../runtime/index.js'
import { type Prepared } from '../../connectors/index.js'
import { invariant } from '../../base/index.js'
import { type Chance } from './chance.js'
import { type VirtualClock } from './clock.js'
import { type Log } from './log.js'

/** Rows of a sink, or dead letters: appended, cut back to what an epoch prepared, seen up to what was committed. */
export interface DurableOutput {
  length: number
}

interface Written {
  readonly epoch: number
  readonly cut: EpochCut
  readonly prepared: readonly Prepared[]
}

export interface DurableParts {
  readonly clock: VirtualClock
  readonly chance: Chance
  readonly log: Log
  readonly outputs: readonly DurableOutput[]
}

export class Durable {
  readonly wrong: string[] = []
  readonly counts = new Map<string, number>()
  private readonly written: Written[] = []
  private finished = 0
  private readonly markers: number[]
  private readonly visible: number[]
  /** What was begun and has not happened yet, in its order. */
  private underWay: (() => void)[] = []
  private step = (): void => undefined

  constructor(private readonly parts: DurableParts) {
    this.markers = parts.outputs.map(() => 0)
    this.visible = parts.outputs.map(() => 0)
  }

  /** How one life of the host makes epochs durable; `step` is called where it may die: before and after each write. */
  partsFor(terms: EpochTerms, engine: () => Engine, step: () => void): EpochParts {
    const { clock, outputs } = this.parts
    this.step = step
    return {
      terms,
      effects: {
        prepareSink: (sink, epoch) => {
          const { length } = at(outputs, sink)
          this.begin(
            () => undefined,
            () => engine().epochStep(epochs => epochs.sinkPrepared(sink, epoch, length), clock.nowMs),
          )
        },
        writeEpoch: (epoch, cut, prepared) =>
          this.begin(
            () => this.written.push({ epoch, cut, prepared }),
            () => engine().epochStep(epochs => epochs.epochWritten(epoch), clock.nowMs),
          ),
        commitSink: (sink, epoch, prepared) =>
          this.begin(
            () => this.commit(sink, epoch, prepared),
            () => engine().epochStep(epochs => epochs.sinkCommitted(sink, epoch), clock.nowMs),
          ),
        finishEpoch: epoch =>
          this.begin(
            () => {
              this.finished = epoch
            },
            () => engine().epochStep(epochs => epochs.epochFinished(epoch), clock.nowMs),
          ),
      },
    }
  }

  /** The host is gone: each write under way is on disk, or none of it and nothing after it is. */
  crash(): void {
    const { chance, log } = this.parts
    for (const happens of this.underWay) if (chance.happens(0.5)) happens()
    this.underWay = []
    const last = this.written.at(-1)
    log.write('host', 'crashes', `epoch ${last?.epoch ?? 0} is written, ${this.finished} is finished`)
    this.count('host crashes')
    this.takeBack(last)
    for (const epoch of this.written.slice(-8)) this.rollForward(epoch)
  }

  /** A new engine goes on where the last written epoch was. */
  restore(engine: Engine): void {
    const last = this.written.at(-1)
    if (last === undefined) return
    this.count('epoch goes on')
    engine.restore({ epoch: last.epoch, ...last.cut })
    for (const { cut } of this.written)
      for (const { operator, bytes, form } of cut.state)
        engine.restoreState({ operator, bytes, form, superseded: null })
  }

  /** Where each source goes on. */
  get positions(): readonly (Prepared | null)[] {
    return this.written.at(-1)?.cut.sources.map(s => s.position) ?? []
  }

  /** After the end of a run: everything that a sink holds was committed. */
  end(): void {
    this.parts.outputs.forEach((output, i) => {
      if (output.length !== this.visible[i])
        this.wrong.push(`output ${i} holds ${output.length} rows at the end, ${this.visible[i] ?? 0} are visible`)
    })
    this.count('epochs', this.written.length)
  }

  private takeBack(last: Written | undefined): void {
    this.parts.outputs.forEach((output, i) => {
      const length = Number(last?.prepared[i] ?? 0)
      if (length < (this.visible[i] ?? 0)) this.wrong.push(`output ${i} takes back rows that were visible`)
      if (length < output.length) this.count('rows taken back')
      output.length = length
    })
  }

  private rollForward({ epoch, prepared }: Written): void {
    this.parts.outputs.forEach((_, i) => {
      if ((this.markers[i] ?? 0) >= epoch) return
      this.count('epoch rolled forward')
      this.commit(i, epoch, prepared[i] ?? 0)
    })
  }

  private commit(output: number, epoch: number, prepared: Prepared): void {
    const marker = this.markers[output] ?? 0
    if (epoch !== marker + 1) this.wrong.push(`output ${output} commits epoch ${epoch} after ${marker}`)
    const known = this.written.some(w => w.epoch === epoch)
    if (!known) this.wrong.push(`output ${output} commits epoch ${epoch}, which was not written`)
    this.markers[output] = epoch
    this.visible[output] = Number(prepared)
  }

  private begin(happens: () => void, then: () => void): void {
    const { clock, chance } = this.parts
    this.underWay.push(happens)
    this.step()
    clock.tell(chance.pick([0, 0.1, 5, 200]), () => {
      this.underWay = this.underWay.filter(one => one !== happens)
      happens()
      this.step()
      then()
    })
  }

  private count(name: string, by = 1): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + by)
  }
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index]
  invariant(item !== undefined, 'an output is named by its index')
  return item
}

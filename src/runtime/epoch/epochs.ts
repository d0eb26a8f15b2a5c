/**
 * Epochs: when one is cut, and what becomes of it. Each goes the same way:
 *
 *     cut -> every sink has prepared it -> written (the one decision) -> every sink has committed it -> finished
 *
 * Several are on their way at once, at most `openMax`; each step is taken in the order of the epochs. Pure: it is told what
 * happened, answers with effects, and a crash between any two of them is what recovery is for (see `checkpoint`).
 */
import { invariant } from '../../base/index.js'
import { type Prepared } from '../../connectors/index.js'

export interface EpochTerms {
  /** From the beginning of one cut to that of the next, where rows came. */
  readonly intervalMs: number
  /** Cut and not finished; with so many, the next one waits and intake with it. */
  readonly openMax: number
  /** Bytes that wait in the sinks for a commit after which an epoch is cut before its time. */
  readonly bytesMax: number
}

/** What an epoch asks of the world. The dead letters are the sink behind the last. */
export interface EpochEffects<Cut> {
  /** All of the cut that began at this moment is taken: rows flow again. */
  cutTaken(beganMs: number): void
  /** Makes what the sink was given before this call durable; `sinkPrepared` follows. */
  prepareSink(sink: number, epoch: number): void
  /** The one atomic write; `epochWritten` follows. */
  writeEpoch(epoch: number, cut: Cut, prepared: readonly Prepared[]): void
  /** Makes the epoch visible with its marker; `sinkCommitted` follows. */
  commitSink(sink: number, epoch: number, prepared: Prepared): void
  /** Every sink has it; `epochFinished` follows. */
  finishEpoch(epoch: number): void
}

/** What is told of it. */
export interface EpochEvents {
  sinkPrepared(sink: number, epoch: number, prepared: Prepared): void
  epochWritten(epoch: number): void
  sinkCommitted(sink: number, epoch: number): void
  epochFinished(epoch: number): void
  /** A sink has something to show: an epoch is worth its cut although no row came. */
  want(): void
  /** The disk has little room, or has some again: while it is low, nothing more is read. */
  spaceLow(low: boolean): void
}

interface Open<Cut> {
  readonly epoch: number
  readonly cut: Cut
  readonly prepared: Map<number, Prepared>
  readonly committed: Set<number>
  phase: 'preparing' | 'writing' | 'written' | 'finishing'
}

export class Epochs<Cut> implements EpochEvents {
  private readonly open: Open<Cut>[] = []
  private last = 0
  private lastWritten = 0
  private beganMs = Number.NEGATIVE_INFINITY
  private low = false
  private wanted = false
  private hastened = false

  /** @param sinks how many prepare and commit, the dead letters included */
  constructor(
    readonly terms: EpochTerms,
    private readonly sinks: number,
    private readonly effects: EpochEffects<Cut>,
  ) {}

  /** The last epoch that was cut; 0: none. */
  get epoch(): number {
    return this.last
  }

  /** The last epoch that is in the store. */
  get written(): number {
    return this.lastWritten
  }

  /** Cut and not finished. */
  get openCount(): number {
    return this.open.length
  }

  /** The next one may not begin yet: too many are on their way. */
  get full(): boolean {
    return this.open.length >= this.terms.openMax
  }

  get isWanted(): boolean {
    return this.wanted
  }

  want(): void {
    this.wanted = true
  }

  /** The next epoch is cut as soon as it can be, and although no row came. */
  hasten(): void {
    this.wanted = true
    this.hastened = true
  }

  /** The disk is nearly full. */
  get isSpaceLow(): boolean {
    return this.low
  }

  spaceLow(low: boolean): void {
    this.low = low
  }

  /** A run goes on behind this epoch, which is finished. */
  restore(epoch: number): void {
    this.last = epoch
    this.lastWritten = epoch
  }

  /** Rows began to flow. */
  start(nowMs: number): void {
    this.beganMs = nowMs
  }

  /** When the cut began that the open epoch stands behind. */
  get openSinceMs(): number {
    return this.beganMs
  }

  /** When the next cut may begin. */
  get dueMs(): number {
    return this.hastened ? this.beganMs : this.beganMs + this.terms.intervalMs
  }

  /** A cut has begun. */
  began(nowMs: number): void {
    this.beganMs = nowMs
  }

  /** A cut is complete. */
  cut(cut: Cut): number {
    invariant(!this.full, 'a cut begins where there is room for its epoch')
    this.last += 1
    this.wanted = false
    this.hastened = false
    this.open.push({ epoch: this.last, cut, prepared: new Map(), committed: new Set(), phase: 'preparing' })
    for (let sink = 0; sink < this.sinks; sink += 1) this.effects.prepareSink(sink, this.last)
    return this.last
  }

  /** The state of the last cut is taken too. */
  taken(): void {
    this.effects.cutTaken(this.beganMs)
  }

  sinkPrepared(sink: number, epoch: number, prepared: Prepared): void {
    this.of(epoch).prepared.set(sink, prepared)
    this.write()
  }

  epochWritten(epoch: number): void {
    const open = this.of(epoch)
    invariant(open.phase === 'writing', 'an epoch is written once')
    open.phase = 'written'
    this.lastWritten = epoch
    for (let sink = 0; sink < this.sinks; sink += 1) if (this.oldestWithout(sink) === open) this.commit(sink, open)
    this.write()
  }

  sinkCommitted(sink: number, epoch: number): void {
    const open = this.of(epoch)
    open.committed.add(sink)
    const next = this.oldestWithout(sink)
    if (next?.phase === 'written') this.commit(sink, next)
    this.finish()
  }

  epochFinished(epoch: number): void {
    const [oldest] = this.open
    invariant(oldest?.epoch === epoch && oldest.phase === 'finishing', 'epochs are finished in their order')
    this.open.shift()
    this.finish()
  }

  /** One at a time, in order: the state of a later one stands on that of the one before. */
  private write(): void {
    const next = this.open.find(o => o.phase === 'preparing' || o.phase === 'writing')
    if (next?.phase !== 'preparing' || next.prepared.size < this.sinks) return
    next.phase = 'writing'
    this.effects.writeEpoch(next.epoch, next.cut, allOf(next.prepared, this.sinks))
  }

  private commit(sink: number, { epoch, prepared }: Open<Cut>): void {
    const own = prepared.get(sink)
    invariant(own !== undefined, 'what is committed was prepared')
    this.effects.commitSink(sink, epoch, own)
  }

  private finish(): void {
    const [oldest] = this.open
    if (oldest?.phase !== 'written' || oldest.committed.size < this.sinks) return
    oldest.phase = 'finishing'
    this.effects.finishEpoch(oldest.epoch)
  }

  private oldestWithout(sink: number): Open<Cut> | undefined {
    return this.open.find(o => !o.committed.has(sink))
  }

  private of(epoch: number): Open<Cut> {
    const found = this.open.find(o => o.epoch === epoch)
    invariant(found !== undefined, 'an open epoch is named')
    return found
  }
}

function allOf(prepared: ReadonlyMap<number, Prepared>, sinks: number): readonly Prepared[] {
  return Array.from({ length: sinks }, (_, sink) => {
    const own = prepared.get(sink)
    invariant(own !== undefined, 'every sink has prepared')
    return own
  })
}

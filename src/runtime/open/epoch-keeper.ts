/**
 * Epoch keeper: carries an epoch from its cut to the store and the sinks. What it is asked for comes in the order that
 * `epoch/epochs.ts` gives; here is only how an epoch is written down, and how a run goes on from what was.
 */
import { type Observer, StateError, invariant } from '../../base/index.js'
import { type EpochRecord, encodeRecord, recordVersion } from '../../checkpoint/index.js'
import {
  type Descent,
  type EpochOutput,
  type JsonValue,
  type Prepared,
  type SinkStart,
} from '../../connectors/index.js'
import { type Topology } from '../../plan/index.js'
import { type StateStore, freeBytesMin } from '../../state/stores/index.js'
import { type EpochEffects, type EpochEvents } from '../epoch/index.js'
import { type EpochCut, type Restored } from '../flow/index.js'
import { type EpochsReport } from '../options.js'
import { type EndLeft, endsLeft, factsOf, withoutEnds } from './plan-facts.js'

/** What epochs go out to: the sinks, and behind them the dead letters and the captures. */
export interface Outputs {
  readonly sinks: readonly EpochOutput[]
  readonly letters: EpochOutput
  readonly captures: EpochOutput
}

export interface KeeperParts {
  readonly job: string
  readonly topology: Topology
  /** What a record says of the code of this number. */
  readonly codeOf: (code: number) => Pick<EpochRecord, 'code' | 'swapped'>
  /** What the run goes on from; null: it begins. */
  readonly last: EpochRecord | null
  /** Prepared and not finished, oldest first. */
  readonly unfinished: readonly EpochRecord[]
  readonly keyGroups: number
  /** Sources and sinks among them that the job has no more are left behind. */
  readonly dropState: readonly string[]
  readonly rewind: boolean
  readonly outputs: Outputs
  wallMs(): number
  readonly log: Observer['log']
  nowMs(): number
  /** Tells the engine, once the promise settles. */
  settled<T>(promise: Promise<T>, then: (epochs: EpochEvents, value: T) => void): void
}

/** Of how many cuts the times are kept. */
const cutsMax = 4_096

export class EpochKeeper implements EpochEffects<EpochCut> {
  /** Milliseconds from the beginning of a cut until rows flowed again, its state taken; of the newest ones. */
  private readonly cutsMs: number[] = []
  /** What the run goes on from, without what it leaves behind. */
  private readonly last: EpochRecord | null
  private readonly unfinished: readonly EpochRecord[]
  private readonly outputs: readonly EpochOutput[]
  private readonly facts: EpochRecord['plan']
  private readonly endsLeft: readonly EndLeft[]
  private opened: StateStore | null = null
  private left: { readonly operators: readonly string[]; readonly code: number } = { operators: [], code: 1 }
  private waitsForSpace = false

  /** @throws StateError ANB6103 where what the run goes on from is not of this job */
  constructor(private readonly parts: KeeperParts) {
    const { outputs, last, topology, keyGroups } = parts
    this.outputs = [...outputs.sinks, outputs.letters, outputs.captures]
    this.facts = factsOf(topology, keyGroups)
    const left = last === null ? [] : endsLeft(last.plan, this.facts, parts.dropState)
    for (const { words } of left) parts.log('warning', words)
    this.endsLeft = left
    this.last = last === null ? null : withoutEnds(last, left)
    this.unfinished = parts.unfinished.map(record => withoutEnds(record, left))
  }

  /** Of the last epoch that was written. */
  get record(): EpochRecord | null {
    return this.last
  }

  /** What the engine goes on from; null: nothing. */
  get restored(): Restored | null {
    const { last } = this
    if (last === null) return null
    const { topology } = this.parts
    return {
      epoch: last.epoch,
      sources: idsOf(topology, 'source').map(id => last.sources[id] ?? { position: null, rows: 0 }),
      sinkRows: idsOf(topology, 'sink').map(id => last.sinks[id]?.rows ?? 0),
      lastCalls: topology.vertices.flatMap(v =>
        v.kind === 'stage' && last.lastCalls.includes(v.id) ? [v.number] : [],
      ),
      ledger: last.ledger,
      checks: last.checks,
    }
  }

  /** Consent to leave something behind is asked for until an epoch without it is written: that one is due although no row came. */
  get leavesBehind(): boolean {
    return this.endsLeft.length > 0 || this.left.operators.length > 0
  }

  /** The next epoch of this code takes out what is stored of these operators: one of code before it still needs it. */
  leave(operators: readonly string[], code: number): void {
    this.left = { operators, code }
  }

  /** What a store begins with whose lineage begins at the last epoch of another one. */
  firstRecord(lineage: string): EpochRecord {
    const { last } = this
    invariant(last !== null, 'a lineage begins at an epoch')
    const begun = { lineage: last.lineage, epoch: last.epoch }
    return { ...last, lineage, plan: this.facts, begun, wallMs: this.parts.wallMs() }
  }

  /** Before anything is changed, also of what a store is made from: throws what outputs refuse this run for. */
  async check(descent: Descent): Promise<void> {
    for (const [i, output] of this.outputs.entries()) await output.check?.(this.startOf(i, descent))
  }

  /** Opens what epochs go out to, and commits what a run before did not. */
  async open(store: StateStore, descent: Descent): Promise<void> {
    this.opened = store
    const markers: (number | null)[] = []
    for (const [i, output] of this.outputs.entries())
      markers.push((await output.open(this.startOf(i, descent))).applied)
    markers.forEach((marker, i) => this.refuseAhead(marker, i))
    for (const record of this.unfinished) {
      for (const [i, output] of this.outputs.entries()) {
        const marker = markers[i] ?? null
        const prepared = this.saidBy(i, record)
        const isDue = prepared !== undefined && (marker === null || marker < record.epoch)
        if (isDue) await output.commit(record.epoch, prepared)
      }
      store.finish(record.epoch)
    }
  }

  /** What the run did with epochs. */
  get report(): Omit<EpochsReport, 'openMs' | 'restoreMs'> {
    const { epochs, reopened: _, ...bytes } = this.store.counts
    const resumedFrom = this.last?.epoch ?? null
    return { count: epochs, cutsMs: this.cutsMs.toSorted((a, b) => a - b), ...bytes, resumedFrom }
  }

  cutTaken(beganMs: number): void {
    this.cutsMs.push(this.parts.nowMs() - beganMs)
    if (this.cutsMs.length > cutsMax) this.cutsMs.shift()
  }

  prepareSink(sink: number, epoch: number): void {
    const { settled } = this.parts
    settled(this.output(sink).prepare(epoch), (epochs, prepared) => {
      epochs.sinkPrepared(sink, epoch, prepared)
    })
  }

  writeEpoch(epoch: number, cut: EpochCut, prepared: readonly Prepared[]): void {
    const record = encodeRecord(this.recordOf(epoch, cut, prepared))
    const written = this.store.prepare(epoch, record, cut.state, cut.keys, this.takeLeft(cut.code))
    this.parts.settled(written, epochs => {
      for (const { loan } of cut.state) loan?.release()
      epochs.epochWritten(epoch)
      this.lookAtSpace(epochs)
    })
  }

  private takeLeft(code: number): readonly string[] {
    const { operators, code: from } = this.left
    if (code < from) return []
    this.left = { operators: [], code }
    return operators
  }

  /** Epochs under way can still be written; rows that were not read need no room. */
  private lookAtSpace(epochs: EpochEvents): void {
    const { store } = this
    if (!store.spaceLow || this.waitsForSpace) return
    this.waitsForSpace = true
    epochs.spaceLow(true)
    const { log, settled } = this.parts
    const few = `less than ${freeBytesMin >> 20} MiB are free`
    log('warning', `the disk of ${store.path} is nearly full, ${few}: no more rows are read until there is room`)
    settled(store.roomAgain(), later => {
      this.waitsForSpace = false
      log('info', `the disk of ${store.path} has room again`)
      later.spaceLow(false)
    })
  }

  commitSink(sink: number, epoch: number, prepared: Prepared): void {
    this.parts.settled(this.output(sink).commit(epoch, prepared), epochs => {
      epochs.sinkCommitted(sink, epoch)
    })
  }

  finishEpoch(epoch: number): void {
    this.store.finish(epoch)
    this.parts.settled(Promise.resolve(), epochs => epochs.epochFinished(epoch))
  }

  private recordOf(epoch: number, cut: EpochCut, prepared: readonly Prepared[]): EpochRecord {
    const { topology, job, codeOf } = this.parts
    const sinks = idsOf(topology, 'sink')
    const said = (i: number): JsonValue => prepared[i] ?? null
    return {
      version: recordVersion,
      job,
      lineage: this.store.lineage,
      epoch,
      wallMs: this.parts.wallMs(),
      sources: byId(idsOf(topology, 'source'), i => cut.sources[i] ?? { position: null, rows: 0 }),
      sinks: byId(sinks, (i, id) => ({ prepared: said(i), rows: cut.sinkRows[i] ?? 0, joined: this.joined(id) })),
      letters: said(sinks.length),
      captures: said(sinks.length + 1),
      lastCalls: topology.vertices.flatMap(v => (v.kind === 'stage' && cut.lastCalls.includes(v.number) ? [v.id] : [])),
      ledger: cut.ledger,
      checks: cut.checks,
      ...codeOf(cut.code),
      plan: this.facts,
      begun: this.begunOf(this.store.lineage),
      watermarks: {},
      timers: {},
    }
  }

  private startOf(output: number, { lineage, forebears }: Descent): SinkStart {
    const { last } = this
    if (last === null) return { lineage, epoch: 0, prepared: null, marked: false }
    const { epoch, plan } = last
    const id = idsOf(this.parts.topology, 'sink')[output]
    // Of the epoch that a lineage begins at nobody wrote a marker in it.
    const first = Math.max(this.begunOf(lineage)?.epoch ?? 0, this.joined(id)) + 1
    const marked = epoch >= first && this.unfinished.every(record => record.epoch > first)
    // It was there when the lineage began, and everything was asked then: the run may have died since, before its first epoch.
    const wasAsked = last.lineage === lineage && id !== undefined && id in plan.sinks
    const rewinds = this.parts.rewind || wasAsked
    return { lineage, epoch, prepared: this.saidBy(output, last) ?? null, marked, forebears, rewinds }
  }

  /** The epoch behind which a sink came to the job; of the dead letters and captures the beginning. */
  private joined(sink: string | undefined): number {
    const { last } = this
    if (last === null || sink === undefined) return 0
    return last.sinks[sink]?.joined ?? last.epoch
  }

  /** Undefined: a sink that was not there in that epoch. */
  private saidBy(output: number, { sinks, letters, captures }: EpochRecord): Prepared | undefined {
    const ids = idsOf(this.parts.topology, 'sink')
    const id = ids[output]
    if (id === undefined) return output === ids.length ? letters : captures
    return sinks[id]?.prepared
  }

  private refuseAhead(marker: number | null, output: number): void {
    const epoch = this.last?.epoch ?? 0
    if (marker === null || marker <= epoch) return
    const id = idsOf(this.parts.topology, 'sink')[output] ?? 'dead letters'
    throw new StateError('ANB6102', `sink "${id}" has applied epoch ${marker}, the state knows ${epoch} epochs`, {
      detail: `What is in ${this.store.path} is older than what the sink holds: an older copy, or that of another run.`,
    })
  }

  private get store(): StateStore {
    const { opened } = this
    invariant(opened !== null, 'epochs are written to a store that is open')
    return opened
  }

  private begunOf(lineage: string): EpochRecord['begun'] {
    const { last } = this
    if (last === null) return null
    return last.lineage === lineage ? last.begun : { lineage: last.lineage, epoch: last.epoch }
  }

  private output(index: number): EpochOutput {
    const output = this.outputs[index]
    if (output === undefined) throw new RangeError(`there is no output ${index}`)
    return output
  }
}

const idsOf = (topology: Topology, kind: 'source' | 'sink'): readonly string[] =>
  topology.vertices.flatMap(v => (v.kind === kind ? [v.id] : []))

const byId = <T>(ids: readonly string[], of: (index: number, id: string) => T): Readonly<Record<string, T>> =>
  Object.fromEntries(ids.map((id, i) => [id, of(i, id)]))

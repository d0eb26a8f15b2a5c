/**
 * Cutting: an epoch ends. It begins where the time has come, lets what belongs to the epoch run out of the graph while
 * everything later waits, and is complete when nothing of it is left: then all that has to be durable is taken in one
 * step, and rows flow again. The next calls are sent before state is encoded, which they do not change, so that
 * workers do not wait for that. A slow call makes the cut late by its own length.
 */
import { type AnabranchError, atFailpoint } from '../../base/index.js'
import { type KeyDigestChange, type StateBlock } from '../../state/index.js'
import { type Epochs } from '../epoch/index.js'
import { type CheckState } from './check-tally.js'
import { type Graph } from './graph.js'
import { type Intake, type SourceMark } from './intake.js'
import { type Ledger, type LedgerState } from './ledger.js'
import { type Stage } from './stage.js'
import { type Swapping } from './swapping.js'

/** All that an epoch makes durable but what the sinks say. */
export interface EpochCut {
  /** By the index of the source. */
  readonly sources: readonly SourceMark[]
  /** Rows that each sink was given. */
  readonly sinkRows: readonly number[]
  /** Stages whose functions for the end of the input were called. */
  readonly lastCalls: readonly number[]
  readonly ledger: LedgerState
  /** By the id of the check. */
  readonly checks: Readonly<Record<string, CheckState>>
  /** Number of the code that made it. */
  readonly code: number
  /** State that changed; there when the event of the cut is over. */
  readonly state: readonly StateBlock[]
  /** Which keys came and went; there as the blocks are. */
  readonly keys: readonly KeyDigestChange[]
}

/** State of a cut, as far as it was taken. */
interface TakenState {
  readonly state: StateBlock[]
  readonly keys: KeyDigestChange[]
}

/** What a run goes on from; its state comes block by block. */
export interface Restored extends Omit<EpochCut, keyof TakenState | 'code'> {
  readonly epoch: number
}

export interface EpochStatus {
  /** Of the epoch that is open. */
  readonly epoch: number
  readonly ageMs: number
  /** Milliseconds from the beginning of the last cut until it was complete; null before the first. */
  readonly lastCutMs: number | null
  /** What the cut under way waits for, or else the last one did at its end, in words; null where nothing held it. */
  readonly delayedBy: string | null
  /** Cut and not finished. */
  readonly open: number
  /** The disk is nearly full: nothing is read until there is room. */
  readonly waitsForDisk: boolean
}

/** What a step did: nothing, or the cut is complete or put off; or why it must not be. */
type Step = 'idle' | 'cut' | 'put off' | AnabranchError

const graceMsMax = 150

export class Cutting {
  private lastMs: number | null = null
  private beganMs = 0
  /** Since when the epoch is open that is being cut. */
  private openSinceMs = 0
  private waitsFor: string | null = null
  private delayedBy: string | null = null
  /** Rows that belong to what was cut; what was read behind them does not. */
  private rowsIn = 0
  /** The last cut, of which state is still to be taken. */
  private untaken: (TakenState & { readonly epoch: number }) | null = null
  /** What `changed` and the size of an epoch are counted from. */
  private since = { passes: 0, lastCalls: 0, bytes: 0, given: 0 }

  constructor(
    private readonly parts: {
      readonly graph: Graph
      readonly intake: Intake
      readonly ledger: Ledger
      readonly epochs: Epochs<EpochCut>
      readonly swapping: Swapping
    },
  ) {}

  /** When to look whether an epoch is due; null while one is cut, or where nothing was done since the last one. */
  wakeMs(nowMs: number): number | null {
    const { graph, epochs } = this.parts
    if (graph.gate.cutting || !this.changed || this.isPutOff) return null
    return nowMs < epochs.dueMs ? epochs.dueMs : this.goodMs
  }

  /** No more rows are read: an epoch is due and too many are on their way, or the disk is nearly full. */
  intakeWaits(nowMs: number): boolean {
    const { epochs } = this.parts
    return epochs.isSpaceLow || (epochs.full && this.isDue(nowMs))
  }

  /** Everything that was done is in an epoch that is finished. */
  get isDone(): boolean {
    return !this.changed && !this.parts.graph.gate.cutting && this.allFinished
  }

  /** Every epoch that was cut is. */
  get allFinished(): boolean {
    return this.parts.epochs.openCount === 0
  }

  /** Something was done since the last cut, or waits to be shown; or last calls are made, of which no epoch has only some. */
  get changed(): boolean {
    const { graph, epochs } = this.parts
    if (epochs.isWanted) return true
    if (graph.gate.passes !== this.since.passes || lastCallsIn(graph) !== this.since.lastCalls) return true
    return this.needsRoom || graph.stages.some(s => s.isDirty || s.isEnding)
  }

  /** Rows wait for room in memory, which an epoch makes: it waits for no time. */
  private get needsRoom(): boolean {
    return this.parts.graph.stages.some(s => s.needsRoom)
  }

  /** An epoch is cut as soon as it can be. Answers the first one that holds all that was done until now. */
  hasten(): number {
    const { graph, epochs } = this.parts
    const holdsAll = !this.changed && !graph.gate.cutting
    if (holdsAll && (epochs.epoch > 0 || graph.ended)) return epochs.epoch
    epochs.hasten()
    return epochs.epoch + 1
  }

  /** `quiet`: no call is out and no sink is writing. `ending`: the next epoch is the last one, and waits for no time. */
  step(nowMs: number, { quiet, ending }: { readonly quiet: boolean; readonly ending: boolean }): Step {
    const { graph, epochs, swapping } = this.parts
    // Nothing can be sent any more.
    this.takeState()
    if (!graph.gate.cutting) {
      if (quiet && swapping.isSilent(nowMs)) epochs.want()
      const { changed } = this
      if (quiet && !changed) swapping.boundary(nowMs)
      const isDue = (swapping.waits || this.isDue(nowMs)) && !this.isPutOff
      if (!changed || epochs.full || !(ending || isDue)) return 'idle'
      this.begin(nowMs)
    }
    if (!quiet || graph.holdsAdmitted) {
      this.waitsFor = slowestOf(graph)
      return !ending && this.isPutOff ? this.putOff() : 'idle'
    }
    const error = swapping.judge(epochs.epoch + 1, nowMs)
    if (error !== null) return error
    atFailpoint('epoch.close', () => this.complete(nowMs))
    // State may get other columns.
    if (swapping.waits) this.takeState()
    swapping.boundary(this.beganMs)
    return 'cut'
  }

  /**
   * Rows of a lane wait for a service that is away, for minutes perhaps: a cut would stand still with all other lanes. So the epoch
   * grows meanwhile, up to its bytes: those that sinks hold, or that sources gave, since a sink may hold nothing.
   */
  private get isPutOff(): boolean {
    return !this.isLarge && !this.isLong && this.parts.graph.stages.some(s => s.lanes.held.length > 0)
  }

  private begin(nowMs: number): void {
    const { graph, epochs } = this.parts
    this.beganMs = nowMs
    this.waitsFor = null
    this.openSinceMs = epochs.openSinceMs
    graph.gate.begin()
    epochs.began(nowMs)
  }

  /** The cut has not begun after all. */
  private putOff(): Step {
    const { graph, epochs } = this.parts
    graph.gate.end()
    epochs.began(this.openSinceMs)
    return 'put off'
  }

  /**
   * Nothing of the epoch can move, because rows of later polls stand before it in a queue or fill one that it needs: they
   * become part of it. Where such rows are still to be read, the next step finds them.
   */
  widen(nowMs: number): { readonly moved: boolean; readonly error: AnabranchError | null } {
    const { graph, intake } = this.parts
    const still = { moved: false, error: null }
    if (!graph.gate.cutting) return still
    const canMove = graph.stages.some(s => s.awaitsState || s.lanes.isOpen || s.runnable(nowMs))
    return canMove ? still : intake.widen()
  }

  /** The run ends with the last cut: rows that were read behind it are read again by the one that goes on, and count there. */
  leaveUnread(): void {
    this.parts.ledger.rowsIn = this.rowsIn
  }

  status(nowMs: number): EpochStatus {
    const { graph, epochs } = this.parts
    return {
      epoch: epochs.epoch + 1,
      ageMs: Math.max(0, nowMs - epochs.openSinceMs),
      lastCutMs: this.lastMs,
      delayedBy: this.delays(nowMs) ? slowestOf(graph) : this.delayedBy,
      open: epochs.openCount,
      waitsForDisk: epochs.isSpaceLow,
    }
  }

  private delays(nowMs: number): boolean {
    return this.parts.graph.gate.cutting || (this.changed && this.isDue(nowMs) && this.isPutOff)
  }

  restore(restored: Restored): void {
    const { graph, intake, ledger, epochs } = this.parts
    epochs.restore(restored.epoch)
    ledger.restore(restored.ledger)
    this.rowsIn = restored.ledger.rowsIn
    intake.restore(restored.sources)
    graph.sinks.forEach((sink, i) => (sink.rows = restored.sinkRows[i] ?? 0))
    for (const stage of graph.stages) {
      if (restored.lastCalls.includes(stage.vertex.number)) stage.restoreLastCalls()
      for (const check of stage.checks.values()) check.restore(restored.checks)
    }
    this.note()
  }

  private isDue(nowMs: number): boolean {
    // The clock first: whether a moment is good is asked of all lanes, and this after each event.
    const isTime = nowMs >= this.parts.epochs.dueMs && nowMs >= this.goodMs
    return isTime || this.isLarge || this.needsRoom
  }

  private get isLarge(): boolean {
    const { epochs, graph } = this.parts
    return graph.heldBytes - this.since.bytes >= epochs.terms.bytesMax
  }

  private get isLong(): boolean {
    const { epochs, intake } = this.parts
    return intake.bytes - this.since.given >= epochs.terms.bytesMax
  }

  /** When it is time, or a little later: a cut waits for a moment at which it has few slow calls to wait for. */
  private get goodMs(): number {
    const { graph, epochs } = this.parts
    return graph.isEven ? epochs.dueMs : epochs.dueMs + Math.min(graceMsMax, epochs.terms.intervalMs / 4)
  }

  /** Takes what is left of a cut: when all that can be sent was, and before anything changes it. */
  takeState(): void {
    if (this.untaken === null) return
    const { epoch, ...taken } = this.untaken
    this.untaken = null
    this.take(epoch, taken, stage => stage.isStill)
    this.parts.epochs.taken()
  }

  private take(epoch: number, into: TakenState, which: (stage: Stage) => boolean): void {
    const { graph, swapping } = this.parts
    const stages = graph.stages.filter(stage => which(stage) && !swapping.holdsState(stage))
    for (const stage of stages) {
      into.state.push(...stage.takeDirty(epoch))
      into.keys.push(...(stage.keyed?.states.takeKeys() ?? []))
    }
  }

  private complete(nowMs: number): void {
    const { graph, intake, ledger, epochs, swapping } = this.parts
    const sources = intake.cut(graph.gate.end())
    this.rowsIn = sources.reduce((n, s) => n + s.rows, 0)
    this.note()
    this.lastMs = nowMs - this.beganMs
    this.delayedBy = this.waitsFor
    const checks = graph.stages.flatMap(stage => [...stage.checks.values()].map(check => check.state()))
    const taken: TakenState = { state: [], keys: [] }
    const epoch = epochs.cut({
      sources,
      sinkRows: graph.sinks.map(s => s.rows),
      lastCalls: graph.stages.filter(s => s.lastCalls).map(s => s.vertex.number),
      ledger: ledger.state(this.rowsIn),
      checks: Object.fromEntries(checks),
      code: swapping.code,
      ...taken,
    })
    this.take(epoch, taken, stage => !stage.isStill)
    this.untaken = { epoch, ...taken }
  }

  private note(): void {
    const { graph, intake } = this.parts
    const { heldBytes: bytes, gate } = graph
    this.since = { passes: gate.passes, lastCalls: lastCallsIn(graph), bytes, given: intake.bytes }
  }
}

/** What is still under way: what waits for a service, else what is nearest to the sources. */
function slowestOf({ stages, sinks }: Graph): string | null {
  const held = stages.find(s => s.lanes.held.length > 0)
  if (held !== undefined) return `operator "${held.vertex.id}", which waits for a service`
  const stage = stages.find(s => s.lanes.isOpen)
  if (stage !== undefined) return `operator "${stage.vertex.id}"`
  const sink = sinks.find(s => s.busy)
  return sink === undefined ? null : `sink "${sink.id}"`
}

/** Asked after each event: nothing is made for it. */
const lastCallsIn = ({ stages }: Graph): number => stages.reduce((n, stage) => (stage.lastCalls ? n + 1 : n), 0)

/**
 * A stage: neighbouring Python transforms that are one worker call, with the lanes in front of it.
 *
 * Rows come in by one edge, wait in lanes (by key, or in the one lane that a stage without key has), go out to
 * workers as tickets, and leave by the outputs in the order of their lane. At the end of bounded input each lane calls
 * the `at_end` functions over its keys. The stage decides what can be sent; the engine decides to whom.
 */
import { type FunctionRef, type StageVertex } from '../../plan/index.js'
import { schemaFromJson } from '../../schema/index.js'
import { type ColdAnswer, type ColdLack, type ColdPage, type StateBlock } from '../../state/index.js'
import { BatchSize } from '../pace/index.js'
import { DeadLimit, Hold } from '../fault/index.js'
import { Beyond } from './beyond.js'
import { CheckTally } from './check-tally.js'
import { Edge, Output } from './edge.js'
import { KeyedState } from './keyed.js'
import { without } from './row-numbers.js'
import { type CallLimit } from './lane.js'
import { Lanes } from './lanes.js'
import { LastCalls } from './last-calls.js'
import { Reordering } from './reordering.js'
import { type Place, behindAll, firstOf } from './row-order.js'
import { type Rows, rowCount, takeRows } from './rows.js'
import { StageCodec } from './codec.js'
import { StageMeter } from './stage-meter.js'
import { type StageTerms } from './stage-terms.js'
import { type Ticket } from './ticket.js'

/** Told about rows that never reach a worker, and that no row comes any more. */
export interface StageEvents {
  ended(stage: Stage): void
  nullKeys(stage: Stage, rows: Rows): void
}

/** A check with a ratio of its own is not held to the default. */
const limitOf = ({ name, check }: FunctionRef): DeadLimit =>
  new DeadLimit(name, check === undefined || check.maxRatio === null ? undefined : Infinity)

/** What may wait in the lanes of a stage: calls of full size a lane, and bytes. */
const callsWaitingPerLane = 2
const bytesWaitingMax = 16 << 20
/** Calls of fewer rows cost more by themselves than their rows do. */
const rowsOfCallMin = 64

export class Stage {
  /** It is the first to call anybody with its rows. */
  readonly isFirst: boolean
  readonly input: Edge
  /** 0 the main output, then the side outputs of the operators in order. */
  readonly outputs: readonly Output[]
  readonly lanes: Lanes
  readonly keyed: KeyedState | null
  codec: StageCodec
  readonly size: BatchSize
  readonly hold: Hold
  readonly meter = new StageMeter()
  /** null: all state is in memory. */
  readonly beyond: Beyond | null
  /** One an operator. */
  limits: readonly DeadLimit[]
  /** By the operator. */
  readonly checks: ReadonlyMap<number, CheckTally>
  private ended = false
  private lastCallsMade = false
  /** The last calls, once they have begun. */
  private ending: LastCalls | null = null
  private readonly overtaking: boolean
  private readonly reordering: Reordering | null

  constructor(
    public vertex: StageVertex,
    private readonly terms: StageTerms,
    private readonly events: StageEvents,
  ) {
    const { key } = vertex
    this.isFirst = terms.isFirst
    // What waits behind a call belongs to the epoch that is cut. So in front of slow calls there are no more than they need.
    const demand = (): number => (this.size.isSlow ? this.rowsInLanesMax : Number.POSITIVE_INFINITY)
    this.input = terms.isFirst ? new Edge(terms.gate) : new Edge(terms.gate, { demand })
    this.codec = new StageCodec(vertex, terms.memory, terms.stateBytesMax)
    this.outputs = [new Output(), ...this.codec.sides.map(() => new Output())]
    this.size = new BatchSize({ rowsMax: terms.rowsMax, bytesMax: 1 << 20 })
    this.hold = new Hold(terms.transientMaxMs)
    this.limits = vertex.operators.map(o => limitOf(o.fn))
    this.checks = CheckTally.of(vertex.operators)
    this.keyed =
      key === null
        ? null
        : new KeyedState({
            columns: key.columns,
            nullKeys: key.nullKeys,
            keyGroups: terms.keyGroups,
            lanes: terms.lanes,
            input: vertex.input,
            clock: terms.clock,
            budgetBytes: terms.beyond?.budgetBytes ?? null,
            entriesAtFirst: terms.beyond?.entriesAtFirst,
            memory: terms.memory,
            operators: new Map(
              vertex.operators.flatMap(({ id, fn }, i) =>
                fn.keyed ? [[i, { id, state: schemaFromJson(fn.state) }] as const] : [],
              ),
            ),
          })
    const cold = this.keyed?.cold ?? null
    const effects = terms.beyond?.effects
    this.beyond = cold === null || effects === undefined ? null : new Beyond(vertex.number, cold, effects)
    const count = key === null ? 1 : terms.lanes
    const window = key === null ? terms.window : 1
    this.lanes = new Lanes({ count, window, gate: terms.gate, memory: terms.memory })
    this.overtaking = vertex.operators.some(o => o.fn.unordered === true)
    this.reordering = terms.inOrder && count > 1 ? new Reordering(this.outputs, count, terms.order) : null
  }

  /** Whether it may go on with other functions. @throws StateError ANB6016 */
  fits(vertex: StageVertex): void {
    for (const [i, { fn }] of vertex.operators.entries()) if (fn.keyed) this.keyed?.fits(i, schemaFromJson(fn.state))
  }

  /** It goes on with other functions, which fit; nothing of it is under way. */
  redeclare(vertex: StageVertex): void {
    for (const [i, { fn }] of vertex.operators.entries())
      if (fn.keyed) this.keyed?.redeclare(i, schemaFromJson(fn.state))
    this.vertex = vertex
    this.codec = new StageCodec(vertex, this.terms.memory, this.terms.stateBytesMax)
    this.limits = vertex.operators.map(o => limitOf(o.fn))
  }

  get room(): boolean {
    return this.outputs.every(o => o.room)
  }

  /** Moves rows from the input into the lanes, as far as they have room. Answers whether anything moved. */
  route(): boolean {
    let moved = false
    while (this.hasRoomInLanes && this.beyond?.isClosed(this.terms.gate.cutting) !== true) {
      const [rows] = this.input.take({ most: this.rowsAtOnce, together: 0 })
      if (rows === undefined) break
      moved = true
      this.meter.rowsIn += rowCount(rows)
      for (const limit of this.limits) limit.enter(rowCount(rows))
      if (this.keyed === null) this.lanes.at(0).push(rows, null)
      else this.routeKeyed(this.keyed, rows)
    }
    return moved
  }

  private get rowsAtOnce(): number {
    const { bytes, rows } = this.input
    return this.beyond?.rowsAtOnce(bytes / Math.max(1, rows)) ?? Number.POSITIVE_INFINITY
  }

  private routeKeyed(keyed: KeyedState, all: Rows): void {
    const nullRows = keyed.nullRows(all.batch)
    if (nullRows !== null) {
      this.terms.gate.pass(all.fresh)
      this.events.nullKeys(this, takeRows(all, nullRows))
    }
    const rows = nullRows === null ? all : takeRows(all, without(rowCount(all), nullRows))
    if (nullRows !== null) all.loan?.release()
    if (rowCount(rows) === 0) return
    const { lanes, slots } = keyed.route(rows.batch)
    if (this.beyond?.routed({ rows, slots, lanes }) !== true) this.lanes.enter(rows, slots, lanes)
  }

  /** What a call needs of its keys and nobody knows is read before it is sent. Answers whether it has to wait for that. */
  fetchFor(ticket: Ticket): boolean {
    const { keyed } = this
    const { call, todo } = ticket
    const [piece] = todo
    if (keyed === null || call.kind === 'end' || piece === undefined || piece.slots === null) return false
    const lacks = keyed.lacksOfRows(piece.slots, piece.rows.batch)
    ticket.away = this.fetch(lacks, () => (ticket.away = false))
    return ticket.away
  }

  /** Keys lack something that lies beyond memory. Answers whether `then` has to be waited for: it is read. */
  fetch(lacks: readonly ColdLack[], then: () => void): boolean {
    return this.beyond?.fetch(lacks, then) ?? false
  }

  /** The state that rows waited for was read. */
  stateLoaded(load: number, answer: ColdAnswer): void {
    for (const { rows, slots, lanes } of this.beyond?.loaded(load, answer) ?? []) this.lanes.enter(rows, slots, lanes)
  }

  /** What lies there beyond memory was read. */
  statePage(number: number, page: ColdPage): void {
    this.beyond?.page(number, page)
  }

  /** Time passes: what has expired goes, little by little. */
  tick(nowMs: number): void {
    this.keyed?.sweep()
    this.beyond?.tick(nowMs, this.idle && this.input.rows === 0 && !this.isDirty)
  }

  /** Keys that leave memory were written; the sums of their entries. */
  stateLeft(sums: readonly Uint32Array[]): void {
    this.beyond?.left(sums)
  }

  /** Rows that wait for a call. */
  get queueRows(): number {
    return this.input.rows + this.lanes.rows + this.awaited.reduce((sum, rows) => sum + rowCount(rows), 0)
  }

  private get awaited(): readonly Rows[] {
    return this.beyond?.rows ?? []
  }

  /** Rows wait for their state to be read. */
  get awaitsState(): boolean {
    return this.beyond?.isWaiting === true
  }

  /** No row waits in it, or is under way. */
  get idle(): boolean {
    return !this.awaitsState && this.lanes.idle
  }

  /** Rows wait for room that only the next epoch makes. */
  get needsRoom(): boolean {
    return this.input.rows > 0 && this.beyond?.wantsEpoch === true
  }

  /** State changed since the last cut: by rows, or since it expired and none came. */
  get isDirty(): boolean {
    return this.keyed?.isDirty === true
  }

  /** Something waits, and what it would become has no place to go. */
  get isBlocked(): boolean {
    return !this.room && this.queueRows > 0
  }

  private get hasRoomInLanes(): boolean {
    const rows = this.lanes.rows + (this.reordering?.rows ?? 0)
    return rows < this.rowsInLanesMax && this.lanes.bytes < bytesWaitingMax
  }

  private get rowsInLanesMax(): number {
    return this.lanes.all.length * callsWaitingPerLane * this.size.rows
  }

  /** A cut that begins now waits for the calls that are out and for no others, or others are over at once. */
  get isEven(): boolean {
    return !this.isFirst || !this.size.isSlow || !this.lanes.holdsPassed
  }

  /** Rows that what stands below takes in good time, but no fewer than are worth a call. */
  get demandBelow(): number {
    return Math.max(rowsOfCallMin, Math.min(...this.outputs.map(o => o.demand)))
  }

  /** Rows of one call. */
  private get limitOfCall(): CallLimit {
    const { rows, rowsAlone, isSlow } = this.size
    const below = this.demandBelow
    return below < rows
      ? { together: below, alone: below, inStep: isSlow }
      : { together: rows, alone: rowsAlone, inStep: isSlow }
  }

  /** A row waits or is under way that belongs to the epoch that is being cut. */
  get holdsAdmitted(): boolean {
    const awaits = this.awaited.some(({ fresh }) => this.terms.gate.admits(fresh))
    return awaits || this.isEnding || this.lanes.holdsAdmitted || (this.reordering?.rows ?? 0) > 0
  }

  /** A ticket to send a piece of now; null where nothing can be sent. */
  next(nowMs: number): Ticket | null {
    return this.room ? this.lanes.next(nowMs, () => this.limitOfCall) : null
  }

  runnable(nowMs: number): boolean {
    return this.room && this.lanes.runnable(nowMs)
  }

  /** Emits what is finished: in its lane's order, which an unordered transform gives up. */
  emit(lane: number): void {
    const done = this.lanes.at(lane).finished(this.overtaking)
    for (const ticket of done)
      for (const e of ticket.done) {
        this.meter.rowsOut += rowCount(e.rows)
        if (this.reordering === null) this.outputs[e.output]?.emit(e.rows)
        else this.reordering.add(lane, e)
      }
    if (done.length > 0) this.reordering?.release(this.lanesFront)
  }

  private get lanesFront(): Place {
    const { order } = this.terms
    const ends = this.isEnding ? [order.ofEnd(this.vertex.number)] : []
    return firstOf([...this.lanes.fronts(order), ...ends, ...this.awaited.map(({ origin }) => order.of(origin, 0))])
  }

  /** Its functions for the end of the input are called. */
  get isEnding(): boolean {
    return this.ending !== null && !this.lastCallsMade
  }

  /** No row that leaves it later stands before this place. */
  get front(): Place {
    if (this.ended) return behindAll
    const atEnd = this.vertex.operators.some(o => o.fn.atEnd) ? this.terms.order.ofEnd(this.vertex.number) : behindAll
    return firstOf([this.lanesFront, this.input.front(this.terms.order), atEnd])
  }

  /** After the last row: first the last calls over all keys, then the end of the outputs. Answers whether it moved. */
  finish(): boolean {
    if (this.ended || !this.input.ended || (this.ending === null && !this.idle)) return false
    if (this.keyed !== null && !this.lastCallsMade) {
      const { vertex, keyed, beyond } = this
      this.ending ??= new LastCalls({ vertex, keyed, beyond, lanes: this.lanes.all })
      const moved = this.ending.step()
      if (!this.ending.done) return moved
      this.lastCallsMade = true
      this.reordering?.release(this.lanesFront)
    }
    this.ended = true
    this.events.ended(this)
    for (const output of this.outputs) output.end()
    return true
  }

  /** Its functions for the end of the input were called. */
  get lastCalls(): boolean {
    return this.lastCallsMade && this.vertex.operators.some(o => o.fn.atEnd)
  }

  /** Sending calls changes none of its state, and a cut moves none. */
  get isStill(): boolean {
    return this.beyond === null && this.keyed?.isPlain === true
  }

  /** State that changed since the last cut. */
  takeDirty(epoch: number): readonly StateBlock[] {
    const blocks = this.keyed?.takeDirty(epoch) ?? []
    const bytes = blocks.reduce((sum, block) => sum + block.bytes.length, 0)
    this.beyond?.cut(epoch, this.lanes.waitingSlots, bytes)
    return blocks
  }

  /** They were, in the epoch that the run goes on from. */
  restoreLastCalls(): void {
    this.lastCallsMade = true
  }

  /** Tickets that a stage without key may have open from now on. A lane with keys has one, always. */
  widen(window: number): void {
    if (this.keyed === null) this.lanes.widen(window)
  }
}

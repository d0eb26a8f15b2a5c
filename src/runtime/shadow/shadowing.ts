/**
 * Shadowing: new code is called with what the running code is called with, and their answers are compared; nothing that it says
 * goes anywhere else. It takes what its one worker has time for and leaves out the rest, so the job never waits for it. Each call
 * has the state that the running code was granted with, so differences do not build up. Pure: told what happened, it says what
 * to do.
 */
import { AnabranchError } from '../../base/index.js'
import { type Loan, type Memory } from '../../batch/index.js'
import { type StageVertex } from '../../plan/index.js'
import { LeaseTable, type ReplyKey } from '../../workers/lease/index.js'
import { type Failure, type Loss, failureOfLoss } from '../fault/index.js'
import { type Answer, type CallMessage, StageCodec, type Tap, type Work, rowCount, tablesOf } from '../flow/index.js'
import { compareCall } from './compare.js'
import { EvolvedState, type StateChange } from './evolved-state.js'
import { LaneTurns } from './lane-turns.js'
import { type ShadowReport } from './report.js'
import { StageTally, differs } from './tally.js'

export interface ShadowTerms {
  /** By the number of the stage: how it is with the new code, and how its state becomes that of the new code. */
  readonly stages: ReadonlyMap<number, { readonly vertex: StageVertex; readonly change: StateChange }>
  readonly tolerance: number
  /** It is over after so much, whichever is first. */
  readonly limits: { readonly epochs: number | null; readonly rows: number | null; readonly ms: number }
  readonly memory: Memory
  readonly stateBytesMax: number
  /** Why a swap to this code would be refused. */
  readonly swap: ShadowReport['swap']
}

/** None of these may call back before it has returned. */
export interface ShadowEffects {
  /** Starts a worker with the new code. */
  spawn(worker: number): void
  call(worker: number, message: CallMessage): void
  kill(worker: number): void
  /** It is over; its worker is not needed any more. */
  over(report: ShadowReport): void
  /** Number of the epoch that is open; null without epochs. */
  epoch(): number | null
}

/** One runs, one waits: the worker never idles. */
const callsOutMax = 2
/** Calls of which one of the two answers is there: they hold memory. */
const callsHeldMax = 8
/** A worker that was lost so often is not started again. */
const lossesMax = 3
/** At the end it waits so long for the answers that are out. */
const farewellMs = 5_000

type Outcome = ({ readonly is: 'done' } & Answer) | { readonly is: 'failed'; readonly failure: Failure }

interface Seen {
  readonly vertex: StageVertex
  readonly change: StateChange
  readonly codec: StageCodec
  readonly tally: StageTally
  readonly turns: LaneTurns
}

interface Held {
  readonly seen: Seen
  readonly work: Work
  /** Of the running code, which may have changed when both have answered. */
  readonly codec: StageCodec
  old: Outcome | null
  new: Outcome | null
}

export class Shadowing implements Tap {
  private readonly stages: ReadonlyMap<number, Seen>
  private readonly leases = new LeaseTable<Held>()
  private readonly held = new Map<Work, Held>()
  private worker = 0
  private isReady = false
  private losses = 0
  private beganMs: number | null = null
  private firstEpoch: number | null = null
  /** No more calls are taken; since when. */
  private closingMs: number | null = null
  private ended = false

  constructor(
    private readonly terms: ShadowTerms,
    private readonly effects: ShadowEffects,
  ) {
    this.stages = new Map(
      [...terms.stages].map(([number, { vertex, change }]) => {
        const codec = new StageCodec(vertex, terms.memory, terms.stateBytesMax)
        return [number, { vertex, change, codec, tally: new StageTally(vertex.id), turns: new LaneTurns() }] as const
      }),
    )
  }

  start(): void {
    this.worker += 1
    this.effects.spawn(this.worker)
  }

  /** A worker with the new code was ready. */
  get began(): boolean {
    return this.beganMs !== null
  }

  // Of the engine.

  granted(work: Work, nowMs: number): void {
    const seen = this.stages.get(work.stage.vertex.number)
    if (seen === undefined || this.beganMs === null || this.closingMs !== null) return
    const { ticket, piece } = work
    if (ticket.call.kind === 'rows') seen.tally.rowsSeen += rowCount(piece.rows)
    const isFree = this.isReady && this.leases.size < callsOutMax && this.held.size < callsHeldMax
    if (seen.turns.takes(ticket.lane, isFree)) this.send(work, seen, nowMs)
  }

  private send(work: Work, seen: Seen, nowMs: number): void {
    const { stage, ticket, piece } = work
    const { keyed } = stage
    const state = keyed === null || seen.change.size === 0 ? keyed : new EvolvedState(keyed, seen.change)
    const { parts, loan, error } = tablesOf(work, seen.codec, state)
    if (error === null) {
      const held: Held = { seen, work, codec: stage.codec, old: null, new: null }
      const allowedMs = seen.vertex.operators.reduce((ms, o) => ms + o.fn.timeoutMs, 0)
      const { worker } = this
      const lease = this.leases.grant(held, { worker, attempt: 1, allowedMs, nowMs })
      const { sequence, attempt } = lease
      const { call } = ticket
      piece.rows.loan?.keep()
      this.held.set(work, held)
      this.effects.call(worker, {
        kind: call.kind === 'rows' ? 'call' : 'end',
        stage: seen.vertex.number,
        lane: ticket.lane,
        sequence,
        attempt,
        rows: rowCount(piece.rows),
        parts,
      })
    }
    loan?.release()
  }

  done(work: Work, { tables, loan }: Answer): void {
    const held = this.held.get(work)
    if (held === undefined) return
    loan?.keep()
    held.old = { is: 'done', tables, loan }
  }

  failed(work: Work, failure: Failure | null): void {
    const held = this.held.get(work)
    if (held === undefined) return
    if (failure === null) this.drop(held)
    else held.old = { is: 'failed', failure }
  }

  // Of its worker.

  ready(nowMs: number): void {
    this.isReady = true
    this.beganMs ??= nowMs
    this.firstEpoch ??= this.effects.epoch()
  }

  /** An answer, whose memory is taken over. */
  answered(key: ReplyKey, outcome: Outcome, nowMs: number): void {
    const held = this.leases.settle(this.worker, key, nowMs)?.work
    if (held === undefined || !this.held.has(held.work)) {
      if (outcome.is === 'done') outcome.loan?.release()
      return
    }
    held.new = outcome
  }

  /** It is gone: another one takes its place, unless that happened too often. */
  lost(loss: Loss, nowMs: number): void {
    this.isReady = false
    this.losses += 1
    const [first, ...others] = this.leases.lost(this.worker).map(lease => lease.work)
    for (const held of others) this.drop(held)
    const isOfCode = loss.kind === 'crash' || loss.kind === 'deadline'
    if (first !== undefined && isOfCode) first.new = { is: 'failed', failure: failureOfLoss(loss) }
    else if (first !== undefined) this.drop(first)
    if (this.ended) return
    if (this.losses < lossesMax) this.start()
    else this.closing(nowMs)
  }

  // Of the host, outside of the events of the engine.

  /** Compares what was answered, and looks at deadlines and limits. */
  tick(nowMs: number): void {
    if (this.ended) return
    for (const held of this.held.values()) if (held.old !== null && held.new !== null) this.compare(held)
    if (this.leases.overdue(nowMs).length > 0) this.effects.kill(this.worker)
    if (this.closingMs === null && this.isDone(nowMs)) this.closing(nowMs)
    if (this.closingMs === null) return
    if (this.held.size === 0 || nowMs - this.closingMs >= farewellMs)
      this.end(this.losses < lossesMax ? 'done' : 'lost', nowMs)
  }

  end(why: ShadowReport['ended'], nowMs: number): void {
    if (this.ended) return
    for (const held of this.held.values()) {
      if (held.old !== null && held.new !== null) this.compare(held)
      else this.drop(held)
    }
    this.ended = true
    this.closingMs ??= nowMs
    this.effects.over(this.report(why, nowMs))
  }

  private closing(nowMs: number): void {
    this.closingMs ??= nowMs
  }

  private isDone(nowMs: number): boolean {
    const { epochs, rows, ms } = this.terms.limits
    if (this.beganMs === null) return false
    const epochsSeen = (this.effects.epoch() ?? 0) - (this.firstEpoch ?? 0)
    return (
      nowMs - this.beganMs >= ms ||
      (rows !== null && this.rowsTried >= rows) ||
      (epochs !== null && epochsSeen >= epochs)
    )
  }

  private compare(held: Held): void {
    const { seen, work, old, new: next } = held
    const { tally, vertex } = seen
    const rows = rowCount(work.piece.rows)
    if (old?.is === 'done' && next?.is === 'done') {
      try {
        const asked = { rows: work.piece.rows, call: work.ticket.call, keys: work.grouping?.uniq.length ?? 0 }
        const answers = { old: held.codec.read(old.tables, asked), new: seen.codec.read(next.tables, asked) }
        compareCall({ work, ...answers }, { ...seen, tolerance: this.terms.tolerance })
      } catch (error) {
        if (!(error instanceof AnabranchError)) throw error
        tally.failed({ ...error.json, operator: vertex.id, traceback: error.detail }, rows)
      }
    } else if (old?.is === 'done' && next?.is === 'failed')
      tally.failed({ ...next.failure, operator: vertex.operators[next.failure.operator]?.id ?? vertex.id }, rows)
    else if (next?.is === 'done') tally.failedOnlyInOld += 1
    this.drop(held)
  }

  private drop(held: Held): void {
    if (!this.held.delete(held.work)) return
    for (const loan of [held.work.piece.rows.loan, loanOf(held.old), loanOf(held.new)]) loan?.release()
  }

  private get rowsTried(): number {
    return [...this.stages.values()].reduce((n, { tally }) => n + tally.rowsTried, 0)
  }

  private get rowsCompared(): number {
    return [...this.stages.values()].reduce((n, { tally }) => n + tally.rowsCompared, 0)
  }

  private report(ended: ShadowReport['ended'], nowMs: number): ShadowReport {
    const stages = [...this.stages.values()].map(({ tally }) => tally.report)
    const { rowsCompared, losses } = this
    return {
      verdict: stages.some(differs) ? 'different' : rowsCompared === 0 ? 'nothing' : 'equal',
      ended,
      seconds: this.beganMs === null ? 0 : (nowMs - this.beganMs) / 1_000,
      rowsSeen: stages.reduce((n, { rowsSeen }) => n + rowsSeen, 0),
      rowsCompared,
      losses,
      stages,
      swap: this.terms.swap,
    }
  }
}

const loanOf = (outcome: Outcome | null): Loan | undefined => (outcome?.is === 'done' ? outcome.loan : undefined)

/**
 * Settlement: what the end of a lease does to its ticket. A good reply applies state and rows in one step; a
 * failed call or a lost worker puts the rows back, whole or in halves, or buries the one row that is to blame.
 * Nothing here sends anything: pieces that are to be done again lie in their ticket, and the engine finds them.
 */
import {
  type AnabranchError,
  ContractError,
  PlanError,
  ProtocolError,
  TransientError,
  TransformError,
  atFailpoint,
} from '../../base/index.js'
import { type Observer } from '../../base/index.js'
import { type Loan, joinLoans } from '../../batch/index.js'
import { type Frame } from '../../transport/index.js'
import { type Failure, type Loss, LossRate, decideFailure, decideLoss, failureOfLoss } from '../fault/index.js'
import { type Reply } from './codec.js'
import { type Work } from './grant.js'
import { type Ledger } from './ledger.js'
import { type Sampling } from './sampling.js'
import { type Rows, rowBytes, rowCount, splitRows } from './rows.js'
import { type Stage } from './stage.js'
import { type Tap } from './tap.js'
import { type Evidence, type Piece, noEvidence } from './ticket.js'

/** Frames refused in a row, without a good reply between them, before the job stops (DESIGN 11). */
const refusedMax = 2

/** Bytes of the worker; or an error. */
export type Settled = { readonly rssBytes: number } | AnabranchError

/** A DONE: its tables, and the memory that they lie in. */
export type Answer = Pick<Frame, 'tables' | 'loan'>

export class Settlement {
  tap: Tap | null = null
  private refusedInARow = 0
  private readonly lossRate = new LossRate()

  constructor(
    private readonly ledger: Ledger,
    private readonly sampling: Sampling,
    private readonly observer: Observer,
  ) {}

  /**
   * Applies a DONE. A ProtocolError means that nothing was applied; any other error stops the job. Consumes the answer.
   *
   * @param later is given what is to be done once state that lies beyond memory was read: a call of which the answer waits for
   * that is over, and its ticket is not, so that neither its keys nor a cut go on without it.
   */
  done(work: Work, { tables, loan }: Answer, later: (accept: () => Settled) => void): Settled {
    this.tap?.done(work, { tables, loan })
    const { stage, ticket, piece } = work
    let reply: Reply
    try {
      const keys = work.grouping?.uniq.length ?? 0
      const asked = { rows: piece.rows, call: ticket.call, keys }
      reply = atFailpoint('frame.validate', () => stage.codec.reply(tables, asked))
    } catch (error) {
      loan?.release()
      if (error instanceof ProtocolError || error instanceof ContractError) return error
      throw error
    }
    const accept = (): Settled => atFailpoint('accept', () => this.accept(work, reply, loan))
    const lacks = stage.keyed?.lacksOfReply(work.grouping?.uniq ?? new Int32Array(0), reply.state) ?? []
    return stage.fetch(lacks, () => later(accept)) ? { rssBytes: reply.rssBytes } : accept()
  }

  private accept(work: Work, reply: Reply, loan: Loan | undefined): Settled {
    const { stage, ticket, piece } = work
    this.refusedInARow = 0
    this.sampling.done(work, reply.us)
    const captures = this.ledger.capturesOf(work, reply.dead)
    this.survived(piece.evidence)
    this.applyState(work, reply)
    ticket.away = false
    for (const { output, rows } of reply.emissions)
      ticket.done.push({ output, rows: { ...rows, loan: joinLoans(rows.loan, holdBoth(piece.rows.loan, loan)) } })
    stage.hold.succeeded()
    stage.lanes.at(ticket.lane).held = null
    stage.meter.rowsSettled += rowCount(piece.rows)
    if (reply.dead.length < rowCount(piece.rows)) for (const limit of stage.limits) limit.success()
    if (ticket.call.kind === 'rows') {
      const { us, rowsWanted } = reply
      stage.size.observe({ rows: rowCount(piece.rows), us, bytes: rowBytes(piece.rows), rowsWanted })
    }
    for (const [name, by] of Object.entries(reply.counters)) this.observer.count(`user.${name}`, by)
    const error = this.ledger.deadRows(work, reply.dead, captures) ?? sawChecks(stage, reply)
    piece.rows.loan?.release()
    loan?.release()
    return error ?? { rssBytes: reply.rssBytes }
  }

  /** No row of the stage comes any more. */
  ended(stage: Stage): AnabranchError | null {
    return [...stage.checks.values()].map(check => check.verdict()).find(error => error !== null) ?? null
  }

  /** Whoever answers has survived these rows: what was lost with them before was lost by chance. */
  private survived(evidence: Evidence): void {
    const chances = this.lossRate.answered(evidence)
    if (chances > 0) this.observer.count('worker.lost.chance', chances)
  }

  private applyState(work: Work, reply: Reply): void {
    const { keyed } = work.stage
    if (keyed === null || work.grouping === null) return
    for (const one of reply.state) keyed.apply(work.grouping.uniq, one)
  }

  /** A FAILED of the call. */
  failed(work: Work, failure: Failure, nowMs: number): Settled {
    this.tap?.failed(work, failure)
    const { stage, piece } = work
    this.refusedInARow = 0
    this.survived(piece.evidence)
    this.observer.count('call.failed', 1, { class: failure.class })
    const decision = decideFailure(failure, rowCount(piece.rows))
    switch (decision.do) {
      case 'halve':
        this.halve(work)
        return { rssBytes: 0 }
      case 'bury':
        return this.bury(work, failure) ?? { rssBytes: 0 }
      case 'hold': {
        const waitMs = stage.hold.failed(nowMs, failure)
        if (waitMs === null) return givenUp(work, failure)
        this.observer.log('warning', `operator "${stage.vertex.id}" is held for ${waitMs} ms: ${failure.message}`)
        stage.lanes.at(work.ticket.lane).hold(nowMs, { untilMs: nowMs + waitMs, reason: failure.message })
        this.again(work, noEvidence)
        return { rssBytes: 0 }
      }
      default:
        return stopError(work, failure)
    }
  }

  /**
   * The worker was lost. `blamed` is null where the call was not being worked on, or is not to blame; it had not surely
   * `begun` where it stood behind another one, which may have killed the worker after its reply.
   */
  lost(work: Work, blamed: { readonly loss: Loss; readonly begun: boolean } | null): AnabranchError | null {
    this.tap?.failed(work, null)
    const { piece } = work
    this.observer.count('lease.resent')
    if (blamed === null) {
      this.again(work)
      return null
    }
    this.lossRate.lost()
    const { suspected, evidence } = piece
    const held = { rows: rowCount(piece.rows), suspected, evidence, begun: blamed.begun }
    const decision = decideLoss(blamed.loss, held, this.lossRate.perCall)
    if (decision.do === 'again') this.again(work, decision.evidence)
    else if (decision.do === 'halve') this.halve(work)
    else return this.bury(work, failureOfLoss(blamed.loss))
    return null
  }

  /** The same rows once more. */
  again(work: Work, evidence: Evidence = work.piece.evidence): void {
    this.putBack(work, [{ ...work.piece, attempt: work.piece.attempt + 1, evidence }])
  }

  /** A frame that could not be accepted; the error that stops the job where it is one too many. */
  refused(error: AnabranchError): AnabranchError | null {
    this.refusedInARow += 1
    if (this.refusedInARow < refusedMax) return null
    const message = `expected a frame of ours, got another ${this.refusedInARow} times in a row`
    return new ProtocolError('ANB5003', message, { detail: error.message, cause: error })
  }

  private halve(work: Work): void {
    const { piece } = work
    const middle = rowCount(piece.rows) >> 1
    this.observer.count('lease.halved')
    const [first, second] = splitRows(piece.rows, middle)
    const half = (rows: Rows, slots: Int32Array | undefined): Piece => ({
      rows,
      slots: slots ?? null,
      attempt: piece.attempt + 1,
      evidence: noEvidence,
      suspected: true,
    })
    const before = half(first, piece.slots?.subarray(0, middle))
    const after = half(second, piece.slots?.subarray(middle))
    this.putBack(work, [before, after])
  }

  private putBack(work: Work, pieces: readonly Piece[]): void {
    work.ticket.todo.unshift(...pieces)
    work.ticket.away = false
  }

  private bury(work: Work, failure: Failure): AnabranchError | null {
    const { stage, ticket } = work
    ticket.away = false
    // A service may have been away for this row; it waits for it no more.
    stage.lanes.at(ticket.lane).held = null
    stage.meter.rowsSettled += rowCount(work.piece.rows)
    const error = this.ledger.single(work, failure)
    work.piece.rows.loan?.release()
    return error
  }
}

/** What a call answers may lie in its rows and in its reply. */
function holdBoth(rows: Loan | undefined, reply: Loan | undefined): Loan | undefined {
  rows?.keep()
  reply?.keep()
  return joinLoans(rows, reply)
}

const place = (work: Work, operator: number): string => {
  const o = work.stage.vertex.operators[operator]
  return `operator "${o?.id ?? work.stage.vertex.id}" (${o?.place ?? ''}), ${rowCount(work.piece.rows).toLocaleString('en')} rows.`
}

function stopError(work: Work, failure: Failure): AnabranchError {
  const { hint } = failure
  const detail = [place(work, failure.operator), failure.traceback.trimEnd()].filter(Boolean).join('\n')
  const parts = { detail, ...(hint !== undefined && { hint }) }
  switch (failure.class) {
    case 'PlanError':
      return new PlanError(failure.code, failure.message, parts)
    case 'ProtocolError':
      return new ProtocolError(failure.code, failure.message, parts)
    case 'ContractError':
      return new ContractError(failure.code, failure.message, parts)
    default:
      return new TransformError(failure.code, failure.message, parts)
  }
}

function givenUp(work: Work, failure: Failure): AnabranchError {
  const name = work.stage.vertex.operators[failure.operator]?.fn.name ?? work.stage.vertex.id
  const message = `expected what transform "${name}" calls to come back, it was away for too long: ${failure.message}`
  return new TransientError('ANB2010', message, { detail: failure.traceback })
}

/** The first error that stops the job; every check is counted. */
function sawChecks(stage: Stage, { checked }: Reply): AnabranchError | null {
  const errors = checked.map(one => stage.checks.get(one.operator)?.saw(one) ?? null)
  return errors.find(error => error !== null) ?? null
}

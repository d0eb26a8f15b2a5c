/** Grant: one piece of a ticket becomes a lease at a worker. */
import { type AnabranchError, invariant } from '../../base/index.js'
import { type LeaseTable, type Pool } from '../../workers/index.js'
import { type Effects } from './effects.js'
import { type Grouping } from './keyed.js'
import { type Outgoing, type StageCodec, type StateSource } from './codec.js'
import { rowCount } from './rows.js'
import { type Stage } from './stage.js'
import { type Tap } from './tap.js'
import { type Piece, type Ticket } from './ticket.js'

/** What a lease holds: enough to apply its reply, or to send the same rows again. */
export interface Work {
  readonly stage: Stage
  readonly ticket: Ticket
  readonly piece: Piece
  /** The keys whose state is away with it, in the order of the reply's state rows; null without keys. */
  readonly grouping: Grouping | null
}

/** A call with which a worker was lost may take this long at least the next time, and this many times its measured cost. */
const againMsMin = 1_000
const againCostTimes = 20

interface To {
  readonly leases: LeaseTable<Work>
  readonly effects: Effects
  readonly tap: Tap | null
  readonly nowMs: number
}

/** Gives the workers what they can take. `starved`: work waits that none of them can. `error` stops the job. */
export function grantAll(
  sinksFirst: readonly Stage[],
  pool: Pool,
  to: To,
): { readonly granted: boolean; readonly starved: boolean; readonly error: AnabranchError | null } {
  let granted = false
  for (const stage of sinksFirst)
    while (stage.runnable(to.nowMs)) {
      const worker = pool.pick()
      if (worker === null) {
        pool.wantMore()
        return { granted, starved: true, error: null }
      }
      const ticket = stage.next(to.nowMs)
      if (ticket === null) break
      if (stage.fetchFor(ticket)) {
        granted = true
        continue
      }
      const { suspicious, error } = grantWork(stage, ticket, worker, to)
      pool.granted(worker, suspicious)
      granted = true
      if (error !== null) return { granted, starved: false, error }
    }
  return { granted, starved: false, error: null }
}

function grantWork(
  stage: Stage,
  ticket: Ticket,
  worker: number,
  to: To,
): { readonly suspicious: boolean; readonly error: AnabranchError | null } {
  const piece = ticket.todo.shift()
  invariant(piece !== undefined, 'a ticket that is sent has a piece to do')
  ticket.away = true
  stage.meter.granted()
  const { call } = ticket
  const { keyed, codec } = stage
  const grouped = call.kind === 'rows' && keyed !== null && piece.slots !== null
  const grouping = grouped ? keyed.group(piece.slots) : null
  const work = { stage, ticket, piece, grouping }
  const lease = to.leases.grant(work, {
    worker,
    attempt: piece.attempt,
    allowedMs: allowedMs(stage, piece),
    nowMs: to.nowMs,
  })
  const { parts, loan, error } = tablesOf(work, codec, keyed)
  if (error !== null) return { suspicious: false, error }
  to.effects.call(worker, {
    kind: call.kind === 'rows' ? 'call' : 'end',
    stage: stage.vertex.number,
    lane: ticket.lane,
    sequence: lease.sequence,
    attempt: lease.attempt,
    rows: rowCount(piece.rows),
    parts,
  })
  // The tables are written when the call is sent.
  loan?.release()
  to.tap?.granted(work, to.nowMs)
  return { suspicious: wasLost(piece), error: null }
}

/** A worker was lost with exactly these rows in hand. */
const wasLost = (piece: Piece): boolean => piece.evidence.crashes + piece.evidence.losses > 0

/** Tables of the call: rows, or the keys at the end of the input, with their state. */
export function tablesOf(
  { ticket: { call }, piece, grouping }: Work,
  codec: StageCodec,
  state: StateSource | null,
): Outgoing {
  if (call.kind === 'rows') return codec.call(piece.rows, state, grouping)
  invariant(state !== null && piece.slots !== null, 'only keyed stages have last calls')
  return codec.end(piece.rows.batch, piece.slots, call.operator, state)
}

function allowedMs(stage: Stage, piece: Piece): number {
  const declared = stage.vertex.operators.reduce((ms, o) => ms + o.fn.timeoutMs, 0)
  // A call that merely comes again (its service was away, it stood behind another) has done nothing wrong; and who was
  // never measured may be loading a model.
  if (!piece.suspected && !wasLost(piece)) return declared
  const cost = stage.size.expectedUs(rowCount(piece.rows)) / 1_000
  if (cost === 0) return declared
  return Math.min(declared, Math.max(againMsMin, againCostTimes * cost))
}

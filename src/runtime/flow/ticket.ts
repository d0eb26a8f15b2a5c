/**
 * A ticket: one batch of a lane on its way through a stage, from the moment it leaves the queue until its rows
 * are emitted. Normally one call settles it. Where a call fails, the ticket is worked off in pieces, in the order of
 * the rows, each on the state that the one before left; the pieces' outputs stay together, in order.
 */
import { type Origin } from './origin.js'
import { type Rows } from './rows.js'

/** Rows of one output of the stage; `output` is the index in the stage's list of outputs, 0 the main one. */
export interface Emission {
  readonly output: number
  readonly rows: Rows
}

/** What is known against the rows of a piece: calls in which the worker was lost with exactly these rows in hand. */
export interface Evidence {
  /** The process ended by itself: a signal of its own making, an exit. */
  readonly crashes: number
  /** The deadline passed, somebody outside killed it, or the call before may have: an innocent row may have been there. */
  readonly losses: number
}

export interface Piece {
  readonly rows: Rows
  /** State slot of each row; null in a stage without key. */
  readonly slots: Int32Array | null
  readonly attempt: number
  readonly evidence: Evidence
  /** It was cut out of a failed batch: its deadline is short, and it is halved at the first loss. */
  readonly suspected: boolean
}

export type Call = { readonly kind: 'rows' } | { readonly kind: 'end'; readonly operator: number }

export interface Ticket {
  readonly lane: number
  readonly call: Call
  /** Where its rows come from. */
  readonly origin: Origin
  /** Pieces still to do, in the order of the rows. */
  readonly todo: Piece[]
  /** A piece of it is at a worker. */
  away: boolean
  readonly done: Emission[]
}

export const noEvidence: Evidence = { crashes: 0, losses: 0 }

export const newTicket = (lane: number, call: Call, rows: Rows, slots: Int32Array | null): Ticket => ({
  lane,
  call,
  origin: rows.origin,
  todo: [{ rows, slots, attempt: 1, evidence: noEvidence, suspected: false }],
  away: false,
  done: [],
})

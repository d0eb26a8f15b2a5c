/**
 * Decide: one failure of one piece, one action. Pure, so that the table of DESIGN 11 can be tested as a table.
 *
 * A row is given up only on evidence against that row alone: it raised by itself, or it was alone in the hands of
 * several workers that were lost, more often than chance explains. A batch that merely stood nearby when a worker died
 * is sent again.
 */
import { type Evidence } from '../flow/ticket.js'
import { type Failure, type Loss } from './failure.js'

export type Decision =
  /** The same rows again; `evidence` is what now speaks against them. */
  | { readonly do: 'again'; readonly evidence: Evidence }
  /** Two halves, the first one first. */
  | { readonly do: 'halve'; readonly evidence: Evidence }
  /** This one row is dead. */
  | { readonly do: 'bury' }
  /** Hold the lane and try again. */
  | { readonly do: 'hold' }
  | { readonly do: 'stop' }

/** Crashes with one row alone in hand before the row is given up, where workers do not die by chance. */
export const crashesMax = 2
/** The same for a row that was never cut out of a larger batch: no crash before speaks against it. */
export const crashesAloneMax = 3
/** The same for losses that may have come from outside: nobody kills the same row's worker by chance four times. */
export const lossesMax = 4
/** Where workers do die by chance: so many losses in a row that chance makes them once in a thousand million rows. */
const doubt = 1e-9
const byChanceMax = 24

function moreThanChance(perCall: number): number {
  return perCall <= 0 ? 0 : Math.min(byChanceMax, Math.ceil(Math.log(doubt) / Math.log(Math.min(perCall, 0.5))))
}

export function decideFailure(failure: Failure, rows: number): Decision {
  switch (failure.class) {
    case 'TransformError':
      return rows > 1 ? { do: 'halve', evidence: { crashes: 0, losses: 0 } } : { do: 'bury' }
    case 'TransientError':
      return { do: 'hold' }
    default:
      return { do: 'stop' }
  }
}

export function decideLoss(
  loss: Loss,
  piece: {
    readonly rows: number
    readonly suspected: boolean
    readonly evidence: Evidence
    /** It was surely this call that the worker had in hand, and not the end of the one before. */
    readonly begun: boolean
  },
  /** Share of calls in which a worker was lost whose rows were good: see `LossRate`. */
  chancePerCall: number,
): Decision {
  const evidence: Evidence =
    loss.kind === 'crash' && piece.begun
      ? { ...piece.evidence, crashes: piece.evidence.crashes + 1 }
      : { ...piece.evidence, losses: piece.evidence.losses + 1 }
  if (piece.rows === 1) {
    const least = moreThanChance(chancePerCall)
    const crashes = Math.max(least, piece.suspected ? crashesMax : crashesAloneMax)
    const guilty = evidence.crashes >= crashes || evidence.losses >= Math.max(least, lossesMax)
    return guilty ? { do: 'bury' } : { do: 'again', evidence }
  }
  const first = evidence.crashes + evidence.losses === 1 && !piece.suspected
  return first ? { do: 'again', evidence } : { do: 'halve', evidence: { crashes: 0, losses: 0 } }
}

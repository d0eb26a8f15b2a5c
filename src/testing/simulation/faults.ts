/**
 * Faults of one simulated run. A seed switches some kinds on and most of them off (a swarm): runs in which everything
 * breaks at once find less than runs in which three things break often.
 */
import { Chance } from './chance.js'

export const faultKinds = [
  'start fails',
  'start is slow',
  'crash before the call',
  'crash in the call',
  'crash after the call',
  'hang in the call',
  'killed from outside',
  'stopped for a while',
  'unflushed replies',
  'reply delayed',
  'replies reordered',
  'reply duplicated',
  'reply comes again late',
  'reply of another incarnation',
  'reply cut',
  'reply damaged',
  'service away',
  'sink slow',
  'source slow',
  'drain',
  'worker too large',
  'host stands still',
  'host dies',
  'host dies in a write',
  'dies at a failpoint',
  'disk full',
  'fsync fails',
] as const
export type FaultKind = (typeof faultKinds)[number]

/** Probability of each kind, at each place where it can strike. */
export type Faults = ReadonlyMap<FaultKind, number>

export const noFaults: Faults = new Map()

const rates: Readonly<Record<FaultKind, number>> = {
  'start fails': 0.3,
  'start is slow': 0.5,
  'crash before the call': 0.1,
  'crash in the call': 0.1,
  'crash after the call': 0.1,
  'hang in the call': 0.02,
  'killed from outside': 0.05,
  'stopped for a while': 0.03,
  'unflushed replies': 0.7,
  'reply delayed': 0.1,
  'replies reordered': 0.4,
  'reply duplicated': 0.2,
  'reply comes again late': 0.1,
  'reply of another incarnation': 0.1,
  'reply cut': 0.05,
  'reply damaged': 0.1,
  'service away': 1,
  'sink slow': 0.5,
  'source slow': 0.3,
  drain: 1,
  'worker too large': 0.1,
  'host stands still': 1,
  'host dies': 0.7,
  'host dies in a write': 0.03,
  'dies at a failpoint': 0.6,
  'disk full': 0.1,
  'fsync fails': 0.05,
}

export function drawFaults(chance: Chance): Faults {
  if (chance.happens(0.05)) return noFaults
  const share = chance.pick([0.1, 0.25, 0.5])
  const often: ReadonlySet<FaultKind> = new Set(['dies at a failpoint'])
  const drawn = faultKinds.filter(kind => chance.happens(often.has(kind) ? 0.7 : share))
  return new Map(drawn.map(kind => [kind, rates[kind]]))
}

/** The faults of a seed, for runs that share their input with others. */
export const faultsOf = (seed: number): Faults => drawFaults(new Chance(seed, 4))

/** Decides whether a fault strikes here, and remembers that it did. */
export class Striker {
  readonly struck = new Map<string, number>()
  /** Nothing strikes any more: what runs now has to come to its end. */
  isCalm = false

  constructor(
    private readonly faults: Faults,
    private readonly chance: Chance,
  ) {}

  strikes(kind: FaultKind): boolean {
    const rate = this.faults.get(kind)
    if (this.isCalm || rate === undefined || !this.chance.happens(rate)) return false
    this.note(kind)
    return true
  }

  /** It struck by another way. */
  note(kind: string): void {
    this.struck.set(kind, (this.struck.get(kind) ?? 0) + 1)
  }
}

/** What is done to a run, drawn from a seed: to its host, or to its workers while it goes. */
import { type ArmedFailpoint, type Failpoint, failpoints } from '../../src/base/index.js'
import { type Chance } from '../../src/testing/simulation/chance.js'
import { waiting } from '../house/rules/failpoints.js'
import { type OtherCode } from './other-code.js'

export type HostFault =
  /** Where somebody has to ask for the step, he does so long after rows began to flow. */
  | { readonly kind: 'host at a failpoint'; readonly at: ArmedFailpoint; readonly afterMs: number }
  /** So long after rows began to flow. */
  | { readonly kind: 'host'; readonly afterMs: number }
  | { readonly kind: 'host and workers'; readonly afterMs: number }
  /** So long after other code was asked for, or behind the word on it. */
  | { readonly kind: 'host in a swap'; readonly afterMs: number; readonly judged: boolean; readonly code: OtherCode }
  /** So long after its start; after a crash that is in the middle of the recovery. */
  | { readonly kind: 'host in its start'; readonly afterMs: number; readonly deep: number }
  /** Stopped for so long, and while it is a second run is refused; then it goes on. */
  | { readonly kind: 'host stopped'; readonly afterMs: number; readonly stillMs: number }

export type HostFaultKind = HostFault['kind']

/** Failpoints of the host. Dead state whose room is given back needs more state than this job has (test/system/failpoints.test.ts). */
const ofHost = failpoints.filter(name => !name.startsWith('w.') && waiting[name] === undefined && name !== 'log.trim')
/** Those that a run passes once. */
const once: ReadonlySet<Failpoint> = new Set(['finish.sync', 'savepoint.publish', 'shutdown.drain'])

/** Each side of each failpoint, so that who takes them in turn soon has all. */
export const failpointSides = ofHost.flatMap(name => [
  { name, side: 'before' } as const,
  { name, side: 'after' } as const,
])

/** @param after what the run before died of; `turn`: counts on with each draw and from seed to seed */
export function drawHostFault(
  chance: Chance,
  after: { readonly kind: HostFaultKind | null; readonly deep: number; readonly turn: number },
): HostFault {
  // Three deep at most: a start that dies is followed by another one that may.
  const mayDieAgain = after.kind === 'host in its start' ? after.deep < 3 : after.kind !== null
  if (mayDieAgain && chance.happens(0.25)) {
    const deep = after.kind === 'host in its start' ? after.deep + 1 : 1
    return { kind: 'host in its start', afterMs: chance.between(120, 700), deep }
  }
  // Whose input is whole has the time that a swap takes.
  if (after.kind === null && chance.happens(0.4)) return drawSwapFault(chance, chance.happens(0.7))
  const afterMs = chance.between(0, 500)
  const at = chance.next()
  if (at < 0.6) return { kind: 'host at a failpoint', at: drawFailpoint(chance, after.turn), afterMs }
  if (at < 0.68) return drawSwapFault(chance, false)
  if (at < 0.8) return { kind: 'host', afterMs }
  if (at < 0.93) return { kind: 'host and workers', afterMs }
  return { kind: 'host stopped', afterMs, stillMs: chance.between(300, 900) }
}

function drawSwapFault(chance: Chance, judged: boolean): HostFault {
  const afterMs = chance.between(0, judged ? 300 : 3_000)
  return { kind: 'host in a swap', afterMs, judged, code: drawOtherCode(chance) }
}

export const drawOtherCode = (chance: Chance): OtherCode => chance.pick(['same', 'bug'])

function drawFailpoint(chance: Chance, turn: number): ArmedFailpoint {
  const { name, side } = failpointSides[turn % failpointSides.length] ?? { name: 'send', side: 'before' }
  const hit = chance.between(1, 12)
  return { name, side, hit: once.has(name) ? 1 : hit }
}

/** A failpoint in every worker; null: none. A hit of 1 would let no call ever be answered; `seldom` lets a run end. */
export function drawWorkerFailpoint(chance: Chance, seldom: boolean): ArmedFailpoint | null {
  if (!chance.happens(0.6)) return null
  return {
    name: chance.pick(['w.recv', 'w.run', 'w.sent']),
    side: chance.pick(['before', 'after']),
    hit: seldom ? chance.between(30, 90) : chance.between(4, 30),
  }
}

/** The process that workers are forked of may be struck alone, or with all that are of it. */
export const serverFaults = ['fork server', 'fork server and workers'] as const

export type ServerFault = (typeof serverFaults)[number]

export interface WorkerStrike {
  readonly waitMs: number
  readonly target: 'worker' | ServerFault
  readonly signal: 'SIGKILL' | 'SIGSTOP'
  /** Which of the workers, as a share of them. */
  readonly which: number
  /** After a SIGSTOP: when it is woken, which may be after it was given up. */
  readonly stillMs: number
}

export const drawWorkerStrike = (chance: Chance): WorkerStrike => ({
  waitMs: chance.between(20, 250),
  target: chance.happens(0.06) ? chance.pick([...serverFaults]) : 'worker',
  signal: chance.happens(0.3) ? 'SIGSTOP' : 'SIGKILL',
  which: chance.next(),
  stillMs: chance.happens(0.2) ? 2_500 : chance.between(20, 400),
})

export const failpointText = (armed: readonly (ArmedFailpoint | null)[]): string =>
  armed.flatMap(at => (at === null ? [] : [`${at.name}:${at.side}:${at.hit}`])).join(',')

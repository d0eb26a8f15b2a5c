/**
 * Failpoints of a simulated run: the steps of a real one, called by the same code where it is the same, and by what stands
 * in for sources, sinks, sockets and workers. At the one that is armed the host dies, or the worker that passes it.
 */
import { type ArmedFailpoint, type Failpoint, failpoints, onFailpoint, strikingHook } from '../../base/index.js'
import { type Chance } from './chance.js'
import { HostDied } from './store.js'

/** Thrown where a simulated worker dies at one of its steps. */
export class WorkerDied extends Error {}

/** Steps that no simulated run has: timers come with event time, savepoints with those who ask for them. */
const absent: ReadonlySet<Failpoint> = new Set(['timers.fire', 'savepoint.publish'])
/** Failpoints that a run may die at. */
export const simulatedFailpoints = failpoints.filter(name => !absent.has(name))

const isOfWorker = (name: Failpoint): boolean => name.startsWith('w.')

/** Each side of each step, in turn over every second seed, so that some thousand of them pass all. */
export function drawFailpoint(
  chance: Chance,
  of: {
    readonly turn: number
    /** Without epochs only workers may die. */
    readonly epochs: boolean
    /** Few runs are asked to drain: those that are die there more often. */
    readonly drains: boolean
  },
): ArmedFailpoint {
  const names = simulatedFailpoints.filter(name => of.epochs || isOfWorker(name))
  const inTurn = names[(of.turn >> 2) % names.length] ?? 'w.run'
  const name = of.epochs ? (rareFailpoint(chance, of.drains) ?? inTurn) : inTurn
  const hit = name === inTurn ? chance.pick([1, 1, 1, 2, 3, 8, 30]) : 1
  return { name, side: (of.turn & 2) === 0 ? 'before' : 'after', hit }
}

/** Of what few runs pass at all. */
function rareFailpoint(chance: Chance, drains: boolean): Failpoint | null {
  if (drains && chance.happens(0.3)) return 'shutdown.drain'
  return chance.happens(0.1) ? 'log.trim' : null
}

/** Until the next one is armed. `struck` is told of the strike before anybody dies. */
export function armFailpoint(at: ArmedFailpoint | null, struck: (at: ArmedFailpoint) => void): void {
  if (at === null) return onFailpoint(null)
  onFailpoint(
    strikingHook([at], armed => {
      struck(armed)
      throw isOfWorker(armed.name) ? new WorkerDied(armed.name) : new HostDied(armed.name)
    }),
  )
}

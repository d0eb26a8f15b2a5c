/**
 * Failpoints: the named steps of a run at which a test may make it die, each before and after.
 *
 * They are always there and cost one branch; nothing happens unless a hook is set. A real run sets one that kills its own
 * process, armed by an environment variable (`runtime/open/failpoints.ts`); a simulation sets one that ends the simulated
 * host. `w.recv`, `w.run` and `w.sent` are in the worker, in Python. It is the one state of the process outside a run:
 * a parameter through every room would be read by nobody but tests.
 */

/** In the order of a batch's walk, then of an epoch's. */
export const failpoints = [
  'source.poll',
  'source.decode',
  'batch.form',
  'state.read',
  'frame.encode',
  'send',
  'w.recv',
  'w.run',
  'w.sent',
  'recv',
  'frame.validate',
  'accept',
  'timers.fire',
  'epoch.close',
  'prepare.write',
  'prepare.sync',
  'sink.begin',
  'sink.write',
  'sink.marker',
  'sink.commit',
  'finish.sync',
  'log.trim',
  'savepoint.publish',
  'shutdown.drain',
] as const
export type Failpoint = (typeof failpoints)[number]
export type FailpointSide = 'before' | 'after'
export type FailpointHook = (name: Failpoint, side: FailpointSide) => void

let hook: FailpointHook | null = null

/** A step is about to begin, or has just ended. */
export function failpoint(name: Failpoint, side: FailpointSide): void {
  if (hook !== null) hook(name, side)
}

/** A step that is one call. Where it throws, it has no end. */
export function atFailpoint<T>(name: Failpoint, step: () => T): T {
  failpoint(name, 'before')
  const answer = step()
  failpoint(name, 'after')
  return answer
}

/** Sets what is told of every step; null: nobody. */
export function onFailpoint(told: FailpointHook | null): void {
  hook = told
}

/** A side of a failpoint and which of its hits counts, from 1. */
export interface ArmedFailpoint {
  readonly name: Failpoint
  readonly side: FailpointSide
  readonly hit: number
}

/** Reads `prepare.sync:before:3,send:after`; what is not of this form is answered as its text. */
export function readFailpoints(text: string): readonly (ArmedFailpoint | string)[] {
  return text.split(',').map(one => {
    const [given = '', side = '', count = '1', ...more] = one.trim().split(':')
    const name = failpoints.find(each => each === given)
    const fine = name !== undefined && (side === 'before' || side === 'after') && /^[1-9]\d*$/.test(count)
    return fine && more.length === 0 ? { name, side, hit: Number(count) } : one
  })
}

/** A hook that calls `strike` at the hit that is armed. */
export function strikingHook(armed: readonly ArmedFailpoint[], strike: (at: ArmedFailpoint) => void): FailpointHook {
  const hits = new Map<string, number>()
  return (name, side) => {
    const place = `${name}:${side}`
    const hit = (hits.get(place) ?? 0) + 1
    hits.set(place, hit)
    const struck = armed.find(each => each.name === name && each.side === side && each.hit === hit)
    if (struck !== undefined) strike(struck)
  }
}

/** How long a worker takes to come up while nothing else happens: spawned with all its imports, and forked. */
import { type Processes } from '../../../src/base/index.js'
import { greetWorker } from '../../../src/runtime/open/greet.js'
import { type RealWorld, openWorld } from '../../../src/runtime/open/world.js'
import { median, rounded } from '../figure.js'
import { python } from '../places.js'

const times = 5

export interface StartsMs {
  readonly spawned: number
  readonly forked: number
}

export async function startsMs(cwd: string): Promise<StartsMs> {
  const world = openWorld()
  try {
    const alone: RealWorld = { ...world, processes: neverForked(world.processes) }
    // The first fork waits for the fork server.
    await greetWorker(world, { python, cwd })
    return { spawned: await medianOf(alone, cwd), forked: await medianOf(world, cwd) }
  } finally {
    await world.close()
  }
}

async function medianOf(world: RealWorld, cwd: string): Promise<number> {
  const ms: number[] = []
  for (let i = 0; i < times; i += 1) ms.push((await greetWorker(world, { python, cwd })).ms)
  return rounded(median(ms), 0)
}

const neverForked = (processes: Processes): Processes => ({
  spawn: (command, { fork, env, ...options }, events) =>
    processes.spawn(command, { ...options, env: { ...env, ...fork?.env } }, events),
})

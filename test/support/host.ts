/**
 * A host in a process of its own, to be killed: opens a world, starts one worker, calls the behaviours named on its
 * command line, and writes one line of JSON when all but the last have answered.
 */
import { TestWorker } from './worker.js'
import { openWorld } from '../../src/runtime/open/world.js'

async function host(behaviours: readonly string[]): Promise<void> {
  const world = openWorld()
  const worker = await new TestWorker(world, behaviours).ready()
  const replies: unknown[] = []
  for (const name of behaviours.slice(0, -1)) replies.push(JSON.parse(new TextDecoder().decode(await worker.ask(name))))
  const last = behaviours.at(-1)
  if (last !== undefined) worker.call(last)
  process.stdout.write(`${JSON.stringify({ worker: worker.process.pid, folder: world.runFolder, replies })}\n`)
}

void host(process.argv.slice(2))

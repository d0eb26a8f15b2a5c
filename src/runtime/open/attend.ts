/** Who attends a run: the control socket, metrics. They come before it starts and leave after it ended. */
import { type OutputFolder } from '../../connectors/index.js'
import { type Attendant } from '../running-job.js'
import { type Opened } from './opened.js'
import { type Running } from './running.js'

export type Attending = Awaited<ReturnType<Attendant>>

/** One that cannot listen keeps the run from starting, and the others do not stay behind. */
export async function attend(
  { world, options }: Opened,
  running: Running,
  folder: OutputFolder,
): Promise<readonly Attending[]> {
  const place = { out: options.out, runFolder: world.runFolder, world, announce: folder.listens }
  const outcomes = await Promise.allSettled(options.attendants.map(attendant => attendant(running, place)))
  const attending = outcomes.flatMap(o => (o.status === 'fulfilled' ? [o.value] : []))
  const refused = outcomes.find(o => o.status === 'rejected')
  if (refused === undefined) return attending
  await leave(attending)
  throw refused.reason
}

export const leave = (attending: readonly Attending[]): Promise<unknown> =>
  Promise.allSettled(attending.map(a => a.close()))

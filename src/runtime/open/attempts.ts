/**
 * Attempts: a run from its beginning to its end, over the failures that its restart policy allows. Each attempt after the
 * first goes on behind the last epoch that was written; who attends the run notices nothing but a pause.
 */
import { join } from 'node:path'
import { AnabranchError } from '../../base/index.js'
import { type OutputFolder } from '../../connectors/index.js'
import { type DescribedModule, describeModule } from '../../workers/index.js'
import { decideRestart } from '../fault/index.js'
import { StoppedError } from '../options.js'
import { type Attending, attend, leave } from './attend.js'
import { type Lasting, attempt } from './attempt.js'
import { CodeFolder } from './code-folder.js'
import { Codes } from './codes.js'
import { Drops } from './drops.js'
import { type Opened } from './opened.js'
import { packageFolder } from './package.js'
import { type Result } from './result.js'
import { Running } from './running.js'
import { Shadows } from './shadows.js'
import { CodeChange, Swaps } from './swaps.js'

/** Parts into which chance is cut. */
const chances = 2 ** 30

export async function attempts(opened: Opened, folder: OutputFolder): Promise<Result> {
  const { world, plan, topology, options } = opened
  const epochs = options.epochMs !== null
  const { observer } = options
  const codes = new Codes({ plan, topology, epochs, observer }, codeFolderOf(opened))
  const newCode = { plan, codes, describe: (path: string) => describe(opened, path) }
  const changes = (): void => void shadows.end('swap')
  const restart = (change: CodeChange): void => running.beginAgain(change)
  const swaps: Swaps = new Swaps({ ...newCode, clock: world.clock, observer, changes, restart })
  const shadows = new Shadows(opened, { ...newCode, swaps })
  const running: Running = new Running(opened, swaps, shadows)
  const attending: Promise<readonly Attending[]>[] = []
  const attended = async (): Promise<void> => {
    if (attending.length === 0) attending.push(attend(opened, running, folder))
    await attending[0]
  }
  watchSignals(opened, running)
  try {
    const drops = new Drops(options.dropState, observer.log.bind(observer))
    const result = await untilDone(opened, { folder, running, codes, drops, swaps, shadows, attended })
    running.ended(result.end, result)
    return result
  } catch (error) {
    running.ended('failed', null)
    throw error
  } finally {
    swaps.ended()
    for (const all of attending) await leave(await all.catch(() => []))
  }
}

async function untilDone(first: Opened, lasting: Omit<Lasting, 'begun'>): Promise<Result> {
  const { running, swaps } = lasting
  const failures: number[] = []
  let { fresh } = first.options
  const begun = (): void => {
    fresh = false
  }
  for (let opened = first; ; opened = { ...first, options: { ...first.options, fresh } }) {
    try {
      return await attempt(opened, { ...lasting, begun })
    } catch (error) {
      const isOfNewCode = swaps.failed(error, running.engine)
      if (error instanceof CodeChange) {
        if (running.cancelled) throw new StoppedError()
        continue
      }
      // Where it was asked to stop it does so at once, with the code and the state of before.
      if (isOfNewCode && !running.cancelled) continue
      const delayMs = delayOf(first, running, { error, failures })
      if (delayMs === null) throw error
      await running.pause(delayMs)
      if (running.cancelled) throw new StoppedError()
      if (running.drained) throw error
      running.restarts += 1
    }
  }
}

function codeFolderOf({ world, options: { out, from } }: Opened): CodeFolder {
  return new CodeFolder(world.files, {
    run: join(world.runFolder, 'code'),
    kept: join(out, 'state', 'code'),
    saved: from === null ? null : join(from, 'code'),
  })
}

/** What a module declares that is to be run. */
function describe({ world, options, plan }: Opened, path: string): Promise<DescribedModule> {
  return describeModule(path, { world, python: options.python, packageFolder, cwd: plan.folder, hostEnv: process.env })
}

/** Milliseconds until the job begins again; null: it does not. */
function delayOf(
  { world, plan, options }: Opened,
  { cancelled, drained }: Running,
  of: { readonly error: unknown; readonly failures: number[] },
): number | null {
  const { error, failures } = of
  // Without epochs there is nothing behind which it could go on.
  if (!(error instanceof AnabranchError) || cancelled || drained || options.epochMs === null) return null
  failures.push(world.clock.nowMs())
  const chance = world.random.below(chances) / chances
  const decision = decideRestart(plan.options.restart, { error, atMs: failures, chance })
  const failed = `the job failed: ${error.code} ${error.message}`
  if (decision.do === 'restart') {
    options.observer.count('job.restarts')
    options.observer.log('warning', `${failed}; it begins again behind its last epoch in ${decision.delayMs / 1_000} s`)
    return decision.delayMs
  }
  if (plan.options.restart !== null)
    options.observer.log('error', `${failed}; it does not begin again: ${decision.why}`)
  return null
}

/** First signal: read no more. Second: stop. */
function watchSignals({ options }: Opened, running: Running): void {
  const { first, second } = options.signal
  if (first.aborted) running.drain()
  first.addEventListener('abort', () => running.drain(), { once: true })
  second.addEventListener('abort', () => running.abort(), { once: true })
}

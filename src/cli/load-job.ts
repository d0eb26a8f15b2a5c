/**
 * Load a job file: TypeScript through tsx, in whatever folder it lies, with our own package behind `anabranch`. What
 * comes out is the checked plan; a fault of the file itself shows the user's line.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { register } from 'node:module'
import { dirname, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { register as registerTsx } from 'tsx/esm/api'
import { PlanError, AnabranchError } from '../base/index.js'
import { type JobLike, type Plan, type Planned, isJob, planOf } from '../plan/index.js'

export interface LoadedJob extends Planned {
  readonly path: string
  readonly plan: Plan
}

export async function loadJob(file: string): Promise<LoadedJob> {
  const path = resolve(file)
  if (!existsSync(path) || !statSync(path).isFile())
    throw new PlanError('ANB1013', `expected a job file, "${file}" is none`, { hint: 'give the path of a job.ts' })
  const exported = await importJob(path)
  if (!isJob(exported)) {
    const came = exported === undefined ? 'nothing' : typeof exported
    throw new PlanError('ANB1013', `expected ${file} to export a job by default, got ${came}`)
  }
  return { path, ...planOf(exported, { folder: dirname(path), digestOf }) }
}

async function importJob(path: string): Promise<JobLike | unknown> {
  register(new URL('./resolve-hook.js', import.meta.url))
  const unregister = registerTsx()
  try {
    const module: { readonly default?: unknown } = await import(pathToFileURL(path).href)
    return module.default
  } catch (error) {
    if (error instanceof AnabranchError || !(error instanceof Error)) throw error
    throw new PlanError('ANB1013', `job file could not be loaded: ${error.message}`, {
      detail: userFrames(error, dirname(path)),
      hint: 'mend the line shown; npx tsc --noEmit says more',
      cause: error,
    })
  } finally {
    await unregister()
  }
}

/** The frames of the user's own files, the innermost first. */
function userFrames(error: Error, folder: string): string {
  const frames = (error.stack ?? '').split('\n').filter(line => line.includes(folder) && line.trimStart().startsWith('at '))
  return frames.slice(0, 5).join('\n')
}

function digestOf(path: string): string | null {
  return existsSync(path) ? createHash('sha256').update(readFileSync(path)).digest('hex') : null
}

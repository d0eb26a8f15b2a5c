/**
 * From a job file to its plan. The file is TypeScript, in any folder; it runs in this process through tsx, and
 * `import ... from 'anabranch'` in it means this very package.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { register } from 'node:module'
import { basename, dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PlanError, kindOf } from '../base/index.js'
import { type JobLike, type Plan, type Planned, isJob, jobOf, planOf, refuseFaults, withParams } from '../plan/index.js'
import { importError } from './import-error.js'

export interface LoadedJob {
  readonly plan: Plan
  /** Absolute path of the job file. */
  readonly file: string
  /** What the file may export beside its job: text that is printed after a run. */
  readonly summary: unknown
}

/** The plan of a job file, with parameters set. Throws a PlanError that lists all faults. */
export async function loadJob(path: string, sets: readonly string[] = []): Promise<LoadedJob> {
  const { planned, file, summary } = await loadPlanned(path)
  refuseFaults(planned.plan.job, planned.faults)
  return { plan: withParams(planned.plan, sets), file, summary }
}

/** As `loadJob`, with the faults as data. */
export async function loadPlanned(path: string): Promise<{ planned: Planned; file: string; summary: unknown }> {
  const file = fileOf(path)
  const exported = await importJob(file)
  const jobs = jobsOf(exported['default'], file)
  const planned = planOf(jobs, { folder: dirname(file), digestOf })
  return { planned, file, summary: exported['summary'] }
}

/** A folder stands for the `job.ts` in it. */
export function fileOf(path: string): string {
  const given = resolve(path)
  const isFolder = existsSync(given) && statSync(given).isDirectory()
  const file = isFolder ? join(given, 'job.ts') : given
  const hint = 'give the path of a job file: npx anabranch run job.ts'
  if (!existsSync(file)) {
    const what = isFolder ? `folder ${path} has no job.ts` : `job file ${path} does not exist`
    throw new PlanError('ANB1013', what, { hint })
  }
  if (!/\.[cm]?[jt]sx?$/.test(file)) {
    throw new PlanError('ANB1013', `expected a job file in TypeScript, got ${path}`, { hint })
  }
  return realpathSync(file)
}

/** SHA-256 of a file, hex; null where it cannot be read. */
export function digestOf(path: string): string | null {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  } catch {
    return null
  }
}

let hooked: Promise<void> | null = null

/** tsx first: hooks that are registered later are asked first, and ours must see what tsx found. */
async function hook(): Promise<void> {
  const tsx = await import('tsx/esm/api')
  tsx.register()
  register('./resolve-hook.js', import.meta.url)
}

async function importJob(file: string): Promise<Readonly<Record<string, unknown>>> {
  hooked ??= hook()
  await hooked
  const guard = whileImporting(file)
  try {
    const exported: Readonly<Record<string, unknown>> = await import(pathToFileURL(file).href)
    return exported
  } catch (cause) {
    if (cause instanceof PlanError) throw cause
    throw importError(file, cause)
  } finally {
    guard.over()
  }
}

/** A job file that ends the process, or waits for what never comes, would otherwise end the run with exit code 0. */
function whileImporting(file: string): { readonly over: () => void } {
  const ended = (): void => {
    const message = `job file ${basename(file)} ended the process, or awaits what never comes`
    const hint = 'a job file only describes a job: let it come to its end by itself'
    // Thrown it would come to the job file, which may catch it.
    process.emit('uncaughtException', new PlanError('ANB1020', message, { hint }))
  }
  process.on('exit', ended)
  return { over: () => process.off('exit', ended) }
}

/** The exported chain with the job that it belongs to, so that all outputs written on the job are in the plan. */
function jobsOf(exported: unknown, file: string): readonly [JobLike, ...JobLike[]] {
  const values: readonly unknown[] = Array.isArray(exported) ? exported : [exported]
  const jobs = values.filter(isJob)
  const [first, ...rest] = jobs
  if (first === undefined || jobs.length < values.length) {
    const message = `job file ${basename(file)} must export a job as default, but it exports ${kindOf(exported)}`
    throw new PlanError('ANB1013', message)
  }
  return [jobOf(first), first, ...rest]
}

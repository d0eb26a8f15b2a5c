/**
 * From a job file to its plan. The file is TypeScript, in any folder; it runs in this process through tsx, and
 * `import ... from 'anabranch'` in it means this very package.
 */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { register } from 'node:module'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { PlanError } from '../base/index.js'
import { type JobLike, type Plan, type Planned, isJob, jobOf, planOf, refuseFaults, withParams } from '../plan/index.js'

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
  const file = existsSync(given) && statSync(given).isDirectory() ? join(given, 'job.ts') : given
  if (!existsSync(file)) {
    throw new PlanError('ANB1013', `job file ${path} does not exist`, {
      hint: 'give the path of a job file: npx anabranch run job.ts',
    })
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
  try {
    const exported: Readonly<Record<string, unknown>> = await import(pathToFileURL(file).href)
    return exported
  } catch (cause) {
    if (cause instanceof PlanError) throw cause
    throw importError(file, cause)
  }
}

function importError(file: string, cause: unknown): PlanError {
  const name = basename(file)
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const missing = /Cannot find module '([^']+)\.anabranch\.(?:js|ts)'/.exec(error.message)?.[1]
  if (missing !== undefined) {
    const module = `${relative(process.cwd(), missing.replace(/^file:\/\//, '')) || missing}.py`
    const hint = `run: npx anabranch types ${module}`
    return new PlanError('ANB1009', `job file ${name} imports a types file that does not exist`, {
      detail: error.message,
      hint,
      cause,
    })
  }
  const hint = 'mend the line that the first frame shows'
  const said = error.message.split('\n')[0] ?? ''
  return new PlanError('ANB1020', `job file ${name} could not be imported: ${error.name}: ${said}`, {
    detail: framesOf(error),
    hint,
    cause,
  })
}

/** The user's frames: neither Node's nor the loader's. */
function framesOf(error: Error): string {
  const lines = (error.stack ?? error.message).split('\n')
  const own = lines.filter(line => !/^\s+at .*(node:|\/node_modules\/(tsx|esbuild)\/)/.test(line))
  return own.slice(0, 12).join('\n')
}

/** The exported chain with the job that it belongs to, so that all outputs written on the job are in the plan. */
function jobsOf(exported: unknown, file: string): readonly [JobLike, ...JobLike[]] {
  const values: readonly unknown[] = Array.isArray(exported) ? exported : [exported]
  const jobs = values.filter(isJob)
  const [first, ...rest] = jobs
  if (first === undefined || jobs.length < values.length) {
    const got = exported === undefined ? 'nothing' : `a ${typeof exported}`
    throw new PlanError('ANB1013', `job file ${basename(file)} must export a job as default, but it exports ${got}`)
  }
  return [jobOf(first), first, ...rest]
}

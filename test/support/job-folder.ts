/**
 * A folder with a job as a user would write it, made from a few texts, with its types file generated.
 *
 *   const job = await jobFolder({ 'job.ts': ..., 'transforms.py': ..., 'input/x.jsonl': ... })
 *   const run = await job.run('--workers', '2')
 *   expect(run.json).toMatchObject({ rows_in: 3 })
 *   expect(job.rows('name')).toEqual([...])
 *
 * It lies in the run's folder and goes with it.
 */
import { createHash } from 'node:crypto'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { stateBudgetBytesMin } from '../../src/plan/index.js'
import { type CliOptions, type Ended, runCli, type Started, startCli } from './cli.js'
import { repository } from './repository.js'
import { runFolder } from './run-folder.js'

/** The least `--state-budget`: there is room for no key in memory, but those that have a call. */
export const leastBudget = `${stateBudgetBytesMin}B`

export interface JobFolder {
  readonly path: string
  /** Runs `anabranch run job.ts --json --out out` with more arguments, to its end. */
  run(...args: readonly string[]): Promise<Ended>
  /** The same without waiting, and with what `startCli` takes. */
  start(args: readonly string[], options?: Omit<CliOptions, 'cwd'>): Started
  /** Another command in the folder. */
  cli(...args: readonly string[]): Promise<Ended>
  /** A file of the folder as text. */
  text(name: string): string
  /** The JSON lines of all visible files of a sink, by file name; `out/` is added. */
  rows(sink: string): readonly Row[]
  /** All dead letters, by file name. */
  deadLetters(): readonly Row[]
}

export type Row = Readonly<Record<string, unknown>>

export async function jobFolder(files: Readonly<Record<string, string | Uint8Array>>): Promise<JobFolder> {
  const path = mkdtempSync(join(runFolder().jobs, 'j'))
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true })
    writeFileSync(join(path, name), content)
  }
  // What `npm install anabranch` would have made.
  mkdirSync(join(path, 'node_modules'))
  symlinkSync(repository, join(path, 'node_modules', 'anabranch'))
  writeFileSync(join(path, 'package.json'), '{ "type": "module" }\n')
  for (const name of Object.keys(files)) if (/^transforms.*\.py$/.test(name)) await writeTypes(path, name)
  const start: JobFolder['start'] = (args, options = {}) =>
    startCli(['run', 'job.ts', '--json', '--out', 'out', ...args], { ...options, cwd: path })
  return {
    path,
    run: (...args) => start(args).ended,
    start,
    cli: (...args) => runCli(args, { cwd: path }),
    text: name => readFileSync(join(path, name), 'utf8'),
    rows: sink => jsonLines(join(path, 'out', sink)),
    deadLetters: () => jsonLines(join(path, 'out', 'dead-letters')),
  }
}

/** The file follows from the source alone, so one that was generated before in this run is taken again. */
async function writeTypes(path: string, module: string): Promise<void> {
  const digest = createHash('sha256')
    .update(`${module}\0`)
    .update(readFileSync(join(path, module)))
    .digest('hex')
  const kept = join(runFolder().types, `${digest}.ts`)
  const target = join(path, module.replace(/\.py$/, '.anabranch.ts'))
  if (existsSync(kept)) {
    copyFileSync(kept, target)
    return
  }
  const made = await runCli(['types', module], { cwd: path })
  if (made.code !== 0) throw new Error(`anabranch types ${module} ended with ${made.code}:\n${made.stderr}`)
  // Another file of tests may be at the same one.
  copyFileSync(target, `${kept}.${process.pid}`)
  renameSync(`${kept}.${process.pid}`, kept)
}

function jsonLines(folder: string): readonly Row[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter(name => name.endsWith('.jsonl'))
    .sort()
    .flatMap(name => readFileSync(join(folder, name), 'utf8').split('\n'))
    .filter(line => line !== '')
    .map(line => JSON.parse(line))
}

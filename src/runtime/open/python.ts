/** Which Python runs a job: the project's own virtual environment before the machine's. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type World } from '../../base/index.js'
import { findPython, workerPackages } from '../../workers/index.js'
import { packageFolder } from './package.js'

/** `ANABRANCH_PYTHON` alone where it is set; else `.venv` beside the job or above it, here or above, in the package. */
export function pythonCandidates(
  folder: string,
  cwd: string,
  env: Readonly<Record<string, string | undefined>>,
): readonly string[] {
  const chosen = env['ANABRANCH_PYTHON']
  if (chosen !== undefined && chosen !== '') return [chosen]
  const folders = [...upwards(folder), ...upwards(cwd), dirname(packageFolder)]
  return [...new Set(folders)].map(at => join(at, '.venv', 'bin', 'python')).concat('python3')
}

function upwards(folder: string): readonly string[] {
  const parent = dirname(folder)
  return parent === folder ? [folder] : [folder, ...upwards(parent)]
}

/** Throws a PlanError ANB8001 or ANB8002 with the command that helps. */
export async function pythonFor(folder: string, world: Pick<World, 'clock' | 'processes' | 'files'>): Promise<string> {
  const candidates = pythonCandidates(folder, process.cwd(), process.env)
  const found = await findPython({ world, candidates, packages: workerPackages, env: process.env, cwd: folder })
  // Not `found.path`: the interpreter behind a virtual environment does not see its packages.
  return candidates.find(path => path.includes('/') && existsSync(path)) ?? found.path
}

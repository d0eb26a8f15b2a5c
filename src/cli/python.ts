/** Which Python a job gets: ANABRANCH_PYTHON, else the `.venv` nearest to the job or to here, else python3. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type World } from '../base/index.js'
import { findPython, workerPackages } from '../workers/index.js'

const packageRoot = fileURLToPath(new URL('../../', import.meta.url))

export async function projectPython(jobFolder: string, world: Pick<World, 'clock' | 'processes' | 'files'>): Promise<string> {
  const named = process.env['ANABRANCH_PYTHON']
  const near = [process.cwd(), jobFolder, packageRoot].flatMap(folder => venvAbove(folder) ?? [])
  const candidates = named === undefined ? [...new Set(near), 'python3'] : [named]
  const found = await findPython({ world, candidates, packages: workerPackages, env: process.env, cwd: jobFolder })
  // Not `found.path`: the interpreter behind a virtual environment does not see its packages.
  return candidates.find(c => c.includes('/') && existsSync(c)) ?? found.path
}

function venvAbove(folder: string): string | null {
  for (let at = folder; ; at = dirname(at)) {
    const python = join(at, '.venv', 'bin', 'python')
    if (existsSync(python)) return python
    if (dirname(at) === at) return null
  }
}

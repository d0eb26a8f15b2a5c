/**
 * The Python side of a project that uses the package: `.venv` beside its package.json, with the packages that the host
 * was tested with, and what the project's own requirements.txt adds. What `anabranch setup` does.
 */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { environment } from './environment.mjs'
import { lock, make } from './steps.mjs'

export { SetupError } from './steps.mjs'

const packageRoot = dirname(dirname(fileURLToPath(import.meta.url)))

/** Answers the interpreter, and whether anything had to be made. Throws a SetupError. */
export async function setUpProject(folder) {
  const venv = environmentOf(folder)
  if (venv.fresh()) return { python: venv.python, made: false }
  const held = await lock(folder)
  try {
    // Who waited finds it made.
    const made = !venv.fresh()
    if (made) await make(venv, { held })
    return { python: venv.python, made }
  } finally {
    held.release()
  }
}

function environmentOf(folder) {
  const locks = [{ name: 'requirements.txt', path: join(packageRoot, 'requirements.txt') }]
  const again = 'npx anabranch setup'
  const own = join(folder, 'requirements.txt')
  // A clone of this repository is a project whose packages are the locked ones.
  if (folder === packageRoot) return environment({ folder, locks, paths: [join(packageRoot, 'python')], again })
  return environment({
    folder,
    locks,
    own: existsSync(own) ? [{ name: 'the requirements.txt of the project', path: own }] : [],
    // The project's own installation first; until `npm install` made it, the one that is running.
    paths: [join(folder, 'node_modules', 'anabranch', 'python'), join(packageRoot, 'python')],
    again,
  })
}

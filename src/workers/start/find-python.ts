/**
 * Which Python: found and asked for its versions before anything else starts, or refused with the command that helps.
 */
import { PlanError, type World, type ErrorCode } from '../../base/index.js'
import { atLeast, isJsonObject, pythonMin } from './handshake.js'

export interface FoundPython {
  readonly path: string
  readonly version: string
  readonly packages: Readonly<Record<string, string>>
}

export interface PythonSearch {
  readonly world: Pick<World, 'clock' | 'processes' | 'files'>
  /** Interpreters in the order of preference: `ANABRANCH_PYTHON`, the project's `.venv/bin/python`, `python3`. */
  readonly candidates: readonly string[]
  /** What must be importable, with the oldest version that will do. */
  readonly packages: Readonly<Record<string, readonly [number, number]>>
  readonly env: Readonly<Record<string, string | undefined>>
  readonly cwd: string
  readonly timeoutMs?: number
}

/** What the worker itself imports; distribution names. */
export const workerPackages: PythonSearch['packages'] = { pyarrow: [14, 0], numpy: [1, 24], pyzmq: [24, 0] }

/** Reads metadata only: importing pyarrow would cost a second. */
const question = `
import json, sys
from importlib import metadata
def version(name):
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""
python = ".".join(map(str, sys.version_info[:3]))
packages = {name: version(name) for name in sys.argv[1:]}
print(json.dumps({"path": sys.executable, "version": python, "packages": packages}))
`

/**
 * The first candidate that exists; it must then be good enough: to take another one would hide what the user set up.
 * @throws PlanError ANB8001 where none exists, ANB8002 where it or a package is missing or too old
 */
export async function findPython(search: PythonSearch): Promise<FoundPython> {
  const tried: string[] = []
  for (const path of search.candidates) {
    const missing = path.includes('/') ? whyMissing(search, path) : null
    if (missing !== null) {
      tried.push(`${path}: ${missing}`)
      continue
    }
    const answer = await ask(path, search)
    if (answer.found !== null) return check(answer.found, search)
    tried.push(`${path}: ${answer.why}`)
  }
  throw refusal('ANB8001', `expected Python ${pythonMin.join('.')} or newer, none was found`, tried.join('\n'))
}

/** Null: it is there. */
function whyMissing({ world }: PythonSearch, path: string): string | null {
  try {
    return world.files.stat(path) === undefined ? 'does not exist' : null
  } catch (error) {
    // A folder above it, or what it is a link to, belongs to somebody else.
    if (error instanceof Error && 'code' in error) return `cannot be looked at (${String(error.code)})`
    throw error
  }
}

function check(found: FoundPython, search: PythonSearch): FoundPython {
  const faults: string[] = []
  if (!atLeast(found.version, pythonMin)) faults.push(`Python ${found.version}, needs ${pythonMin.join('.')} or newer`)
  for (const [name, least] of Object.entries(search.packages)) {
    const version = found.packages[name] ?? ''
    if (version === '') faults.push(`${name} is missing`)
    else if (!atLeast(version, least)) faults.push(`${name} ${version}, needs ${least.join('.')} or newer`)
  }
  if (faults.length === 0) return found
  const has = Object.entries(found.packages).map(([name, version]) => `${name} ${version || 'missing'}`)
  const all = `${found.path} is Python ${found.version} with ${has.join(', ')}`
  throw refusal('ANB8002', `expected a Python with the packages of a worker, ${faults.join('; ')}`, all)
}

function ask(path: string, search: PythonSearch): Promise<{ found: FoundPython | null; why: string }> {
  const { clock, processes } = search.world
  const env: Record<string, string> = { PYTHONUTF8: '1', PYTHONSAFEPATH: '1' }
  for (const name of ['PATH', 'HOME', 'LD_LIBRARY_PATH']) {
    const value = search.env[name]
    if (value !== undefined) env[name] = value
  }
  return new Promise(resolve => {
    let out = ''
    let err = ''
    const command = [path, '-c', question, ...Object.keys(search.packages)]
    const child = processes.spawn(
      command,
      { env, cwd: search.cwd, stdin: 'ignore' },
      {
        stdout: bytes => (out = clip(out + new TextDecoder().decode(bytes))),
        stderr: bytes => (err = clip(err + new TextDecoder().decode(bytes))),
        exit: end => {
          cancel()
          const found = end.code === 0 ? parse(out) : null
          resolve({ found, why: err.trim() || `ended with ${end.signal ?? `exit code ${end.code ?? '?'}`}` })
        },
      },
    )
    const cancel = clock.after(search.timeoutMs ?? 20_000, () => child.kill('SIGKILL'))
  })
}

function parse(text: string): FoundPython | null {
  let found: unknown
  try {
    found = JSON.parse(text)
  } catch {
    return null
  }
  if (!isJsonObject(found) || !isJsonObject(found['packages'])) return null
  const { path, version } = found
  if (typeof path !== 'string' || typeof version !== 'string') return null
  const packages = Object.entries(found['packages']).map(([name, one]) => [name, String(one)] as const)
  return { path, version, packages: Object.fromEntries(packages) }
}

function clip(text: string): string {
  return text.slice(-8_192)
}

function refusal(code: ErrorCode, message: string, detail: string): PlanError {
  return new PlanError(code, message, { detail })
}

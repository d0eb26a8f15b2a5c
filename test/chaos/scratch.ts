/** A folder in which the hurt job lies as a user's would, with its input drawn by the checker, and what of it still lives. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allProcesses, boundSockets } from '../support/leftovers.js'
import { repository } from '../support/repository.js'
import { writeOtherCode } from './other-code.js'

export interface Scratch {
  readonly path: string
  readonly out: string
  /** Where hosts make the private folders of their runs. */
  readonly runtime: string
  /** Environment of hosts: their places, and a secret that must come out nowhere. */
  readonly env: Readonly<Record<string, string>>
  readonly canary: string
  remove(): void
}

export function makeScratch(canary: string): Scratch {
  const path = mkdtempSync(join(tmpdir(), 'chaos-'))
  const runtime = join(path, 'rt')
  for (const name of ['rt', 'tmp', 'flags', 'node_modules']) mkdirSync(join(path, name))
  cpSync(join(repository, 'test', 'chaos', 'job'), path, { recursive: true })
  writeOtherCode(path)
  symlinkSync(repository, join(path, 'node_modules', 'anabranch'))
  writeFileSync(join(path, 'package.json'), '{ "type": "module" }\n')
  const env = { XDG_RUNTIME_DIR: runtime, TMPDIR: join(path, 'tmp'), CHAOS_SECRET: canary }
  return { path, out: join(path, 'out'), runtime, env, canary, remove: () => rmSync(path, { recursive: true }) }
}

/** Lets the rows that make a worker lie do so once more. */
export function clearFlags({ path }: Scratch): void {
  for (const name of readdirSync(join(path, 'flags'))) rmSync(join(path, 'flags', name))
}

/** A run said that it is done: the next one begins anew. */
export const isFinished = ({ out }: Scratch): boolean => existsSync(join(out, 'state', 'store', 'finished.json'))

/** Process ids of the workers, as `run.json` says; none before it is there. */
export function workersOf({ out }: Scratch): readonly number[] {
  try {
    const { workers }: { readonly workers: readonly number[] } = JSON.parse(readFileSync(join(out, 'run.json'), 'utf8'))
    return workers
  } catch {
    return []
  }
}

/** What of a run is left that has no host any more, in words by kind. */
export interface Left {
  readonly processes: readonly string[]
  readonly sockets: readonly string[]
  readonly files: readonly string[]
}

export function leftOf({ path, runtime }: Scratch, reader: number): Left {
  const processes = allProcesses().filter(each => each.pid !== reader && each.traces.includes(path))
  return {
    processes: processes.map(each => `${each.pid} ${each.command.slice(0, 200)}`),
    sockets: boundSockets(runtime),
    files: readdirSync(runtime).map(name => join(runtime, name)),
  }
}

export const isClean = (left: Left): boolean => Object.values(left).every(list => list.length === 0)

/** Files that a run which is done must not leave below DIR. */
export function temporaryFiles({ out }: Scratch): readonly string[] {
  if (!existsSync(out)) return []
  const names = readdirSync(out, { recursive: true, encoding: 'utf8' })
  return names.filter(name => /\.new$|(^|\/)\.staging|(^|\/)\.lock$|^run\.json$/.test(name))
}

/** Sum of the sizes of all that the sinks hold, staged or visible: it grows when rows have come out. */
export function bytesOut({ out }: Scratch): number {
  return ['echo', 'counts', '.staging'].reduce((sum, name) => sum + bytesBelow(join(out, name)), 0)
}

function bytesBelow(folder: string): number {
  try {
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(each => each.isFile())
    return files.reduce((sum, each) => sum + statSync(join(each.parentPath, each.name)).size, 0)
  } catch {
    // A file or the folder went between two looks.
    return 0
  }
}

/**
 * Inputs: the files that a glob names, looked at before the first row. All faults are told at once, so that nobody
 * mends one file an hour into the run to find the next one.
 */
import { isAbsolute, relative, resolve } from 'node:path'
import { ConnectorError, type FileStat, type Files, PlanError } from '../../base/index.js'
import { errnoText } from '../io-error.js'

export interface Input {
  /** Absolute. */
  readonly path: string
  /** As a person writes it: relative to the job's folder, absolute where the glob is. */
  readonly name: string
  /** What it was when the source was opened; a file that differs later has changed under us. */
  readonly stat: FileStat
  /** How many of its bytes are read: what it had when the run began. */
  readonly bytes: number
  /** Its first bytes, at most 8: enough to know a compression or a Parquet file. */
  readonly head: Uint8Array
}

export interface Named {
  /** Absolute. */
  readonly path: string
  /** As in `Input`. */
  readonly name: string
}
export interface Globbing {
  readonly glob: string
  readonly folder: string
  readonly files: Files
}

/** Throws a PlanError (ANB1019) or a ConnectorError (ANB4001). */
export function findInputs(options: Globbing): readonly Input[] {
  const found = namesOf(options)
  if (found.length > 0) return lookAll(found, options.files)
  const { glob, folder } = options
  throw new PlanError('ANB1019', `no file matches "${glob}"`, { detail: `It was looked for in ${folder}.` })
}

/** What the glob names now, sorted by the bytes of the names. */
export function namesOf({ glob, folder, files }: Globbing): readonly Named[] {
  const named = pathsOf(glob, folder, files).map(path => ({
    path,
    name: isAbsolute(glob) ? path : relative(folder, path),
  }))
  return sortByBytes(named)
}

/** Throws a ConnectorError (ANB4001) that tells of all that cannot be read. */
export function lookAll(named: readonly Named[], files: Files): readonly Input[] {
  const faults: string[] = []
  const inputs: Input[] = []
  for (const { path, name } of named) {
    try {
      inputs.push(look(path, name, files))
    } catch (cause) {
      faults.push(cause instanceof ConnectorError ? cause.message : `could not read "${name}": ${errnoText(cause)}`)
    }
  }
  const [first, ...others] = faults
  if (first !== undefined) throw new ConnectorError('ANB4001', first, { detail: others.join('\n') })
  return inputs
}

/** A path that exists is taken as it is written, so that names with brackets need no escapes. */
function pathsOf(glob: string, folder: string, files: Files): readonly string[] {
  const literal = resolve(folder, glob)
  const there = files.stat(literal)
  if (there?.kind === 'directory') {
    throw new ConnectorError('ANB4001', `input "${glob}" is a directory, expected files`, {
      hint: `name its files: "${glob.replace(/\/+$/, '')}/*"`,
    })
  }
  if (there !== undefined) return [literal]
  return [...new Set(files.glob(glob, folder).map(path => resolve(folder, path)))]
}

export function sortByBytes<T extends { readonly name: string }>(named: readonly T[]): readonly T[] {
  return named
    .map(one => ({ one, bytes: Buffer.from(one.name) }))
    .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
    .map(({ one }) => one)
}

function look(path: string, name: string, files: Files): Input {
  const there = files.stat(path)
  if (there === undefined) {
    throw new ConnectorError('ANB4001', `could not read "${name}": it is a link to nothing, or was just removed`)
  }
  if (there.kind !== 'file') {
    const what = there.kind === 'directory' ? 'a directory' : 'a device, pipe or socket'
    throw new ConnectorError('ANB4001', `could not read "${name}": it is ${what}, expected a regular file`)
  }
  const file = files.open(path, 'read')
  try {
    const head = new Uint8Array(8)
    const length = file.read(head, 0)
    const stat = file.stat()
    return { path, name, stat, bytes: stat.bytes, head: head.subarray(0, length) }
  } finally {
    file.close()
  }
}

/** Small steps on the files of a state folder, and what an error of the platform means there. */
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StateError } from '../../base/index.js'

/** Makes what was renamed or linked in a directory last. */
export async function syncPath(path: string): Promise<void> {
  const handle = await open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/**
 * The two files that lead to all others of a database are there: where one is gone LevelDB tells of the copy that it was to open.
 *
 * @throws StateError ANB6010
 */
export async function expectRoots(folder: string, names: readonly string[]): Promise<void> {
  const current = join(folder, 'CURRENT')
  if (!names.includes('CURRENT')) throw lacks(current)
  const named = await readFile(current, 'utf8')
  if (!/^MANIFEST-\d+\n$/.test(named))
    throw new StateError('ANB6010', `${current} is not what was written`, { detail: 'Nothing was changed.' })
  const manifest = named.trim()
  if (!names.includes(manifest)) throw lacks(join(folder, manifest))
}

export const lacks = (path: string): StateError =>
  new StateError('ANB6010', `the state lacks ${path}`, { detail: 'Nothing was changed.' })

export const codeOf = (error: unknown): unknown => (error instanceof Error ? Reflect.get(error, 'code') : undefined)

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of this user is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'this user may not',
  EPERM: 'this user may not',
  EIO: 'the disk reports an error',
  EMFILE: 'no more files can be opened',
  ENOTDIR: 'it is no folder',
}

/** LevelDB tells of an error of the platform in words alone. */
const fullWords = /No space left on device|Disk quota exceeded/

/** A StateError of ours stays as it is. A disk without room is ANB6011: it may have some later, so a job may begin again. */
export function folderError(path: string, step: 'make' | 'open' | 'read' | 'write', error: unknown): StateError {
  if (error instanceof StateError) return error
  const code = String(codeOf(error))
  if (error instanceof Error && codeOf(error.cause) === 'LEVEL_CORRUPTION') return damaged(path, error)
  const detail = error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
  const isFull = code === 'ENOSPC' || code === 'EDQUOT' || fullWords.test(detail)
  const reason = reasons[isFull && reasons[code] === undefined ? 'ENOSPC' : code]
  return new StateError(
    isFull ? 'ANB6011' : 'ANB6015',
    `could not ${step} the state in ${path}${reason === undefined ? '' : `: ${reason}`}`,
    { detail, cause: error },
  )
}

/** LevelDB found it while it opened a copy, so the folder is as it was. */
const damaged = (path: string, error: Error): StateError =>
  new StateError('ANB6010', `state in ${path} is not what was written`, {
    detail: `LevelDB says: ${error.cause instanceof Error ? error.cause.message : error.message}. Nothing was changed.`,
    cause: error,
  })

/** What a file handle does. */
export interface Writer {
  writev(values: Uint8Array[], at: number): Promise<{ readonly bytesWritten: number }>
}

/**
 * Values one behind the other, in one call: several would each wait for their turn on the engine's thread, which took the blocks of an
 * epoch of 100 ms longer than their way to the disk.
 */
export async function writeWhole(handle: Writer, values: readonly Uint8Array[], from: number): Promise<void> {
  let at = from
  for (let rest = [...values]; rest.length > 0; ) {
    const { bytesWritten } = await handle.writev(rest, at)
    at += bytesWritten
    rest = behind(rest, bytesWritten)
  }
}

/** What is left of these values without their first bytes. */
function behind(values: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes
  return values.flatMap(value => {
    const part = value.subarray(Math.min(skip, value.length))
    skip -= value.length - part.length
    return part.length === 0 ? [] : [part]
  })
}

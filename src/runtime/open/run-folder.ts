/**
 * The run's private folder: sockets live there, and nothing that must last. Fresh for each run, 0700, ours.
 */
import { randomInt } from 'node:crypto'
import { accessSync, chmodSync, constants, existsSync, lstatSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConnectorError } from '../../base/index.js'

/** Longest path of a folder in which sockets `w<number>` still have room. */
export const runFolderBytesMax = 95

/**
 * Makes `<XDG_RUNTIME_DIR or the temporary folder>/anabranch-XXXXXX`.
 *
 * @param about is told the path before anything is there: a host that is killed in the next moment leaves nothing.
 * @throws ConnectorError ANB4003 where it cannot be made or does not belong to us; ANB4006 where its path is too long.
 */
export function makeRunFolder(
  env: Readonly<Record<string, string | undefined>>,
  about: (path: string) => void = () => undefined,
): string {
  const place = [env['XDG_RUNTIME_DIR'], tmpdir()].find(usable)
  if (place === undefined) {
    throw new ConnectorError('ANB4003', 'expected a folder for the sockets of this run, none can be written', {
      hint: 'set XDG_RUNTIME_DIR or TMPDIR to a folder that you may write',
    })
  }
  const bytes = Buffer.byteLength(place) + '/anabranch-XXXXXX'.length
  if (bytes > runFolderBytesMax) {
    throw new ConnectorError(
      'ANB4006',
      `expected a run folder of at most ${runFolderBytesMax} bytes, its path has ${bytes}`,
      {
        detail: `a socket's path may have 107 bytes; the folder lies in ${place}`,
        hint: 'set XDG_RUNTIME_DIR or TMPDIR to a shorter folder',
      },
    )
  }
  const folder = freshName(place)
  about(folder)
  try {
    mkdirSync(folder, { mode: 0o700 })
    chmodSync(folder, 0o700)
  } catch (cause) {
    throw new ConnectorError('ANB4003', `could not make a private folder in ${place}: ${String(cause)}`, {
      cause,
      hint: 'check space, inodes and permissions there, or set XDG_RUNTIME_DIR',
    })
  }
  checkOwner(folder)
  return folder
}

function freshName(place: string): string {
  for (;;) {
    const path = join(
      place,
      `anabranch-${randomInt(36 ** 6)
        .toString(36)
        .padStart(6, '0')}`,
    )
    if (!existsSync(path)) return path
  }
}

/** A folder that somebody else owns, or a link, could be swapped under our sockets. */
function checkOwner(folder: string): void {
  const stats = lstatSync(folder)
  const me = process.getuid?.()
  if (stats.isDirectory() && (me === undefined || stats.uid === me) && (stats.mode & 0o077) === 0) return
  throw new ConnectorError('ANB4003', `expected ${folder} to be a folder of this user alone, it is not`, {
    hint: 'set XDG_RUNTIME_DIR to a folder that only you may write',
  })
}

function usable(place: string | undefined): place is string {
  if (place === undefined || !place.startsWith('/')) return false
  try {
    accessSync(place, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

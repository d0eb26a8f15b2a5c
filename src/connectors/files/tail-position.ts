/**
 * Where a tail goes on: of each file that is followed its place, and what it is known by.
 *
 * - A file is looked for by its inode, under any name in its folder, since rotation renames it; then by its name; then among
 *   the other files of its folder, where a rotation that copies has put it. It is the same one if it begins with the same
 *   bytes, as many as were read and at most 64 KiB, and is not shorter than the place.
 * - One that is not found may have had rows that nobody read: the run is refused (ANB4012), unless the job says that it goes on
 *   with what is there. One that had ended, with all its rows given, is in no position any more.
 * - All other files that match are new and read from their first byte.
 */
import { dirname, join, resolve } from 'node:path'
import { type FileStat, type Files, shape } from '../../base/index.js'
import { type Mark } from '../../formats/index.js'
import { errnoOf, reading } from '../io-error.js'
import { type Named } from './inputs.js'
import { type Prefix, differing, isSame, prefixOf, prefixShape } from './prefix.js'

export type FollowedMark = Mark & { readonly name: string; readonly inode: number; readonly prefix: Prefix }

const followedMark = shape.object({
  name: shape.string,
  inode: shape.whole,
  at: shape.whole,
  position: shape.whole,
  pass: shape.whole,
  prefix: prefixShape,
})
export const tailPosition = shape.object({ kind: shape.oneOf('tail'), files: shape.list(followedMark) })

/** A file of an earlier run, where it is now. */
export interface FoundAgain extends Named {
  readonly mark: FollowedMark
}
/** What is not found again. */
export interface Lost {
  readonly mark: FollowedMark
  readonly why: string
}
interface Place extends Named {
  readonly stat: FileStat
}

/** `named` are the files that match now. */
export function findAgain(
  marks: readonly FollowedMark[],
  named: readonly Named[],
  finding: Finding,
): { readonly found: readonly FoundAgain[]; readonly lost: readonly Lost[] } {
  const lost: Lost[] = []
  const found: FoundAgain[] = []
  const taken = new Set<string>()
  for (const mark of marks) {
    const places = placesOf(mark, named, finding).filter(({ path }) => !taken.has(path))
    const same = places.find(place => otherThan(mark, place, finding.files) === null)
    if (same !== undefined) {
      taken.add(same.path)
      found.push({ path: same.path, name: same.name, mark })
    } else if (mark.prefix.bytes > 0) {
      lost.push({ mark, why: faultOf(mark, places, finding.files) })
    }
  }
  return { found, lost }
}

interface Finding {
  readonly folder: string
  readonly files: Files
}

/** The likely ones first. */
function placesOf(mark: FollowedMark, named: readonly Named[], { folder, files }: Finding): readonly Place[] {
  const path = resolve(folder, mark.name)
  const beside = files.stat(dirname(path)) === undefined ? [] : files.list(dirname(path))
  const others = beside.map(name => ({ path: join(dirname(path), name), name: join(dirname(mark.name), name) }))
  const all = new Map([...others, ...named].map(one => [one.path, one]))
  const places = [...all.values()].flatMap(one => {
    const stat = statRegular(one.path, files)
    return stat === null ? [] : [{ ...one, stat }]
  })
  const rank = (place: Place): number => (place.stat.inode === mark.inode ? 0 : place.path === path ? 1 : 2)
  return places.sort((a, b) => rank(a) - rank(b))
}

function faultOf(mark: FollowedMark, places: readonly Place[], files: Files): string {
  const [likely] = places.filter(place => place.stat.inode === mark.inode || place.name === mark.name)
  const why = likely === undefined ? null : otherThan(mark, likely, files)
  return why ?? `file "${mark.name}" is gone: expected it with ${mark.at} bytes or more, found none that begins like it`
}

/** Why this is not the file of the mark. */
function otherThan(mark: FollowedMark, { path, stat }: Place, files: Files): string | null {
  const { name, prefix } = mark
  const least = Math.max(mark.at, prefix.bytes)
  if (stat.bytes < least) return `file "${name}" was cut: expected at least ${least} bytes, found ${stat.bytes}`
  const found = reading(name, () => {
    const file = files.open(path, 'read')
    try {
      return prefixOf(file, prefix.bytes).value
    } finally {
      file.close()
    }
  })
  return isSame(found, prefix) ? null : differing(name, prefix, found)
}

/** Null for all but regular files: a pipe would keep the host waiting for its writer; what leads nowhere today may be a file later. */
export function statRegular(path: string, files: Files): FileStat | null {
  try {
    const stat = files.stat(path)
    return stat?.kind === 'file' ? stat : null
  } catch (cause) {
    if (errnoOf(cause) === 'ELOOP') return null
    throw cause
  }
}

/**
 * The files of a bounded run. Their list is made at the first start, with names and sizes, and stands in every position:
 *
 * - A run that goes on reads these files and no others, each as far as it went then. Files that came later and bytes that
 *   were appended later are not part of the run, wherever their names sort; the log says so.
 * - A file that was read to its end and left is not asked for again.
 * - A file that is still to be read must be there and not be shorter. The one in which the run stopped must also begin with
 *   the same 64 KiB, or be the same where it was shorter. Everything else is refused before the first row.
 *
 * Bytes beyond those 64 KiB that were changed in their place are not noticed.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib'
import { ConnectorError, type Files, type Observer, type Shape, ShapeError, shape } from '../../base/index.js'
import { reading } from '../io-error.js'
import { type Globbing, type Input, findInputs, lookAll, namesOf } from './inputs.js'
import { type Prefix, differing, isSame, prefixMax, prefixOf, prefixShape } from './prefix.js'

export interface RunFiles {
  /** Those that are still to be read, the one in which the run stopped first. */
  readonly inputs: readonly Input[]
  /** All of the run, packed: thousands of names are a few kilobytes in every record. */
  readonly list: string
  /** Bytes of those before `inputs`. */
  readonly doneBytes: number
}

/** What every position of a bounded source of files says. */
export interface Standing {
  /** Name of the file in which the run stopped. */
  readonly file: string
  readonly prefix: Prefix
  readonly list: string
}
export const standingFields = { file: shape.string, prefix: prefixShape, list: shape.string }

interface GoingOn extends Globbing {
  readonly observer: Observer
  /** Bytes that were appended make another file of it, as of tables, which are read from their end. */
  readonly endMatters: boolean
}
type Listed = readonly [name: string, bytes: number]

/** Throws a PlanError (ANB1019) where no file matches, or a ConnectorError (ANB4001). */
export function filesOfRun(globbing: Globbing): RunFiles {
  const inputs = findInputs(globbing)
  const list = inputs.map(({ name, bytes }): Listed => [name, bytes])
  return { inputs, list: deflateRawSync(JSON.stringify(list)).toString('base64'), doneBytes: 0 }
}

/** Throws a ConnectorError (ANB4012) where what is still to be read is not what it was. */
export function filesGoingOn(options: GoingOn, standing: Standing): RunFiles {
  const list = unpacked(standing.list)
  const at = list.findIndex(([name]) => name === standing.file)
  const wanted = list.slice(at)
  if (at < 0) throw otherPosition(`the list of its files does not have "${standing.file}"`)
  const named = new Map(namesOf(options).map(one => [one.name, one]))
  const there = wanted.flatMap(([name]) => named.get(name) ?? [])
  const looked = new Map(lookAll(there, options.files).map(input => [input.name, input]))
  const faults = wanted.flatMap(listed => faultsOf(listed, looked.get(listed[0]), options))
  const first = looked.get(standing.file)
  if (faults.length === 0 && first !== undefined) faults.push(...otherBeginning(first, standing.prefix, options.files))
  refuse(faults)
  tellWhatIsLeftOut(options, list, named.keys(), looked)
  const inputs = wanted.flatMap(([name, bytes]) => {
    const input = looked.get(name)
    return input === undefined ? [] : [{ ...input, bytes, head: input.head.subarray(0, bytes) }]
  })
  const doneBytes = list.slice(0, at).reduce((sum, [, bytes]) => sum + bytes, 0)
  return { inputs, list: standing.list, doneBytes }
}

/** What of an input stands in positions. */
export function standingOf(input: Input, { list }: RunFiles, files: Files): Standing {
  return { file: input.name, prefix: prefixOfInput(input, input.bytes, files), list }
}

/** Reads a position that was kept; it may be that of another source. Throws a ConnectorError (ANB4012). */
export function readPosition<T>(position: unknown, form: Shape<T>): T {
  try {
    return form(position, '')
  } catch (cause) {
    if (cause instanceof ShapeError) throw otherPosition(cause.message)
    throw cause
  }
}

export const otherPosition = (why: string): ConnectorError =>
  new ConnectorError('ANB4012', 'the position to go on at is not one of this source', {
    detail: `What was kept does not fit: ${why}.`,
    hint: 'go on with the source that the run began with, or begin anew: give another --out',
  })

/** Throws where there are faults; all are told. */
export function refuse(faults: readonly string[], parts: { readonly hint?: string } = {}): void {
  const [first, ...others] = faults
  if (first !== undefined) throw new ConnectorError('ANB4012', first, { detail: others.join('\n'), ...parts })
}

const listed: Shape<Listed> = (value, path) => {
  const [name, bytes] = shape.list(shape.scalar, 2)(value, path)
  return [shape.string(name, path), shape.whole(bytes, path)]
}
const listShape = shape.list(listed, 10_000_000)
/** Far beyond the names of a million files. */
const listBytesMax = 256 * 1024 * 1024

function unpacked(list: string): readonly Listed[] {
  let said: unknown
  try {
    said = JSON.parse(inflateRawSync(Buffer.from(list, 'base64'), { maxOutputLength: listBytesMax }).toString())
  } catch (cause) {
    throw otherPosition(`the list of its files cannot be unpacked: ${String(cause)}`)
  }
  return readPosition(said, listShape)
}

function faultsOf([name, bytes]: Listed, input: Input | undefined, { endMatters, glob }: GoingOn): readonly string[] {
  if (input === undefined)
    return [`file "${name}" is gone: expected its ${bytes} bytes, nothing of "${glob}" has its name`]
  const found = input.stat.bytes
  if (found < bytes) return [`file "${name}" was cut: expected at least ${bytes} bytes, found ${found}`]
  if (endMatters && found !== bytes) return [`file "${name}" was written anew: expected ${bytes} bytes, found ${found}`]
  return []
}

function otherBeginning(input: Input, expected: Prefix, files: Files): readonly string[] {
  const found = prefixOfInput(input, expected.bytes, files)
  return isSame(found, expected) ? [] : [differing(input.name, expected, found)]
}

function prefixOfInput({ path, name }: Input, bytes: number, files: Files): Prefix {
  return reading(name, () => {
    const file = files.open(path, 'read')
    try {
      return prefixOf(file, Math.min(prefixMax, bytes)).value
    } finally {
      file.close()
    }
  })
}

function tellWhatIsLeftOut(
  { glob, observer }: GoingOn,
  list: readonly Listed[],
  names: Iterable<string>,
  looked: ReadonlyMap<string, Input>,
): void {
  const known = new Set(list.map(([name]) => name))
  const later = [...names].filter(name => !known.has(name))
  const grown = list.filter(([name, bytes]) => (looked.get(name)?.stat.bytes ?? 0) > bytes).map(([name]) => name)
  if (later.length > 0)
    observer.log('warning', `"${glob}": files that came after the run began are left out: ${some(later)}`)
  if (grown.length > 0)
    observer.log('warning', `"${glob}": what was appended after the run began is left out: ${some(grown)}`)
}

const some = (names: readonly string[]): string =>
  names.slice(0, 5).join(', ') + (names.length > 5 ? ` and ${names.length - 5} more` : '')

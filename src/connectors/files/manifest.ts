/**
 * The manifest of a file sink, `DIR/state/sinks/<path>.json`: which files in the sink's folder are ours, which job
 * wrote them, and whether that run was finished. A file is named here *before* it gets its name in the folder, so whatever a
 * crash leaves there is known; what is not known belongs to somebody else and is never touched. It has a check sum: files are
 * removed by what it says.
 *
 * `publishing` is the moment in which a finished run replaces an earlier one: all new files are whole and staged.
 * Who finds it rolls forward, so readers get the new run, whole.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type Files, StateError } from '../../base/index.js'
import { writeAtomically } from '../atomic.js'
import { reading } from '../io-error.js'
import { type Fields, fieldsOf, parseFields } from '../json.js'
import { type Descent, type EpochOf, forebearsOf, lineagesOf } from '../lineages.js'

export const manifestVersion = 6

export interface PartFile {
  readonly name: string
  readonly rows: number
  readonly bytes: number
  /** The last epoch of which it has a row: who goes back behind that takes it back. */
  readonly epoch: number
}
export interface Manifest {
  readonly version: typeof manifestVersion
  /** Of the epochs of the run that wrote the files; empty where it had none. */
  readonly lineage: string
  /** Name of the job that wrote the files. */
  readonly job: string
  readonly status: 'running' | 'publishing' | 'finished'
  /** Files of this run in the folder; while publishing, those that will be there. */
  readonly files: readonly PartFile[]
  /** While publishing: names of the files that go. */
  readonly replaces: readonly string[]
  /** Whole files in staging, of a run with epochs that replaces a finished one at its end. */
  readonly waiting: (Descent & { readonly files: readonly PartFile[] }) | null
  /** Of the files: the runs before that they go on from. */
  readonly forebears: readonly EpochOf[]
}

/** Path of the manifest of the sink with this folder, relative to DIR; its markers lie beside it. */
export const manifestPath = (out: string, name: string, ending: 'json' | 'epochs' = 'json'): string =>
  join(out, 'state', 'sinks', `${encodeURIComponent(name)}.${ending}`)

export function writeManifest(files: Files, path: string, manifest: Omit<Manifest, 'version'>): void {
  const whole: Manifest = { version: manifestVersion, ...manifest }
  writeAtomically(files, path, `${JSON.stringify({ ...whole, check: checkOf(whole) }, null, 1)}\n`)
}

/** Of all that it says, in this order. */
const checkOf = ({ lineage, job, status, files, replaces, waiting, forebears }: Manifest): number =>
  crc32(
    JSON.stringify([
      manifestVersion,
      lineage,
      job,
      status,
      partsOf(files),
      replaces,
      waiting?.lineage,
      partsOf(waiting?.files),
      ...[...forebears, ...(waiting?.forebears ?? [])].map(each => [each.lineage, each.epoch]),
    ]),
  )

const partsOf = (files: readonly PartFile[] = []): readonly unknown[] =>
  files.map(({ name, rows, bytes, epoch }) => [name, rows, bytes, epoch])

/** Null where there is none. Throws a StateError (ANB6001) where it cannot be understood. */
export function readManifest(files: Files, path: string): Manifest | null {
  if (files.stat(path) === undefined) return null
  const found = manifestOf(parseFields(reading(path, () => files.readText(path))))
  if (found !== null) return found
  throw new StateError('ANB6001', `manifest "${path}" is not what was written`, {
    detail: `It was damaged or edited, or is of another version than ${manifestVersion}. Nothing was changed.`,
    hint: 'bring back the folder state as a whole, or begin with another --out: anew, or at a savepoint with --from',
  })
}

/** What a run goes on with of what is there. */
export interface GoneOnWith {
  /** Behind which, of those that it was asked for. */
  readonly at: EpochOf
  /** It has taken what is there for its own before: nothing of it lies behind the place where it began. */
  readonly isOwn: boolean
  readonly isHeld: boolean
  readonly files: readonly PartFile[]
  /** Whose epochs they have then. */
  readonly forebears: readonly EpochOf[]
}

/** What a lineage goes on with that has these epochs behind it, the newest first; null: nothing that is there is of them. */
export function goneOnWith(
  { waiting, lineage, files, forebears }: Manifest,
  begins: string,
  behind: readonly EpochOf[],
): GoneOnWith | null {
  const shown = { lineage, files, forebears, isHeld: false }
  const there = waiting === null ? [shown] : [{ ...waiting, isHeld: true }, shown]
  const known = there.flatMap(({ isHeld, files: parts, ...descent }) => {
    // The newest that it has decides: where it went elsewhere before that, it has not what came between.
    const at = behind.find(each => lineagesOf(descent).includes(each.lineage))
    const before = at === undefined ? null : forebearsOf(begins, at, descent)
    const isOwn = descent.lineage === begins
    return at === undefined || before === null ? [] : { at, isOwn, isHeld, files: parts, forebears: before }
  })
  return known.toSorted((a, b) => behind.indexOf(a.at) - behind.indexOf(b.at))[0] ?? null
}

/** Names of the sinks in DIR that show files of a run with epochs that was not finished. */
export function unfinishedSinks(files: Files, out: string): readonly string[] {
  const folder = join(out, 'state', 'sinks')
  if (files.stat(folder) === undefined) return []
  const names = files.list(folder).filter(name => name.endsWith('.json'))
  return names.sort().flatMap(name => {
    const found = readManifest(files, join(folder, name))
    const isLeft = found !== null && found.status === 'running' && found.lineage !== '' && found.files.length > 0
    return isLeft ? [decodeURIComponent(name.slice(0, -'.json'.length))] : []
  })
}

function manifestOf(fields: Fields | null): Manifest | null {
  if (fields?.['version'] !== manifestVersion) return null
  const { job, status, lineage } = fields
  const files = listOf(fields['files'], partFileOf)
  const replaces = listOf(fields['replaces'], fileNameOf)
  const waiting = waitingOf(fields['waiting'])
  const forebears = listOf(fields['forebears'], epochOf)
  if (typeof job !== 'string' || typeof lineage !== 'string') return null
  if (status !== 'running' && status !== 'publishing' && status !== 'finished') return null
  if (files === null || replaces === null || waiting === undefined || forebears === null) return null
  const found: Manifest = { version: manifestVersion, lineage, job, status, files, replaces, waiting, forebears }
  return fields['check'] === checkOf(found) ? found : null
}

/** Undefined where it is not what it should be. */
function waitingOf(value: unknown): Manifest['waiting'] | undefined {
  if (value === null) return null
  const { lineage, files, forebears } = fieldsOf(value) ?? {}
  const parts = listOf(files, partFileOf)
  const before = listOf(forebears, epochOf)
  if (typeof lineage !== 'string' || parts === null || before === null) return undefined
  return { lineage, files: parts, forebears: before }
}

/** Null where one of the items is not what it should be. */
function listOf<T>(value: unknown, itemOf: (item: unknown) => T | null): readonly T[] | null {
  if (!Array.isArray(value)) return null
  const items = value.flatMap((item: unknown) => itemOf(item) ?? [])
  return items.length === value.length ? items : null
}

function partFileOf(value: unknown): PartFile | null {
  const { name, rows, bytes, epoch } = fieldsOf(value) ?? {}
  const known = fileNameOf(name)
  if (known === null || typeof rows !== 'number' || typeof bytes !== 'number' || typeof epoch !== 'number') return null
  return { name: known, rows, bytes, epoch }
}

function epochOf(value: unknown): EpochOf | null {
  const { lineage, epoch } = fieldsOf(value) ?? {}
  return typeof lineage === 'string' && typeof epoch === 'number' ? { lineage, epoch } : null
}

/** A manifest that somebody edited must not make us remove a file elsewhere: folders have an equals sign. */
const fileNameOf = (value: unknown): string | null =>
  typeof value === 'string' && /^([^/\0]+=[^/\0]+\/)*part-\d{5,}\.[a-z0-9]{1,16}$/.test(value) ? value : null

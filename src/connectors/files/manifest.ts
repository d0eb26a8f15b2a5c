/**
 * The manifest of a file sink, `DIR/state/sinks/<path>.json`: which files in the sink's folder are ours, and whether
 * the run that wrote them was finished. A file is named here *before* it gets its name in the folder, so whatever a
 * crash leaves there is known; what is not known belongs to somebody else and is never touched.
 *
 * `publishing` is the moment in which a finished run replaces an earlier one: all new files are whole and staged.
 * Who finds it rolls forward, so readers get the new run, whole.
 */
import { join } from 'node:path'
import { type Files, StateError } from '../../base/index.js'
import { writeAtomically } from '../atomic.js'
import { reading } from '../io-error.js'

export const manifestVersion = 1

export interface PartFile {
  readonly name: string
  readonly rows: number
  readonly bytes: number
}
export interface Manifest {
  readonly version: typeof manifestVersion
  readonly status: 'running' | 'publishing' | 'finished'
  /** Files of this run in the folder; while publishing, those that will be there. */
  readonly files: readonly PartFile[]
  /** While publishing: names of the files that go. */
  readonly replaces: readonly string[]
}

/** Path of the manifest of the sink with this folder, relative to DIR. */
export const manifestPath = (out: string, name: string): string =>
  join(out, 'state', 'sinks', `${encodeURIComponent(name)}.json`)

export function writeManifest(files: Files, path: string, manifest: Omit<Manifest, 'version'>): void {
  writeAtomically(files, path, `${JSON.stringify({ version: manifestVersion, ...manifest }, null, 1)}\n`)
}

/** Null where there is none. Throws a StateError (ANB6001) where it cannot be understood. */
export function readManifest(files: Files, path: string): Manifest | null {
  if (files.stat(path) === undefined) return null
  const found = parse(reading(path, () => files.readText(path)))
  if (isManifest(found)) return found
  throw new StateError('ANB6001', `manifest "${path}" cannot be understood`, {
    detail: `It is not a manifest of version ${manifestVersion}.`,
    hint: 'give another --out, or remove the sink folder and this file',
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

function isManifest(value: unknown): value is Manifest {
  if (typeof value !== 'object' || value === null) return false
  const { version, status, files, replaces } = value as Partial<Record<keyof Manifest, unknown>>
  return (
    version === manifestVersion &&
    (status === 'running' || status === 'publishing' || status === 'finished') &&
    Array.isArray(files) &&
    files.every(isPartFile) &&
    Array.isArray(replaces) &&
    replaces.every(isFileName)
  )
}

function isPartFile(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const { name, rows, bytes } = value as Partial<Record<keyof PartFile, unknown>>
  return isFileName(name) && typeof rows === 'number' && typeof bytes === 'number'
}

/** A manifest that somebody edited must not make us remove a file elsewhere. */
const isFileName = (value: unknown): boolean =>
  typeof value === 'string' && /^part-\d{5,}\.(jsonl|parquet)$/.test(value)

/**
 * Code folder: the sources of Python modules by their digest. Workers run copies of them, in the run's private folder, under the names
 * of their files. So a worker that starts later runs what the others run although its file was edited meanwhile. What an epoch names is
 * kept in `DIR/state/code` beside its state, so that a run that goes on has it; and in a savepoint, which stands alone.
 */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { type Files, PlanError, StateError } from '../../base/index.js'

export interface CodePlaces {
  /** Private to the run. */
  readonly run: string
  /** Beside the state. */
  readonly kept: string
  /** Of the savepoint that the run begins at; null: none. */
  readonly saved: string | null
}

export class CodeFolder {
  constructor(
    private readonly files: Files,
    private readonly places: CodePlaces,
  ) {}

  /** Copies what the file of a module holds now, for the workers of this run. Answers its SHA-256, hex. @throws PlanError ANB1020 */
  copy(module: string): string {
    const bytes = readBytes(this.files, module)
    if (bytes === null) throw new PlanError('ANB1020', `module ${module} does not exist`, { hint: 'check its path' })
    const digest = digestOf(bytes)
    this.write(this.places.run, digest, bytes)
    return digest
  }

  /** Copies what was kept, of an epoch or a savepoint, for the workers of this run. @throws StateError ANB6038 */
  bring(digest: string): void {
    const { run, kept, saved } = this.places
    for (const place of [kept, ...(saved === null ? [] : [saved])]) {
      const bytes = sourceIn(this.files, place, digest)
      if (bytes !== null) return this.write(run, digest, bytes)
    }
    throw new StateError('ANB6038', `the source ${digest.slice(0, 12)} that was swapped in is missing or damaged`, {
      detail: `Looked for in ${kept}${saved === null ? '' : ` and ${saved}`}.`,
    })
  }

  /** Where workers find it. */
  pathOf(digest: string): string {
    return fileOf(this.places.run, digest)
  }

  /** On the disk beside the state when it returns. @throws StateError ANB6011 */
  keep(digests: readonly string[]): void {
    const { files, places } = this
    try {
      for (const digest of digests) {
        if (sourceIn(files, places.kept, digest) !== null) continue
        files.makeDirectory(places.kept)
        this.write(places.kept, digest, readBytes(files, this.pathOf(digest)) ?? new Uint8Array(0))
        files.syncDirectory(places.kept)
      }
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? String(cause.code) : null
      if (code === null) throw cause
      throw new StateError('ANB6011', `sources of modules could not be written to ${places.kept}: ${code}`, { cause })
    }
  }

  /** Nothing names any others. */
  leave(needed: ReadonlySet<string>): void {
    const { files, places } = this
    if (files.stat(places.kept) === undefined) return
    const names = new Set([...needed].map(digest => `${digest}.py`))
    for (const name of files.list(places.kept)) if (!names.has(name)) files.remove(join(places.kept, name))
  }

  /** It has its name only when it is whole. */
  private write(folder: string, digest: string, bytes: Uint8Array): void {
    const { files } = this
    const path = fileOf(folder, digest)
    files.makeDirectory(folder)
    const file = files.open(`${path}.new`, 'create')
    try {
      file.append(bytes)
      if (folder !== this.places.run) file.sync()
    } finally {
      file.close()
    }
    files.rename(`${path}.new`, path)
  }
}

/** What lies in a folder under this digest and has it; null: nothing. */
export function sourceIn(files: Files, folder: string, digest: string): Uint8Array | null {
  const bytes = readBytes(files, fileOf(folder, digest))
  return bytes !== null && digestOf(bytes) === digest ? bytes : null
}

const fileOf = (folder: string, digest: string): string => join(folder, `${digest}.py`)

/** Null where there is no such file. */
function readBytes(files: Files, path: string): Uint8Array | null {
  const bytes = files.stat(path)?.bytes
  if (bytes === undefined) return null
  const file = files.open(path, 'read')
  try {
    const all = new Uint8Array(bytes)
    let at = 0
    for (let n = -1; n !== 0 && at < bytes; at += n) n = file.read(all.subarray(at), at)
    return all.subarray(0, at)
  } finally {
    file.close()
  }
}

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

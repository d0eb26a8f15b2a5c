/**
 * Shelf: the sink's folder as readers see it. It takes whole files out of staging, and knows which files there are
 * ours: those of a finished earlier run stay until this run is whole, those of an unfinished one go at once, those
 * of another job or of nobody stop the job.
 */
import { dirname, join } from 'node:path'
import { ConnectorError, type Files } from '../../base/index.js'
import { type RunEnd, type SinkFile } from '../contract.js'
import { errnoOf, writing } from '../io-error.js'
import { jailedName, makeJailed } from './jail.js'
import { type Manifest, type PartFile, manifestPath, readManifest, writeManifest } from './manifest.js'

const probe = '.anabranch-probe'

export class Shelf {
  /** Where parts grow: on the file system of DIR, removed at the end. */
  readonly staging: string
  private readonly name: string
  private folder: string
  private readonly manifest: string
  /** Names of a finished earlier run; while there are some, new files wait in staging. */
  private previous: readonly string[] = []
  private held: PartFile[] = []
  private visible: PartFile[] = []

  private readonly files: Files
  private readonly out: string
  private readonly job: string

  constructor(options: {
    readonly files: Files
    readonly out: string
    readonly path: string
    readonly job: string
  }) {
    const { out } = options
    this.files = options.files
    this.out = out
    this.job = options.job
    this.name = jailedName(out, options.path)
    this.folder = join(out, this.name)
    this.staging = join(out, '.staging', encodeURIComponent(this.name))
    this.manifest = manifestPath(out, this.name)
  }

  open(): void {
    this.folder = makeJailed(this.files, this.out, this.name)
    const found = readManifest(this.files, this.manifest)
    if (found !== null) this.refuseOther(found)
    this.refuseStrangers(new Set([...(found?.files.map(file => file.name) ?? []), ...(found?.replaces ?? []), probe]))
    if (found?.status === 'publishing') this.replace(found.files, found.replaces)
    if (found?.status === 'running') for (const { name } of found.files) this.removeFromFolder(name)
    this.previous = found === null || found.status === 'running' ? [] : found.files.map(file => file.name)
    writing(this.staging, () => this.files.removeTree(this.staging))
    makeJailed(this.files, this.out, join('.staging', encodeURIComponent(this.name)))
    this.tryRename()
    if (this.previous.length === 0) this.note('running', [])
  }

  /** Takes a whole file from staging: visible when it returns, or held until `finish`. */
  take(part: PartFile): void {
    if (this.previous.length > 0) {
      this.held.push(part)
      return
    }
    this.note('running', [...this.visible, part])
    this.publish(part.name)
    this.visible.push(part)
  }

  /** The files of an unfinished run stay until the next one begins, but not where those of a finished one are. */
  finish(end: RunEnd): void {
    if (end === 'unfinished') return this.abort()
    if (this.previous.length > 0) this.replace(this.held, this.previous)
    this.visible.push(...this.held)
    this.held = []
    this.previous = []
    this.note('finished', this.visible)
    this.clear()
  }

  /** What was not visible goes. Of a run that replaces another one nothing was. */
  abort(): void {
    this.held = []
    this.clear()
  }

  /** Files of this run that a reader can see. */
  get shown(): readonly SinkFile[] {
    return this.visible.map(({ name, rows }) => ({ path: join(this.folder, name), rows }))
  }

  private replace(parts: readonly PartFile[], previous: readonly string[]): void {
    writeManifest(this.files, this.manifest, { job: this.job, status: 'publishing', files: parts, replaces: previous })
    const kept = new Set(parts.map(part => part.name))
    for (const { name } of parts) {
      if (this.files.stat(join(this.staging, name)) !== undefined) this.publish(name, previous)
    }
    for (const name of previous) if (!kept.has(name)) this.removeFromFolder(name)
    writing(this.folder, () => this.files.syncDirectory(this.folder))
    this.note('finished', parts)
  }

  private publish(name: string, mayReplace: readonly string[] = []): void {
    const to = join(this.folder, name)
    makeJailed(this.files, this.out, dirname(join(this.name, name)))
    if (!mayReplace.includes(name) && this.files.stat(to) !== undefined) throw this.strange([name])
    writing(to, () => this.files.rename(join(this.staging, name), to))
    writing(this.folder, () => this.files.syncDirectory(dirname(to)))
  }

  private note(status: 'running' | 'finished', parts: readonly PartFile[]): void {
    writeManifest(this.files, this.manifest, { job: this.job, status, files: parts, replaces: [] })
  }

  /** Of a job that was renamed too: nobody can tell that from a second one that took the same folder by mistake. */
  private refuseOther({ job, files, replaces }: Manifest): void {
    if (job === this.job) return
    const names = [...files.map(file => file.name), ...replaces]
    const left = names.filter(name => this.files.stat(join(this.folder, name)) !== undefined)
    if (left.length === 0) return
    throw new ConnectorError('ANB4008', `sink folder "${this.folder}" holds what job "${job}" wrote`, {
      detail: `This is job "${this.job}". It would replace ${left.length === 1 ? 'a file' : `${left.length} files`}.`,
      hint: `give another --out, or remove the folder if nobody needs what job "${job}" wrote`,
    })
  }

  private refuseStrangers(known: ReadonlySet<string>): void {
    const there = writing(this.folder, () => this.files.list(this.folder))
    const top = new Set([...known].map(name => name.split('/')[0]))
    const strangers = there.filter(name => !top.has(name)).sort()
    if (strangers.length > 0) throw this.strange(strangers)
  }

  private strange(names: readonly string[]): ConnectorError {
    const some = names
      .slice(0, 5)
      .map(name => `"${name}"`)
      .join(', ')
    const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
    return new ConnectorError('ANB4008', `sink folder "${this.folder}" holds files that no run of this job wrote`, {
      detail: `It has ${some}${more}. Nothing was overwritten.`,
      hint: 'move them away, or give another --out',
    })
  }

  /** Finds out before the first row what would fail after the last one: no right to write, another file system. */
  private tryRename(): void {
    const from = join(this.staging, probe)
    const to = join(this.folder, probe)
    writing(to, () => {
      this.files.open(from, 'create').close()
      this.files.rename(from, to)
      this.files.remove(to)
    })
  }

  private removeFromFolder(name: string): void {
    writing(join(this.folder, name), () => ignoreMissing(() => this.files.remove(join(this.folder, name))))
    for (let part = dirname(name); part !== '.'; part = dirname(part)) this.removeEmpty(join(this.folder, part))
  }

  /** A folder of a partition without files says that there is such a partition. */
  private removeEmpty(folder: string): void {
    writing(folder, () => {
      if (this.files.stat(folder) !== undefined && this.files.list(folder).length === 0) this.files.removeTree(folder)
    })
  }

  private clear(): void {
    writing(this.staging, () => this.files.removeTree(this.staging))
    const all = join(this.out, '.staging')
    if (this.files.stat(all) !== undefined && this.files.list(all).length === 0) {
      writing(all, () => this.files.removeTree(all))
    }
  }
}

function ignoreMissing(step: () => void): void {
  try {
    step()
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause
  }
}

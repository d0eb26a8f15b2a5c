/**
 * Shelf: the sink's folder as readers see it. It takes whole files out of staging, and knows which files there are
 * ours: those of a finished earlier run stay until this run is whole, those of an unfinished one go at once unless this
 * run goes on with it, those of another job or of nobody stop the job.
 */
import { dirname, join } from 'node:path'
import { ConnectorError, type Files } from '../../base/index.js'
import { type RunEnd, type SinkFile } from '../contract.js'
import { errnoOf, writing } from '../io-error.js'
import { type Descent, type EpochOf } from '../lineages.js'
import { jailedName, makeJailed } from './jail.js'
import { type Manifest, type PartFile, goneOnWith, manifestPath, readManifest, writeManifest } from './manifest.js'

const probe = '.anabranch-probe'

/** The run that is gone on with, and what of it may be named in the manifest and not yet be in the folder. */
export interface Resumed {
  /** Behind which it goes on; of another run where it begins at a savepoint. */
  readonly at: EpochOf
  /** Names of parts in staging that are to come. */
  readonly staged: ReadonlySet<string>
}

export class Shelf {
  /** Where parts grow: on the file system of DIR, removed at the end. */
  readonly staging: string
  /** In one form, without a slash at its end. */
  readonly name: string
  private folder: string
  /** Path of the list of our files. */
  readonly manifest: string
  /** Of the run's epochs; empty: it has none. */
  private lineage = ''
  private forebears: readonly EpochOf[] = []
  /** What a finished earlier run shows; while there is something, new files wait in staging. */
  private previous: Manifest | null = null
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

  /** Begins a run: what an unfinished one left goes. */
  open(lineage: string): void {
    this.lineage = lineage
    this.forebears = []
    const found = this.enter()
    if (found?.status === 'running') for (const { name } of found.files) this.removeFromFolder(name)
    if (found?.status === 'finished' && found.files.length > 0) this.previous = found
    writing(this.staging, () => this.files.removeTree(this.staging))
    this.makeStaging()
    if (this.previous === null) this.note('running', [])
    else if (lineage !== '') this.noteAll()
  }

  /** Goes on with a run: what it showed stays, and what it staged too. False where this folder knows nothing of that run. */
  resume(lineage: string, { at, staged }: Resumed): boolean {
    this.lineage = lineage
    const found = this.enter()
    const known = found === null ? null : goneOnWith(found, lineage, at)
    if (known === null) return false
    const { isHeld, files, forebears } = known
    this.forebears = forebears
    if (isHeld) {
      this.previous = found
      this.held = [...files]
    }
    // Named before it was there: the run died in between.
    else this.visible = files.filter(({ name }) => !staged.has(name) || this.isThere(name))
    this.makeStaging()
    if (lineage !== at.lineage) this.noteAll()
    return true
  }

  /** Some run of a job has written here. */
  get isKnown(): boolean {
    return this.files.stat(this.manifest) !== undefined
  }

  /** Names of the files of this run, shown or held. */
  get taken(): ReadonlyMap<string, PartFile> {
    return new Map([...this.visible, ...this.held].map(part => [part.name, part]))
  }

  /** The runs before whose epochs its files have. */
  get goesOnFrom(): readonly EpochOf[] {
    return this.forebears
  }

  /** Lineage of the finished run that is shown while new files wait; null: none is, or it had no epochs. */
  get replaced(): string | null {
    const { lineage = '' } = this.previous ?? {}
    return lineage === '' ? null : lineage
  }

  /** Whether new files wait until the run is finished. */
  get replacing(): boolean {
    return this.previous !== null
  }

  /** Takes whole files from staging: visible when it returns, or held until `finish`. The same again changes nothing. */
  take(parts: readonly PartFile[]): void {
    const taken = this.taken
    const more = parts.filter(part => !taken.has(part.name))
    if (more.length === 0) return
    if (this.previous !== null) {
      this.held.push(...more)
      if (this.lineage !== '') this.noteAll()
      return
    }
    for (const { name } of more) if (this.isThere(name)) throw this.strange([name])
    this.note('running', [...this.visible, ...more])
    for (const part of more) {
      this.publish(part.name)
      this.visible.push(part)
    }
  }

  /** Takes back files: those that a run with other epochs showed behind the place where this one begins. */
  takeBack(isBehind: (name: string) => boolean): void {
    const shown = this.visible.filter(({ name }) => isBehind(name))
    const held = this.held.filter(({ name }) => !isBehind(name))
    if (shown.length === 0 && held.length === this.held.length) return
    this.visible = this.visible.filter(({ name }) => !isBehind(name))
    this.held = held
    // Those that are held lie in staging; a file of the finished run may have the same name.
    for (const { name } of shown) this.removeFromFolder(name)
    this.noteAll()
  }

  /**
   * The files of an unfinished run stay until the next one begins, but not where those of a finished one are. With
   * epochs the next one goes on with all of it.
   */
  finish(end: RunEnd): void {
    if (end === 'unfinished') return this.abort()
    if (this.previous !== null) this.replacePrevious(namesOf(this.previous.files))
    this.visible.push(...this.held)
    this.held = []
    this.previous = null
    this.note('finished', this.visible)
    this.clear()
  }

  /** What was not visible goes, unless a run may go on with it. Of a run that replaces another one nothing was. */
  abort(): void {
    if (this.lineage !== '') return
    this.held = []
    this.clear()
  }

  /** Files of this run that a reader can see. */
  get shown(): readonly SinkFile[] {
    return this.visible.map(({ name, rows }) => ({ path: join(this.folder, name), rows }))
  }

  /** Throws where the folder holds what no run of this job wrote. Changes nothing. */
  check(): Manifest | null {
    const found = readManifest(this.files, this.manifest)
    if (found !== null) this.refuseOther(found)
    this.refuseStrangers(new Set([...namesOf(found?.files ?? []), ...(found?.replaces ?? []), probe]))
    return found
  }

  /** Some of these lie in the folder. */
  shows(parts: readonly PartFile[]): boolean {
    return parts.some(({ name }) => this.isThere(name))
  }

  /** The folder is ours, and shows one whole run or what an unfinished one got to. */
  private enter(): Manifest | null {
    this.folder = makeJailed(this.files, this.out, this.name)
    const found = this.check()
    if (found?.status !== 'publishing') return found
    this.replace(found.files, found.replaces, found)
    return readManifest(this.files, this.manifest)
  }

  private get descent(): Descent {
    const { lineage, forebears } = this
    return { lineage, forebears }
  }

  private makeStaging(): void {
    makeJailed(this.files, this.out, join('.staging', encodeURIComponent(this.name)))
    this.tryRename()
  }

  private replacePrevious(previous: readonly string[]): void {
    const strange = namesOf(this.held).filter(name => !previous.includes(name) && this.isThere(name))
    if (strange.length > 0) throw this.strange(strange)
    this.replace(this.held, previous)
  }

  private replace(
    parts: readonly PartFile[],
    previous: readonly string[],
    { lineage, forebears } = this.descent,
  ): void {
    const { job } = this
    const gone = { replaces: previous, waiting: null, forebears } as const
    const whole = { job, lineage, status: 'publishing', files: parts, ...gone } as const
    writeManifest(this.files, this.manifest, whole)
    const kept = new Set(namesOf(parts))
    for (const { name } of parts) {
      if (this.files.stat(join(this.staging, name)) !== undefined) this.publish(name)
    }
    for (const name of previous) if (!kept.has(name)) this.removeFromFolder(name)
    writing(this.folder, () => this.files.syncDirectory(this.folder))
    writeManifest(this.files, this.manifest, { ...whole, status: 'finished', replaces: [] })
  }

  private publish(name: string): void {
    const to = join(this.folder, name)
    makeJailed(this.files, this.out, dirname(join(this.name, name)))
    writing(to, () => this.files.rename(join(this.staging, name), to))
    for (let at = dirname(name); ; at = dirname(at)) {
      writing(this.folder, () => this.files.syncDirectory(join(this.folder, at)))
      if (at === '.') return
    }
  }

  private isThere(name: string): boolean {
    return this.files.stat(join(this.folder, name)) !== undefined
  }

  private note(status: 'running' | 'finished', files: readonly PartFile[]): void {
    const { job, descent } = this
    writeManifest(this.files, this.manifest, { job, ...descent, status, files, replaces: [], waiting: null })
  }

  /** What is visible, or what waits behind a finished run. */
  private noteAll(): void {
    if (this.previous === null) return this.note('running', this.visible)
    const waiting = { ...this.descent, files: this.held }
    writeManifest(this.files, this.manifest, { ...this.previous, waiting })
  }

  /** Of a job that was renamed too: nobody can tell that from a second one that took the same folder by mistake. */
  private refuseOther({ job, files, replaces }: Manifest): void {
    if (job === this.job) return
    const left = [...namesOf(files), ...replaces].filter(name => this.isThere(name))
    if (left.length === 0) return
    throw new ConnectorError('ANB4008', `sink folder "${this.folder}" holds what job "${job}" wrote`, {
      detail: `This is job "${this.job}". It would replace ${left.length === 1 ? 'a file' : `${left.length} files`}.`,
      hint: `give another --out, or remove the folder if nobody needs what job "${job}" wrote`,
    })
  }

  private refuseStrangers(known: ReadonlySet<string>): void {
    if (this.files.stat(this.folder) === undefined) return
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

const namesOf = (parts: readonly PartFile[]): readonly string[] => parts.map(({ name }) => name)

function ignoreMissing(step: () => void): void {
  try {
    step()
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause
  }
}

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
import {
  type GoneOnWith,
  type Manifest,
  type PartFile,
  goneOnWith,
  manifestPath,
  readManifest,
  writeManifest,
} from './manifest.js'

const probe = '.anabranch-probe'

/** How a run goes on. */
export interface Resumed {
  /** What it has behind it, the newest first. */
  readonly behind: readonly EpochOf[]
  /** A file of what it goes on with is of that. */
  readonly stays: (part: PartFile, of: GoneOnWith) => boolean
  /** One that is named and is not in the folder is still to be shown: the run died in between. */
  readonly isToCome: (name: string) => boolean
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
    if (found?.status === 'running') this.removeAll(namesOf(found.files))
    this.tryStaging()
    if (found?.status === 'finished' && found.files.length > 0) this.previous = { ...found, waiting: null }
    // What waits is not named any more before it goes.
    if (this.previous === null) this.note('running', [])
    else if (lineage !== '') this.noteAll()
    else writeManifest(this.files, this.manifest, this.previous)
    writing(this.staging, () => this.files.removeTree(this.staging))
    this.makeStaging()
  }

  /**
   * Goes on behind one of these epochs, the newest first, with the files that stay; others go. Null where this folder knows nothing of
   * them.
   */
  resume(lineage: string, { behind, stays, isToCome }: Resumed): GoneOnWith | null {
    this.lineage = lineage
    const found = this.enter()
    const known = found === null ? null : goneOnWith(found, lineage, behind)
    if (known === null) return null
    const { at, isOwn, files, isHeld, forebears } = known
    this.forebears = forebears
    // One that has rows of both sides is as one of before from now on: it stays with whoever goes on with those.
    const kept = files
      .filter(part => stays(part, known))
      .map(part => (isOwn ? part : { ...part, epoch: Math.min(part.epoch, at.epoch) }))
    const shown = kept.filter(({ name }) => this.isThere(name) || !isToCome(name))
    this.tryStaging()
    if (isHeld) {
      this.previous = found
      this.held = kept
    } else this.visible = shown
    if (isOwn && kept.length === files.length) return known
    if (!isHeld && found !== null) this.takeBack(found)
    this.noteAll()
    return known
  }

  /** What is shown is no finished run any more before the first of its files goes. */
  private takeBack(found: Manifest): void {
    if (found.status === 'finished')
      writeManifest(this.files, this.manifest, { ...found, status: 'running', waiting: null })
    const shown = new Set(namesOf(this.visible))
    this.removeAll(namesOf(found.files).filter(name => !shown.has(name)))
  }

  /** Some run of a job has written here. */
  get isKnown(): boolean {
    return this.files.stat(this.manifest) !== undefined
  }

  /** Names of the files of this run, shown or held. */
  get taken(): ReadonlyMap<string, PartFile> {
    return new Map([...this.visible, ...this.held].map(part => [part.name, part]))
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
    const strangers = this.strangersTo([...namesOf(found?.files ?? []), ...(found?.replaces ?? []), probe])
    if (strangers.length > 0)
      throw found === null && strangers.some(isOfRun) ? this.unlisted(strangers) : this.strange(strangers)
    return found
  }

  /** Some of these lie in the folder. */
  shows(parts: readonly Pick<PartFile, 'name'>[]): boolean {
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
    this.removeAll(previous.filter(name => !kept.has(name)))
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

  private strangersTo(known: readonly string[]): readonly string[] {
    if (this.files.stat(this.folder) === undefined) return []
    const there = writing(this.folder, () => this.files.list(this.folder))
    const top = new Set(known.map(name => name.split('/')[0]))
    return there.filter(name => !top.has(name)).sort()
  }

  private strange(names: readonly string[]): ConnectorError {
    return new ConnectorError('ANB4008', `sink folder "${this.folder}" holds files that no run of this job wrote`, {
      detail: `It has ${someOf(names)}. Nothing was overwritten.`,
      hint: 'move them away, or give another --out',
    })
  }

  /** Without the list nobody knows whose they are, and a state that goes on would miss them if they were moved away. */
  private unlisted(names: readonly string[]): ConnectorError {
    return new ConnectorError('ANB4008', `sink folder "${this.folder}" holds files that no list of a run names`, {
      detail: `It has ${someOf(names)}, and there is no ${this.manifest}. Nothing was overwritten.`,
      hint: 'if runs of this job wrote them, bring back the folder state as a whole; or begin anew: give another --out, or move the files away and run with --fresh',
    })
  }

  /** Finds out before the first row what would fail after the last one: no right to write, another file system. */
  private tryStaging(): void {
    this.makeStaging()
    const from = join(this.staging, probe)
    const to = join(this.folder, probe)
    writing(to, () => {
      this.files.open(from, 'create').close()
      this.files.rename(from, to)
      this.files.remove(to)
    })
  }

  /** They are gone, also after a loss of power, when it returns: nobody knows of them any more then. */
  private removeAll(names: readonly string[]): void {
    for (const name of names)
      writing(join(this.folder, name), () => ignoreMissing(() => this.files.remove(join(this.folder, name))))
    const folders = [...new Set(names.flatMap(foldersOf))].toSorted((a, b) => b.length - a.length)
    for (const folder of folders) this.removeEmpty(join(this.folder, folder))
    for (const folder of ['.', ...folders]) {
      const path = join(this.folder, folder)
      if (this.files.stat(path) !== undefined) writing(path, () => this.files.syncDirectory(path))
    }
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

/** `a=1/b=2` and `a=1` of `a=1/b=2/part-00000.jsonl`. */
const foldersOf = (name: string): readonly string[] =>
  dirname(name) === '.' ? [] : [dirname(name), ...foldersOf(dirname(name))]

/** Named as files and partitions of a run are. */
const isOfRun = (name: string): boolean => /^part-\d{5,}\.|=/.test(name)

function someOf(names: readonly string[]): string {
  const some = names.slice(0, 5).map(name => `"${name}"`)
  const more = names.length > 5 ? ` and ${names.length - 5} more` : ''
  return `${some.join(', ')}${more}`
}

const namesOf = (parts: readonly PartFile[]): readonly string[] => parts.map(({ name }) => name)

function ignoreMissing(step: () => void): void {
  try {
    step()
  } catch (cause) {
    if (errnoOf(cause) !== 'ENOENT') throw cause
  }
}

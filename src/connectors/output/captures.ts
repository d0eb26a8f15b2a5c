/**
 * Captures of calls as files of an output folder, numbered as they come. A run replaces those of an earlier one, unless it goes
 * on with it: then only those that came behind its start go.
 */
import { join } from 'node:path'
import { type Files, type Observer, type OpenFile } from '../../base/index.js'
import { makeLasting } from '../atomic.js'
import { type EpochOutput, type Prepared, type SinkOpened, type SinkStart } from '../contract.js'
import { writing, writingAsync } from '../io-error.js'
import { fieldsOf } from '../json.js'
import { fileName, ownIn, removeOwn } from './own-files.js'

/** More would fill a disk with what nobody looks at. */
const capturesMax = 1_000

const ours = (name: string): boolean => /^\d+-.*\.arrow$/.test(name)

export class Captures implements EpochOutput {
  private count = 0
  private epochs = false
  /** Of the epoch that is open. */
  private readonly unsynced: OpenFile[] = []
  private readonly folder: string

  /** `place` is relative to `out`; the folder appears with the first capture. */
  constructor(
    private readonly place: string,
    private readonly options: { readonly out: string; readonly files: Files; readonly observer: Observer },
  ) {
    this.folder = join(options.out, place)
  }

  /** Removes those of an earlier run, or those that came behind the start. */
  async open({ lineage, prepared }: SinkStart): Promise<SinkOpened> {
    this.epochs = lineage !== ''
    const { count } = fieldsOf(prepared) ?? {}
    const kept = typeof count === 'number' ? count : 0
    this.count = kept
    removeOwn(this.options.files, this.folder, name => ours(name) && Number.parseInt(name, 10) > kept)
    return { applied: null }
  }

  /** Removes none, since letters of somebody else name them: those of this run come behind. */
  async openBehindAll({ lineage }: SinkStart): Promise<SinkOpened> {
    this.epochs = lineage !== ''
    this.count = Math.max(0, ...ownIn(this.options.files, this.folder, ours).map(name => Number.parseInt(name, 10)))
    return { applied: null }
  }

  async prepare(): Promise<Prepared> {
    const { count } = this
    const written = this.unsynced.splice(0)
    await writingAsync(this.folder, () => Promise.all(written.map(file => file.syncSoon())))
    for (const file of written) file.close()
    if (written.length > 0) writing(this.folder, () => this.options.files.syncDirectory(this.folder))
    return { count }
  }

  async commit(): Promise<void> {}

  /** Answers the path relative to `out`; null where the limit of 1,000 a run is reached, and then makes no bytes. */
  keep(operator: string, make: () => Uint8Array): string | null {
    this.count += 1
    if (this.count > capturesMax) return null
    const { files } = this.options
    const name = `${this.count}-${fileName(operator)}.arrow`
    const path = join(this.folder, name)
    writing(path, () => {
      makeLasting(files, this.folder)
      const file = files.open(path, 'create')
      try {
        file.append(make())
      } finally {
        if (this.epochs) this.unsynced.push(file)
        else file.close()
      }
    })
    return join(this.place, name)
  }

  /** Says how many were not kept. */
  close(): void {
    for (const file of this.unsynced.splice(0)) file.close()
    const skipped = this.count - capturesMax
    if (skipped <= 0) return
    const message = `${skipped} captures were not kept in ${this.place}: the limit of a run is ${capturesMax}`
    this.options.observer.log('warning', message)
  }
}

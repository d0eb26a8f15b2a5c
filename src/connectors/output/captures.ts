/** Captures of calls as files of an output folder, numbered as they come. A run replaces those of an earlier one. */
import { join } from 'node:path'
import { type Files, type Observer } from '../../base/index.js'
import { type EpochOutput, type Prepared, type SinkStart } from '../contract.js'
import { writing } from '../io-error.js'
import { fileName, removeOwn } from './own-files.js'

/** More would fill a disk with what nobody looks at. */
const capturesMax = 1_000

export class Captures implements EpochOutput {
  private count = 0
  private readonly folder: string

  /** `place` is relative to `out`; the folder appears with the first capture. */
  constructor(
    private readonly place: string,
    private readonly options: { readonly out: string; readonly files: Files; readonly observer: Observer },
  ) {
    this.folder = join(options.out, place)
  }

  /** Removes those of an earlier run. */
  async open(_start: SinkStart): Promise<{ readonly applied: null }> {
    removeOwn(this.options.files, this.folder, /^\d+-.*\.arrow$/)
    return { applied: null }
  }

  async prepare(): Promise<Prepared> {
    return { count: this.count }
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
      files.makeDirectory(this.folder)
      const file = files.open(path, 'create')
      try {
        file.append(make())
      } finally {
        file.close()
      }
    })
    return join(this.place, name)
  }

  /** Says how many were not kept. */
  close(): void {
    const skipped = this.count - capturesMax
    if (skipped <= 0) return
    const message = `${skipped} captures were not kept in ${this.place}: the limit of a run is ${capturesMax}`
    this.options.observer.log('warning', message)
  }
}

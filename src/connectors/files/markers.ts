/**
 * Markers of a file sink, `DIR/state/sinks/<path>.epochs`: one line for each epoch whose files are all in the folder. Only the
 * last line counts, so an epoch costs one append and one sync; a line that was cut off by a crash is an epoch that is
 * committed again.
 */
import { type Files, type OpenFile, StateError } from '../../base/index.js'
import { writeAtomically } from '../atomic.js'
import { reading, writing, writingAsync } from '../io-error.js'

/** A longer one is written anew when it is opened. */
const bytesMax = 64 * 1024

export class Markers {
  private file: OpenFile | null = null
  private lineage = ''
  private bytes = 0

  constructor(
    private readonly files: Files,
    private readonly path: string,
  ) {}

  /** The last epoch that this lineage has applied; 0: none. */
  read(lineage: string): number {
    if (this.files.stat(this.path) === undefined) return 0
    const lines = reading(this.path, () => this.files.readText(this.path)).split('\n')
    const last = lines.slice(0, -1).findLast(line => lineShape.test(line)) ?? ''
    const [, whose, epoch] = lineShape.exec(last) ?? []
    return whose === lineage ? Number(epoch) : 0
  }

  /** Throws a StateError (ANB6021) where the marker that the job knows of is gone. */
  expect(lineage: string, marked: boolean): number {
    const applied = this.read(lineage)
    if (applied > 0 || !marked) return applied
    throw new StateError('ANB6021', `marker "${this.path}" of what was written is gone`, {
      detail: 'The state of the job says that this sink has applied epochs; without the marker nobody knows which.',
      hint: 'restore the folder state as a whole, or start again with another --out',
    })
  }

  /** From now on epochs of this lineage are applied, behind `applied`. */
  begin(lineage: string, applied: number): void {
    this.close()
    this.lineage = lineage
    this.begun(applied)
  }

  /** On the disk when it settles. */
  async add(epoch: number): Promise<void> {
    if (this.bytes > bytesMax) this.begun(epoch)
    else await writingAsync(this.path, () => this.append(epoch))
  }

  close(): void {
    this.file?.close()
    this.file = null
  }

  private begun(applied: number): void {
    this.close()
    const line = lineOf(this.lineage, applied)
    writeAtomically(this.files, this.path, line)
    this.file = writing(this.path, () => this.files.open(this.path, 'append'))
    this.bytes = line.length
  }

  private async append(epoch: number): Promise<void> {
    const line = lineOf(this.lineage, epoch)
    this.file?.append(Buffer.from(line))
    this.bytes += line.length
    await this.file?.syncSoon()
  }
}

const lineShape = /^([0-9a-f]+) (\d+)$/

const lineOf = (lineage: string, epoch: number): string => `${lineage} ${epoch}\n`

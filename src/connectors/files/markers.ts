/**
 * Markers of a file sink, `DIR/state/sinks/<path>.epochs`, and of a logged sink whose system keeps none: one line for each epoch whose files are all in the folder, with a check
 * sum. Of each lineage the last line counts, so an epoch costs one append and one sync; a line that was cut off by a crash is an
 * epoch that is committed again. Of a logged sink the lineages before the one that writes come first.
 *
 *     LINEAGE EPOCH CRC32C, the sum in hex of what stands before it
 */
import { type Files, type OpenFile, StateError } from '../../base/index.js'
import { crc32c } from '../../kernels/index.js'
import { writeAtomically } from '../atomic.js'
import { reading, writing, writingAsync } from '../io-error.js'
import { type EpochOf } from '../lineages.js'

/** A longer one is written anew when it is opened. */
const bytesMax = 64 * 1024
/** Lineages before that are kept: each of them is a run that began anew or at a savepoint. */
const beforeMax = 256

export class Markers {
  private file: OpenFile | null = null
  private lineage = ''
  private before: readonly EpochOf[] = []
  private bytes = 0

  constructor(
    private readonly files: Files,
    private readonly path: string,
  ) {}

  /** The last epoch that this lineage has applied; 0: none. @throws StateError ANB6021 where a bit is not what was written */
  read(lineage: string): number {
    return this.lines().get(lineage) ?? 0
  }

  /** What the others have applied, the newest last. */
  others(lineage: string): readonly EpochOf[] {
    const all = [...this.lines()].map(([whose, epoch]) => ({ lineage: whose, epoch }))
    return all.filter(each => each.lineage !== lineage && each.epoch > 0)
  }

  private lines(): ReadonlyMap<string, number> {
    if (this.files.stat(this.path) === undefined) return new Map()
    const lines = reading(this.path, () => this.files.readText(this.path)).split('\n')
    const torn = lines.pop() ?? ''
    const other = lines.find(line => lineOf(...partsOf(line)) !== `${line}\n`)
    if (other !== undefined || !tornShape.test(torn)) throw this.damaged(other ?? torn)
    return new Map(lines.map(partsOf))
  }

  private damaged(line: string): StateError {
    if (/^[0-9a-f]+ \d{1,7}$/.test(line))
      return new StateError('ANB6014', `marker "${this.path}" is of a version whose lines had no check sum`, {
        hint: 'run it with the version that wrote it, or give another --out',
      })
    return new StateError('ANB6021', `marker "${this.path}" is not what was written`, {
      detail: 'Without it nobody knows which epochs this sink has applied. Nothing was changed.',
      hint: 'restore the folder state as a whole, or start again with another --out',
    })
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

  /** From now on epochs of this lineage are applied, behind `applied`; of those before it the newest stay known. */
  begin(lineage: string, applied: number, before: readonly EpochOf[]): void {
    this.close()
    this.lineage = lineage
    this.before = before.slice(-beforeMax)
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
    const lines = [...this.before.map(each => lineOf(each.lineage, each.epoch)), lineOf(this.lineage, applied)].join('')
    writeAtomically(this.files, this.path, lines)
    this.file = writing(this.path, () => this.files.open(this.path, 'append'))
    this.bytes = lines.length
  }

  private async append(epoch: number): Promise<void> {
    const line = lineOf(this.lineage, epoch)
    this.file?.append(Buffer.from(line))
    this.bytes += line.length
    await this.file?.syncSoon()
  }
}

/** What a crash leaves of a line: its beginning, and room that nothing was written to. */
const tornShape = /^[0-9a-f]*(?: \d*(?: [0-9a-f]{0,8})?)?\0*$/

function partsOf(line: string): readonly [lineage: string, epoch: number] {
  const [lineage = '', epoch] = line.split(' ')
  return [lineage, Number(epoch)]
}

function lineOf(lineage: string, epoch: number): string {
  const said = `${lineage} ${epoch}`
  return `${said} ${crc32c(Buffer.from(said)).toString(16).padStart(8, '0')}\n`
}

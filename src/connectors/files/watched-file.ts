/**
 * A file that is read once from start to end, and refused as soon as it is another than the one that was opened
 * first: rows of two versions of a file would be an output that no input explains.
 */
import { ConnectorError, type FileStat, type Files, type OpenFile } from '../../base/index.js'
import { reading } from '../io-error.js'
import { type Input } from './inputs.js'

export class WatchedFile {
  /** Bytes read so far. */
  position = 0
  private readonly file: OpenFile
  private open = true

  constructor(
    readonly input: Input,
    private readonly files: Files,
  ) {
    this.file = reading(input.name, () => files.open(input.path, 'read'))
  }

  /** Fills the start of `space`; 0 at the end, when the file is still what it was. */
  read(space: Uint8Array): number {
    const { name, stat, bytes } = this.input
    const wanted = Math.min(space.length, bytes - this.position)
    const got = wanted === 0 ? 0 : reading(name, () => this.file.read(space.subarray(0, wanted), this.position))
    const now = reading(name, () => this.file.stat())
    if (!same(now, stat) || got < wanted) this.refuse(now)
    if (wanted === 0 && this.files.stat(this.input.path)?.inode !== stat.inode) this.refuse(now)
    this.position += got
    return got
  }

  /** The next byte is the one at `position`; answers how many bytes too short the file is for it. */
  seek(position: number): number {
    this.position = position
    return Math.max(0, position - this.input.bytes)
  }

  /** The last `bytes` bytes; closes the file. */
  tail(bytes: number): Uint8Array {
    const end = new Uint8Array(bytes)
    this.position = Math.max(0, this.input.stat.bytes - bytes)
    try {
      this.read(end)
    } finally {
      this.close()
    }
    return end
  }

  /** Refuses a file that is not what it was; closes it. */
  check(): void {
    this.position = this.input.stat.bytes
    try {
      this.read(new Uint8Array(0))
    } finally {
      this.close()
    }
  }

  close(): void {
    if (this.open) this.file.close()
    this.open = false
  }

  private refuse(now: FileStat): never {
    const { name, stat } = this.input
    throw new ConnectorError('ANB4004', `file "${name}" changed while it was read, near byte ${this.position}`, {
      detail: `It had ${stat.bytes} bytes when the job began and has ${now.bytes} now; or it was written or replaced.`,
    })
  }
}

const same = (a: FileStat, b: FileStat): boolean =>
  a.bytes === b.bytes && a.modifiedMs === b.modifiedMs && a.inode === b.inode

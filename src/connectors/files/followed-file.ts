/**
 * A file that grows while it is read. It is known by its inode and its first bytes, not by its name: a renamed file goes
 * on where it was, one that was cut or written anew under its name is another one.
 */
import { type FileStat, type Files, type OpenFile } from '../../base/index.js'
import { type Decoder } from '../../formats/index.js'
import { damaged, reading } from '../io-error.js'
import { codingAt } from './bytes.js'

/** First bytes that tell a file from the one that was there before. */
const prefixBytes = 1024

export class FollowedFile {
  /** Nothing more comes: what is in the decoder is all. */
  ended = false
  /** Looks in a row that found no name for it and no growth. */
  strayLooks = 0
  readonly inode: number
  private readonly file: OpenFile
  private readonly prefix = new Uint8Array(prefixBytes)
  private prefixLength = 0
  private position = 0
  private seen: FileStat
  private open = true

  constructor(
    readonly path: string,
    /** As a person writes it; the newest one. */
    public name: string,
    readonly decoder: Decoder,
    files: Files,
  ) {
    this.file = reading(name, () => files.open(path, 'read'))
    this.seen = reading(name, () => this.file.stat())
    this.inode = this.seen.inode
    const head = new Uint8Array(4)
    this.refusePacked(
      head.subarray(
        0,
        reading(name, () => this.file.read(head, 0)),
      ),
    )
  }

  /** Reads on, at most `bytesMax` bytes, into the decoder; answers how many came. Half records wait there. */
  read(bytesMax: number): number {
    if (this.ended) return 0
    const space = this.decoder.space(bytesMax).subarray(0, bytesMax)
    const got = reading(this.name, () => this.file.read(space, this.position))
    if (got === 0) return 0
    if (this.position === 0) this.refusePacked(space.subarray(0, got))
    this.keepPrefix(space.subarray(0, got))
    this.position += got
    this.decoder.filled(got)
    return got
  }

  /** Whether the file is still the one that was read: not shorter, and with the same first bytes. */
  isSame(): boolean {
    const now = reading(this.name, () => this.file.stat())
    const { bytes, modifiedMs } = this.seen
    if (now.bytes === bytes && now.modifiedMs === modifiedMs) return true
    this.seen = now
    if (now.bytes < this.position) return false
    const first = new Uint8Array(this.prefixLength)
    const got = reading(this.name, () => this.file.read(first, 0))
    return got === this.prefixLength && first.every((byte, i) => byte === this.prefix[i])
  }

  /** Its last record counts, whole or not. */
  end(): void {
    if (this.ended) return
    this.ended = true
    this.decoder.finish()
    this.close()
  }

  close(): void {
    if (this.open) this.file.close()
    this.open = false
  }

  private refusePacked(head: Uint8Array): void {
    if (codingAt(head) === 'plain') return
    this.close()
    throw damaged(this.name, 'is packed, and cannot be followed while it grows')
  }

  private keepPrefix(bytes: Uint8Array): void {
    const wanted = bytes.subarray(0, prefixBytes - this.prefixLength)
    this.prefix.set(wanted, this.prefixLength)
    this.prefixLength += wanted.length
  }
}

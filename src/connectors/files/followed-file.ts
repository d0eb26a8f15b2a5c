/**
 * A file that grows while it is read. It is known by its inode and its first bytes, not by its name: a renamed file goes
 * on where it was, one that was cut or written anew under its name is another one.
 */
import { type FileStat, type Files, type OpenFile, atFailpoint } from '../../base/index.js'
import { type Decoded, type Mark, type MarkedDecoder } from '../../formats/index.js'
import { damaged, namingDamage, reading } from '../io-error.js'
import { codingAt } from './bytes.js'
import { type Passing, asked, passedOver } from './pass.js'
import { GrowingPrefix } from './prefix.js'
import { type FollowedMark } from './tail-position.js'

/** First bytes that are looked at while it is followed, to tell it from the one that was there before. */
const headBytes = 1024
/** The beginning of a file is read again in such steps. */
const stepBytes = 64 * 1024

export class FollowedFile implements Passing {
  /** Nothing more comes: what is in the decoder is all. */
  ended = false
  /** Looks in a row that found no name for it and no growth. */
  strayLooks = 0
  readonly inode: number
  pass = 0
  private readonly file: OpenFile
  private readonly head = new Uint8Array(headBytes)
  private headLength = 0
  private readonly prefix = new GrowingPrefix()
  /** Behind what was taken from it. */
  private taken: Mark = { at: 0, position: 1, pass: 0 }
  private known: FollowedMark | null = null
  private position = 0
  private seen: FileStat
  private open = true

  constructor(
    readonly path: string,
    /** As a person writes it; the newest one. */
    public name: string,
    readonly decoder: MarkedDecoder,
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

  /** What a position says of it. */
  get mark(): FollowedMark {
    const { name, inode, taken, prefix } = this
    if (this.known?.name !== name || this.known.prefix !== prefix.value)
      this.known = { name, inode, ...taken, prefix: prefix.value }
    return this.known
  }

  /** Goes on where an earlier run was; what the beginning says of the rest, such as a header, is read again. */
  goOn(mark: FollowedMark): void {
    this.taken = mark
    this.pass = mark.pass
    const space = new Uint8Array(mark.prefix.bytes)
    this.remember(
      space.subarray(
        0,
        reading(this.name, () => this.file.read(space, 0)),
      ),
      0,
    )
    if (mark.at === 0) return
    while (this.decoder.misfits === null && this.read(stepBytes) > 0);
    this.decoder.resume(mark)
    this.position = mark.at
  }

  /** The next rows that are there. */
  take(rowsMax: number): Decoded | null {
    for (;;) {
      const decoded = namingDamage(this.name, () =>
        atFailpoint('source.decode', () => this.decoder.next(asked(this, rowsMax))),
      )
      if (decoded !== null && passedOver(this, decoded)) continue
      if (decoded === null) return null
      this.taken = this.decoder.mark()
      this.known = null
      return decoded
    }
  }

  /** Reads on, at most `bytesMax` bytes, into the decoder; answers how many came. Half records wait there. */
  read(bytesMax: number): number {
    if (this.ended) return 0
    const space = this.decoder.space(bytesMax).subarray(0, bytesMax)
    const got = reading(this.name, () => this.file.read(space, this.position))
    if (got === 0) return 0
    if (this.position === 0) this.refusePacked(space.subarray(0, got))
    this.remember(space.subarray(0, got), this.position)
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
    const first = new Uint8Array(this.headLength)
    const got = reading(this.name, () => this.file.read(first, 0))
    return got === this.headLength && first.every((byte, i) => byte === this.head[i])
  }

  /** Bytes that are there and were not read yet; what was cut off is not. */
  get behind(): number {
    if (!this.open) return 0
    const { bytes } = reading(this.name, () => this.file.stat())
    return Math.max(0, bytes - this.position)
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

  private remember(bytes: Uint8Array, at: number): void {
    this.prefix.add(bytes, at)
    if (at > this.headLength) return
    const wanted = bytes.subarray(this.headLength - at, headBytes - at)
    this.head.set(wanted, this.headLength)
    this.headLength += wanted.length
  }
}

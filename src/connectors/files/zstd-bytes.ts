/**
 * Zstandard, which Node 20 does not have: fzstd unpacks, in plain JavaScript, one block at a time.
 *
 * Frames and blocks are walked here, for three things that fzstd does not do: refuse a window larger than 128 MiB
 * (as the zstd command does) before it is allocated, hand over one block a step so that 4 bytes cannot become
 * gigabytes at once, and say where a file is cut off. Layout: RFC 8878. Checksums of the content are skipped.
 */
import { Decompress } from 'fzstd'
import { damaged } from '../io-error.js'
import { type Bytes, Pieces } from './pieces.js'
import { type WatchedFile } from './watched-file.js'

const windowMax = 128 * 1024 * 1024
const blockMax = 128 * 1024
const readBytes = 256 * 1024

interface Frame {
  readonly unpack: Decompress
  readonly checksum: number
}

export class ZstdBytes implements Bytes {
  private readonly pieces = new Pieces()
  private packed = new Uint8Array(0)
  private frame: Frame | null = null

  constructor(private readonly file: WatchedFile) {}

  get position(): number {
    return this.file.position
  }

  read(space: Uint8Array): number {
    while (this.pieces.bytes === 0) {
      if (this.frame === null) {
        if (!this.enough(1)) return 0
        this.frame = this.nextFrame()
      } else if (this.block(this.frame)) {
        this.frame = null
      }
    }
    return this.pieces.take(space)
  }

  close(): void {
    this.file.close()
  }

  /** The header of a frame goes to a new decoder; null where the frame is one to skip. */
  private nextFrame(): Frame | null {
    this.enough(8)
    if (!beginsFrame(this.packed.subarray(0, 4))) this.refuse('has bytes that are not zstd')
    this.need(8)
    const magic = this.number(0, 4)
    if (magic >= 0x184d2a50 && magic <= 0x184d2a5f) {
      this.skip(8 + this.number(4, 4))
      return null
    }
    const descriptor = this.packed[4] ?? 0
    const single = (descriptor & 32) !== 0
    const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] ?? 0
    const sizeBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0
    const headerBytes = 5 + (single ? 0 : 1) + dictionaryBytes + sizeBytes
    this.need(headerBytes)
    const size = this.number(headerBytes - sizeBytes, sizeBytes) + (sizeBytes === 2 ? 256 : 0)
    const window = single ? size : windowBytes(this.packed[5] ?? 0)
    if (window > windowMax) this.refuse(`needs a window of ${window} bytes, more than ${windowMax}`)
    const unpack = new Decompress(piece => this.pieces.add(piece))
    unpack.push(this.packed.slice(0, headerBytes))
    this.packed = this.packed.subarray(headerBytes)
    return { unpack, checksum: (descriptor & 4) === 0 ? 0 : 4 }
  }

  /** Unpacks one block; answers whether it was the last one of its frame. */
  private block(frame: Frame): boolean {
    this.need(3)
    const header = this.number(0, 3)
    const last = (header & 1) === 1
    const size = header >> 3
    if (size > blockMax) this.refuse('has a damaged block')
    const length = 3 + (((header >> 1) & 3) === 1 ? 1 : size) + (last ? frame.checksum : 0)
    this.need(length)
    try {
      frame.unpack.push(this.packed.slice(0, length), last)
    } catch (cause) {
      this.refuse('has damaged zstd data', cause)
    }
    this.packed = this.packed.subarray(length)
    return last
  }

  private skip(length: number): void {
    let left = length
    while (left > 0) {
      this.need(1)
      const part = Math.min(left, this.packed.length)
      this.packed = this.packed.subarray(part)
      left -= part
    }
  }

  private need(length: number): void {
    if (!this.enough(length)) this.refuse('is cut off: its zstd data ends')
  }

  /** Reads on until `length` bytes are there; false where the file ends before. */
  private enough(length: number): boolean {
    while (this.packed.length < length) {
      const more = new Uint8Array(this.packed.length + readBytes)
      more.set(this.packed)
      const got = this.file.read(more.subarray(this.packed.length))
      if (got === 0) return false
      this.packed = more.subarray(0, this.packed.length + got)
    }
    return true
  }

  /** Little-endian; sizes of 8 bytes are only compared, so what lies beyond 2^53 may be rounded. */
  private number(from: number, bytes: number): number {
    let value = 0
    for (let i = bytes - 1; i >= 0; i -= 1) value = value * 256 + (this.packed[from + i] ?? 0)
    return value
  }

  private refuse(what: string, cause?: unknown): never {
    const at = this.file.position - this.packed.length
    throw damaged(this.file.input.name, `${what} at byte ${at}`, cause)
  }
}

/** Whether a frame, of data or to skip, begins so; fewer than 4 bytes may be the beginning of one that is cut off. */
function beginsFrame(bytes: Uint8Array): boolean {
  const isData = bytes.every((byte, i) => byte === [0x28, 0xb5, 0x2f, 0xfd][i])
  const isSkipped = bytes.every((byte, i) => (i === 0 ? byte >> 4 === 5 : byte === [0x50, 0x2a, 0x4d, 0x18][i]))
  return isData || isSkipped
}

function windowBytes(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

/**
 * Line buffer: the bytes of one file or stream that no row was made of yet, cut at newlines.
 *
 * It owns positions in the input and line numbers, and the one rule about length: a line over `lineBytesMax` is not
 * kept, only its beginning is, so memory stays bounded whatever comes in. The bytes themselves lie in an
 * `InputRegion`, which for JSON is WebAssembly memory: a file is read straight to where the scanner works.
 *
 * Behind the last filled byte there are always `padding` readable bytes, and behind a whole line stands its
 * newline, so a scanner may look ahead in blocks of 16 bytes without asking.
 */
import { type DeadRecord, type Mark } from './contract.js'

/** A longer line is a dead line (ANB4009). Bytes. */
export const lineBytesMax = 64 * 1024 * 1024
/** Characters of a dead line that its dead letter shows. */
export const deadTextMax = 4096
/** Readable bytes behind the filled ones. */
export const padding = 128

const newline = 10
const byteOrderMark = [0xef, 0xbb, 0xbf]

/** Memory for input that can grow; `bytes` changes identity when it does. */
export interface InputRegion {
  readonly bytes: Uint8Array
  /** Afterwards `bytes.length` is at least `length`; what was there stays. */
  grow(length: number): void
}

export class HeapRegion implements InputRegion {
  bytes = new Uint8Array(64 * 1024)

  grow(length: number): void {
    if (length <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(length, this.bytes.length * 2))
    larger.set(this.bytes)
    this.bytes = larger
  }
}

/** Where a line was that is too long to keep; it lies between the bytes before and after `at`. */
interface Overlong {
  readonly at: number
  readonly text: string
  readonly length: number
  /** Its bytes in the input, with the newline where it has one. */
  readonly bytes: number
}

export class LineBuffer {
  /** First byte that was not read yet, always the beginning of a line. */
  start = 0
  /** Number of the line at `start`, counted from 1. */
  line = 1
  /** Bytes of the input before the region's first one: what was let go, and the overlong lines that were taken. */
  private before = 0
  private end = 0
  private whole = 0
  finished = false
  /** The last line had no newline and got one. */
  private closed = false
  private bomSeen = false
  /** Set while the bytes of an overlong line are dropped. */
  private dropping: { text: string; length: number } | null = null
  private overlong: Overlong[] = []

  constructor(private readonly region: InputRegion) {}

  get bytes(): Uint8Array {
    return this.region.bytes
  }

  /** Whole lines may be read from `start` up to here; an overlong line ends the stretch. */
  get limit(): number {
    return this.overlong[0]?.at ?? this.whole
  }

  /** A line that is too long comes next or later. */
  get isCut(): boolean {
    return this.overlong.length > 0
  }

  get pendingBytes(): number {
    return this.whole - this.start
  }

  /** Where `start` is in the input. The newline that `finish` adds to a last line is not in it. */
  get mark(): Mark {
    const isBehindAll = this.closed && this.start === this.end
    return { at: this.before + this.start - (isBehindAll ? 1 : 0), position: this.line, pass: 0 }
  }

  space(bytes: number): Uint8Array {
    if (this.start > 0 && this.end + bytes + padding > this.region.bytes.length) this.compact()
    this.region.grow(this.end + bytes + padding)
    return this.region.bytes.subarray(this.end, this.region.bytes.length - padding)
  }

  filled(count: number): void {
    const from = this.end
    this.end += count
    if (this.dropping !== null) {
      this.drop(from)
      return
    }
    const last = this.region.bytes.subarray(from, this.end).lastIndexOf(newline)
    if (last >= 0) this.whole = from + last + 1
    if (this.end - this.whole > lineBytesMax) this.dropping = this.cut()
    this.skipByteOrderMark()
  }

  finish(): void {
    if (this.finished) return
    this.finished = true
    if (this.dropping !== null) {
      this.overlong.push({ at: this.whole, ...this.dropping, bytes: this.dropping.length })
      this.dropping = null
    } else if (this.end > this.whole) {
      this.region.grow(this.end + 1 + padding)
      this.region.bytes[this.end] = newline
      this.closed = true
      this.end += 1
      this.whole = this.end
    }
    this.skipByteOrderMark()
  }

  /** Forgets all bytes; those that come are the input's from the mark on. */
  resume({ at, position }: Mark): void {
    this.before = at
    this.line = position
    this.start = 0
    this.end = 0
    this.whole = 0
    this.finished = false
    this.closed = false
    this.bomSeen = true
    this.dropping = null
    this.overlong = []
  }

  /** Position of the newline that ends the line at `start`. */
  lineEnd(): number {
    return this.region.bytes.indexOf(newline, this.start)
  }

  /** `lines` lines were read; the next one begins at `to`. */
  advance(to: number, lines: number): void {
    this.start = to
    this.line += lines
  }

  /** The overlong line, if it comes next. */
  takeOverlong(): DeadRecord | null {
    const first = this.overlong[0]
    if (first === undefined || first.at !== this.start) return null
    this.overlong.shift()
    this.before += first.bytes
    const dead = tooLong(this.line, first.text, first.length)
    this.line += 1
    return dead
  }

  /** The text of a line as a dead letter shows it. */
  text(from: number, to: number): string {
    return deadText(this.region.bytes, from, to)
  }

  private skipByteOrderMark(): void {
    if (this.bomSeen || (this.line === 1 && this.end - this.start < 3 && !this.finished)) return
    this.bomSeen = true
    if (this.line > 1) return
    const found = byteOrderMark.every((byte, i) => this.region.bytes[this.start + i] === byte)
    if (found && this.end >= this.start + 3) {
      this.start += 3
      this.whole = Math.max(this.whole, this.start)
    }
  }

  /** Forgets the unfinished line behind the last whole one, all but its beginning. */
  private cut(): { text: string; length: number } {
    const cut = { text: this.text(this.whole, this.end), length: this.end - this.whole }
    this.end = this.whole
    return cut
  }

  private drop(from: number): void {
    const { bytes } = this.region
    const at = bytes.subarray(from, this.end).indexOf(newline)
    const dropping = this.dropping
    if (dropping === null) return
    if (at < 0) {
      dropping.length += this.end - from
      this.end = this.whole
      return
    }
    dropping.length += at
    this.overlong.push({ at: this.whole, ...dropping, bytes: dropping.length + 1 })
    this.dropping = null
    const rest = this.end - (from + at + 1)
    bytes.copyWithin(this.whole, from + at + 1, this.end)
    this.end = this.whole
    this.filled(rest)
  }

  private compact(): void {
    const { start } = this
    this.region.bytes.copyWithin(0, start, this.end)
    this.before += start
    this.start = 0
    this.end -= start
    this.whole -= start
    this.overlong = this.overlong.map(line => ({ ...line, at: line.at - start }))
  }
}

export function tooLong(line: number, text: string, length: number): DeadRecord {
  const message = `expected a line of at most ${lineBytesMax} bytes, got ${length}`
  return { position: line, text, code: 'ANB4009', message }
}

/** At most `deadTextMax` characters, without the carriage return of a CRLF. */
export function deadText(bytes: Uint8Array, from: number, to: number): string {
  const end = to > from && bytes[to - 1] === 13 ? to - 1 : to
  return new TextDecoder().decode(bytes.subarray(from, Math.min(end, from + deadTextMax * 4))).slice(0, deadTextMax)
}

/**
 * Lines out of bytes, as they come: at most one block and one unfinished line are kept. A line over the limit is told once, when it
 * has grown too long, and what still comes of it is thrown away.
 */
export type RequestLine = { readonly text: string } | 'too long'

const newline = 10

export class RequestLines {
  private unread: Uint8Array = new Uint8Array(0)
  private begun: Uint8Array[] = []
  private begunBytes = 0
  private skipping = false

  constructor(private readonly bytesMax: number) {}

  get isEmpty(): boolean {
    return this.unread.length === 0
  }

  /** The block before has to be read to its end. */
  push(bytes: Uint8Array): void {
    this.unread = this.isEmpty ? bytes : Buffer.concat([this.unread, bytes])
  }

  /** The next line; null where none is whole. */
  next(): RequestLine | null {
    while (!this.isEmpty) {
      const end = this.unread.indexOf(newline)
      const part = this.unread.subarray(0, end < 0 ? this.unread.length : end)
      this.unread = this.unread.subarray(end < 0 ? part.length : end + 1)
      const line = this.add(part, end >= 0)
      if (line !== null) return line
    }
    return null
  }

  private add(part: Uint8Array, whole: boolean): RequestLine | null {
    if (this.skipping) {
      this.skipping = !whole
      return null
    }
    this.begunBytes += part.length
    const tooLong = this.begunBytes > this.bytesMax
    if (!tooLong) this.begun.push(part)
    if (!tooLong && !whole) return null
    const text = tooLong ? '' : Buffer.concat(this.begun).toString('utf8')
    this.begun = []
    this.begunBytes = 0
    this.skipping = tooLong && !whole
    return tooLong ? 'too long' : { text }
  }
}

/**
 * Records of CSV: where the fields of one record lie. A field is plain up to the next delimiter or line end, or it
 * begins with a quote and goes on to the next quote that is not doubled, over line ends too.
 *
 * Positions go into arrays that are used again for each record; no text is made.
 */
const [newline, carriageReturn] = [10, 13]

/** How a field was written. */
export const written = { plain: 0, quoted: 1, doubled: 2 } as const

export class Records {
  /** Fields of the last record. */
  count = 0
  starts = new Int32Array(64)
  ends = new Int32Array(64)
  forms = new Uint8Array(64)
  /** Line ends inside the last record, its own included. */
  lines = 0
  /** What is wrong with the last record; its end is that of the line where this was seen. */
  fault: string | null = null

  constructor(
    private readonly delimiter: number,
    private readonly quote: number,
  ) {}

  /** Walks over the record at `from`; `limit` is behind a newline. Answers its end, or -1 where a quote stays open. */
  next(bytes: Uint8Array, from: number, limit: number): number {
    const { delimiter, quote } = this
    this.count = 0
    this.lines = 1
    this.fault = null
    let at = from
    for (;;) {
      const isQuoted = bytes[at] === quote
      const end = isQuoted ? this.quoted(bytes, at, limit) : this.plain(bytes, at)
      if (end < 0) return -1
      const byte = bytes[end] ?? newline
      if (byte === newline) return end + 1
      if (byte === delimiter) at = end + 1
      else if (byte === carriageReturn && bytes[end + 1] === newline) return end + 2
      else {
        this.fault = `expected a delimiter after the closing quote of field ${this.count}, got ${shown(byte)}`
        return bytes.indexOf(newline, end) + 1
      }
    }
  }

  private plain(bytes: Uint8Array, from: number): number {
    const { delimiter } = this
    let at = from
    let byte = bytes[at]
    while (byte !== delimiter && byte !== newline) {
      at += 1
      byte = bytes[at]
    }
    const isCrlf = byte === newline && at > from && bytes[at - 1] === carriageReturn
    this.add(from, isCrlf ? at - 1 : at, written.plain)
    return at
  }

  /** Behind the closing quote; -1 where there is none. A closing quote is never the last byte before `limit`. */
  private quoted(bytes: Uint8Array, from: number, limit: number): number {
    const { quote } = this
    let form: number = written.quoted
    for (let at = from + 1; at < limit; at++) {
      const byte = bytes[at]
      if (byte === newline) this.lines += 1
      if (byte !== quote) continue
      if (bytes[at + 1] !== quote) {
        this.add(from + 1, at, form)
        return at + 1
      }
      form = written.doubled
      at += 1
    }
    return -1
  }

  private add(start: number, end: number, form: number): void {
    const { count } = this
    if (count === this.starts.length) this.grow()
    this.starts[count] = start
    this.ends[count] = end
    this.forms[count] = form
    this.count = count + 1
  }

  private grow(): void {
    const length = this.starts.length * 2
    const wider = <T extends Int32Array | Uint8Array>(from: T, into: T): T => {
      into.set(from)
      return into
    }
    this.starts = wider(this.starts, new Int32Array(length))
    this.ends = wider(this.ends, new Int32Array(length))
    this.forms = wider(this.forms, new Uint8Array(length))
  }
}

const shown = (byte: number): string =>
  byte > 32 && byte < 127 ? JSON.stringify(String.fromCharCode(byte)) : `byte 0x${byte.toString(16).padStart(2, '0')}`

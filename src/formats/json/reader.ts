/**
 * JSON reader: one line's bytes, read token by token where they lie.
 *
 * A row is read twice: `skipValue` walks it once and proves that it is JSON (grammar, UTF-8, depth), which
 * also finds where each column's value begins; after that the columns read their values and may rely on it.
 * `JSON.parse` is not used because it rounds numbers beyond 2^53 and makes an object of every row.
 *
 * The byte at `end` is always the line's newline, which no token contains, so nothing here runs past it.
 */
import { sequenceLength } from '../../kernels/index.js'
import { LineFault } from '../line-decoder.js'

/** Values nested deeper than this are refused, whoever wrote them. */
export const depthMax = 64

export const quote = 34
export const backslash = 92
const [comma, colon, openBracket, closeBracket, openBrace, closeBrace] = [44, 58, 91, 93, 123, 125]
const [minus, plus, dot, zero, nine] = [45, 43, 46, 48, 57]

export class JsonReader {
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  end = 0
  private from = 0
  /** Names of the columns and fields around `at`, for messages. */
  readonly path: string[] = []

  open(bytes: Uint8Array, from: number, end: number): void {
    this.bytes = bytes
    this.from = from
    this.at = from
    this.end = end
    this.path.length = 0
  }

  peek(): number {
    return this.bytes[this.at] ?? 0
  }

  /** Skips white space and answers the byte behind it. */
  next(): number {
    let byte = this.peek()
    while (byte === 32 || byte === 9 || byte === 13) {
      this.at += 1
      byte = this.peek()
    }
    return byte
  }

  take(byte: number): boolean {
    if (this.next() !== byte) return false
    this.at += 1
    return true
  }

  /** Walks over one whole value, which must be JSON. `depth` is how many values lie around it. */
  skipValue(depth: number): void {
    switch (this.next()) {
      case quote:
        return this.skipString()
      case openBrace:
        return this.skipObject(depth)
      case openBracket:
        return this.skipArray(depth)
      case 116:
        return this.skipWord('true')
      case 102:
        return this.skipWord('false')
      case 110:
        return this.skipWord('null')
      default:
        return this.skipNumber()
    }
  }

  private skipObject(depth: number): void {
    this.eachMember(depth, () => this.skipValue(depth + 1))
  }

  /** Walks over an object; `member` is called at each value, with the position of its key's opening quote. */
  eachMember(depth: number, member: (key: number) => void): void {
    this.enter(depth)
    if (this.take(closeBrace)) return
    do {
      if (this.next() !== quote) this.fail('a key in double quotes')
      const key = this.at
      this.skipString()
      if (!this.take(colon)) this.fail('":" after a key')
      member(key)
    } while (this.take(comma))
    if (!this.take(closeBrace)) this.fail('"," or "}"')
  }

  private skipArray(depth: number): void {
    this.eachItem(depth, () => this.skipValue(depth + 1))
  }

  eachItem(depth: number, item: () => void): void {
    this.enter(depth)
    if (this.take(closeBracket)) return
    do item()
    while (this.take(comma))
    if (!this.take(closeBracket)) this.fail('"," or "]"')
  }

  private enter(depth: number): void {
    if (depth >= depthMax) throw new LineFault(`expected at most ${depthMax} nested values, got more`)
    this.at += 1
  }

  /** Walks over a string: its quotes, its escapes, its UTF-8. */
  skipString(): void {
    this.at += 1
    for (;;) {
      const byte = this.peek()
      if (byte === quote) break
      if (byte === backslash) this.skipEscape()
      else if (byte < 32) this.failInString(byte)
      else if (byte < 0x80) this.at += 1
      else {
        const length = sequenceLength(this.bytes, this.at, this.end)
        if (length === 0) throw new LineFault(`expected UTF-8, got byte 0x${byte.toString(16)} at byte ${this.place()}`)
        this.at += length
      }
    }
    this.at += 1
  }

  private failInString(byte: number): never {
    if (this.at >= this.end) throw new LineFault('expected a closing quote, got the end of the line')
    const shown = `0x${byte.toString(16).padStart(2, '0')}`
    throw new LineFault(`expected no control character inside a string, got byte ${shown} at byte ${this.place()}`)
  }

  private skipEscape(): void {
    this.at += 1
    const byte = this.peek()
    if (byte !== 117) {
      if (!'"\\/bfnrt'.includes(String.fromCharCode(byte))) this.fail('an escape that JSON has')
      this.at += 1
      return
    }
    const unit = this.unicodeEscape()
    if (unit >= 0xdc00 && unit <= 0xdfff) this.failSurrogate()
    if (unit < 0xd800 || unit > 0xdbff) return
    if (this.peek() !== backslash || this.bytes[this.at + 1] !== 117) this.failSurrogate()
    this.at += 1
    const low = this.unicodeEscape()
    if (low < 0xdc00 || low > 0xdfff) this.failSurrogate()
  }

  /** At the `u` of an escape: the code unit behind it. */
  unicodeEscape(): number {
    let unit = 0
    for (let i = 1; i <= 4; i++) {
      const digit = hexDigit(this.bytes[this.at + i] ?? 0)
      if (digit < 0) this.fail('four hexadecimal digits')
      unit = unit * 16 + digit
    }
    this.at += 5
    return unit
  }

  private failSurrogate(): never {
    throw new LineFault(`expected a pair of surrogates, got one alone before byte ${this.place()}`)
  }

  private skipNumber(): void {
    const from = this.at
    if (this.peek() === minus) this.at += 1
    if (this.peek() === zero) this.at += 1
    else if (!this.skipDigits()) {
      this.at = from
      this.fail('a value')
    }
    if (this.peek() === dot) {
      this.at += 1
      if (!this.skipDigits()) this.fail('a digit after "."')
    }
    if ((this.peek() | 32) === 101) {
      this.at += 1
      if (this.peek() === minus || this.peek() === plus) this.at += 1
      if (!this.skipDigits()) this.fail('a digit in the exponent')
    }
  }

  private skipDigits(): boolean {
    const from = this.at
    let byte = this.peek()
    while (byte >= zero && byte <= nine) {
      this.at += 1
      byte = this.peek()
    }
    return this.at > from
  }

  private skipWord(word: string): void {
    for (let i = 0; i < word.length; i++) {
      if (this.bytes[this.at + i] !== word.charCodeAt(i)) this.fail('a value')
    }
    this.at += word.length
  }

  /** Bytes from `from` to `to` as text; only for ASCII. */
  ascii(from: number, to: number): string {
    let text = ''
    for (let i = from; i < to; i++) text += String.fromCharCode(this.bytes[i] ?? 0)
    return text
  }

  /** Throws: what stands at `at` is not `expected`. */
  fail(expected: string): never {
    if (this.at >= this.end) throw new LineFault(`expected ${expected}, got the end of the line`)
    throw new LineFault(`expected ${expected}, got ${this.character()} at byte ${this.place()}`)
  }

  /** What stands at `at`, also where nobody could see it: a byte order mark, half a character. */
  private character(): string {
    const first = this.bytes[this.at] ?? 0
    const length = first < 0x80 ? 1 : sequenceLength(this.bytes, this.at, this.end)
    if (length === 0) return `byte 0x${first.toString(16)}`
    const shown = new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.bytes.subarray(this.at, this.at + length))
    const isHidden = length > 1 && /^[\p{C}\p{Z}]/u.test(shown)
    return isHidden
      ? `U+${(shown.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`
      : JSON.stringify(shown)
  }

  /** Throws: the value at `at` is valid JSON of another type than the column's. */
  failType(expected: string): never {
    const where = this.path.length === 0 ? '' : `column "${this.path.join('.')}": `
    throw new LineFault(`${where}expected ${expected}, got ${this.describe()}`)
  }

  /** The value at `at` in words. */
  private describe(): string {
    const from = this.at
    const first = this.next()
    if (first === openBrace) return 'an object'
    if (first === openBracket) return 'an array'
    this.skipValue(0)
    const whole = this.bytes.subarray(from, Math.min(this.at, from + 160))
    this.at = from
    const text = new TextDecoder().decode(whole)
    const shown = text.length > 40 ? `${text.slice(0, 40)}...` : text
    return first === quote ? `the string ${shown}` : shown
  }

  /** Bytes from the beginning of the line, counted from 1. */
  private place(): number {
    return this.at - this.from + 1
  }
}

export function hexDigit(byte: number): number {
  if (byte >= zero && byte <= nine) return byte - zero
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

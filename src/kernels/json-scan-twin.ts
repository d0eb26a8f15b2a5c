/**
 * The plain twin of wasm/json-scan.ts: same memory, same answers, byte by byte. It is the oracle of the tests
 * and does the work where WebAssembly SIMD is refused; read it to know what the other one does.
 */
import { parseDate, parseTime } from './iso-time.js'
import { position, nullable, nullsAt, spelling, step, stepBytes, stepKind, styleAt } from './json-memory.js'
import { type Scan } from './json-scan.js'
import { type KernelMemory } from './module.js'
import { utf8Fault } from './text-utf8.js'

const [quote, minus, plus, point, newline, carriageReturn, close] = [34, 45, 43, 46, 10, 13, 125]
const int64Max = 0x7fff_ffff_ffff_ffffn
const significantMax = 19
/** The one spelling of a time that is scanned; there are others. */
const timePattern = /^(\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?)"/

export function twinScan(memory: KernelMemory): Scan {
  const twin = new ScanTwin(memory)
  return (source, end, first, limit, steps, count, spaced) => {
    twin.refresh()
    return twin.scan(source, end, first, limit, steps, steps + count * stepBytes, spaced)
  }
}

class ScanTwin {
  private view = new DataView(new ArrayBuffer(0))
  private bytes = new Uint8Array(0)

  constructor(private readonly memory: KernelMemory) {}

  /** The buffer of a memory is another one after it grew. */
  refresh(): void {
    if (this.view.buffer === this.memory.buffer) return
    this.view = new DataView(this.memory.buffer)
    this.bytes = new Uint8Array(this.memory.buffer)
  }

  scan(
    source: number,
    end: number,
    first: number,
    limit: number,
    steps: number,
    stepsEnd: number,
    spaced: number,
  ): number {
    let [at, row, style, tried] = [source, first, spaced, false]
    while (row < limit && at < end) {
      if ((row & 7) === 0) this.clearBits(row, steps, stepsEnd)
      const next = this.row(at, row, steps, stepsEnd, style)
      if (next !== 0) {
        at = next
        row += 1
        tried = false
        continue
      }
      this.undoRow(row, steps, stepsEnd)
      style ^= 1
      if (tried) break
      tried = true
    }
    this.view.setUint32(position, at, true)
    this.view.setUint32(styleAt, style, true)
    return row
  }

  /** Where the next row begins; 0 where this one is not as expected. */
  private row(from: number, row: number, steps: number, stepsEnd: number, style: number): number {
    let at = from
    for (let s = steps; s < stepsEnd; s += stepBytes) {
      const behind = this.key(at, s + step.spelling + style * spelling.bytes)
      if (behind === 0) {
        if (s === steps || !this.missing(s, row)) return 0
        continue
      }
      at = this.byte(behind) === 110 ? this.null(behind, s, row) : this.value(behind, s, row)
      if (at === 0) return 0
    }
    if (this.byte(at) !== close) return 0
    if (this.byte(at + 1) === newline) return at + 2
    return this.byte(at + 1) === carriageReturn && this.byte(at + 2) === newline ? at + 3 : 0
  }

  private key(at: number, s: number): number {
    const length = this.view.getUint32(s + spelling.length, true)
    const text = this.view.getUint32(s + spelling.text, true)
    for (let i = 0; i < length; i++) if (this.bytes[at + i] !== this.bytes[text + i]) return 0
    return at + length
  }

  private value(at: number, s: number, row: number): number {
    const kind = this.view.getInt32(s + step.kind, true)
    if (kind === stepKind.utf8) return this.string(at, s, row)
    if (kind === stepKind.bool) return this.bool(at, s, row)
    if (kind === stepKind.date32 && this.byte(at) === quote) return this.date(at, s, row)
    if (kind === stepKind.timestamp && this.byte(at) === quote) return this.time(at, s, row)
    if (kind === stepKind.float64 || kind === stepKind.float32) return this.float(at, s, row, kind)
    return this.integer(at, s, row, kind)
  }

  private string(at: number, s: number, row: number): number {
    if (this.byte(at) !== quote) return 0
    let end = at + 1
    let byte = this.byte(end)
    while (byte >= 32 && byte !== quote && byte !== 92) byte = this.byte(++end)
    if (byte !== quote || utf8Fault(this.bytes, at + 1, end) >= 0) return 0
    const offsets = this.address(s + step.offsets) + row * 4
    const into = this.view.getUint32(offsets, true)
    this.bytes.copyWithin(this.address(s + step.values) + into, at + 1, end)
    this.view.setUint32(offsets + 4, into + end - at - 1, true)
    return end + 1
  }

  private bool(at: number, s: number, row: number): number {
    if (this.isWord(at, 'false')) return at + 5
    if (!this.isWord(at, 'true')) return 0
    const byte = this.address(s + step.values) + (row >> 3)
    this.bytes[byte] = this.byte(byte) | (1 << (row & 7))
    return at + 4
  }

  private float(at: number, s: number, row: number, kind: number): number {
    const end = this.numberEnd(at)
    if (end === 0) return 0
    const text = this.ascii(at, end)
    const value = Number(text)
    const rounded = kind === stepKind.float32 ? Math.fround(value) : value
    if (significantDigits(text) > significantMax || !Number.isFinite(rounded)) return 0
    const values = this.address(s + step.values)
    if (kind === stepKind.float32) this.view.setFloat32(values + row * 4, value, true)
    else this.view.setFloat64(values + row * 8, value, true)
    return end
  }

  private date(at: number, s: number, row: number): number {
    const days = parseDate(this.ascii(at + 1, at + 11))
    if (days === null || this.byte(at + 11) !== quote) return 0
    this.view.setInt32(this.address(s + step.values) + row * 4, days, true)
    return at + 12
  }

  private time(at: number, s: number, row: number): number {
    const text = timePattern.exec(this.ascii(at + 1, at + 40))?.[1]
    const digits = this.address(s + step.digits)
    const value = text === undefined ? null : parseTime(text, digits)
    if (text === undefined || value === null || (digits === 9 && beyondNanoseconds(value))) return 0
    this.view.setBigInt64(this.address(s + step.values) + row * 8, value, true)
    return at + text.length + 2
  }

  private integer(at: number, s: number, row: number, kind: number): number {
    const from = this.byte(at) === minus ? at + 1 : at
    const end = this.digitsEnd(from)
    if (end === from || end - from > significantMax || (this.byte(from) === 48 && end - from > 1)) return 0
    const value = BigInt(this.ascii(at, end))
    if (value > int64Max || value < -int64Max - 1n) return 0
    return this.storeInteger(value, this.address(s + step.values), row, kind) ? end : 0
  }

  private storeInteger(value: bigint, values: number, row: number, kind: number): boolean {
    const signed = kind < 32
    const bytes = widthOf(kind)
    const bits = bytes * 8
    if ((signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value)) !== value) return false
    const low = BigInt.asUintN(bits, value)
    if (bytes === 8) this.view.setBigUint64(values + row * 8, low, true)
    else if (bytes === 4) this.view.setUint32(values + row * 4, Number(low), true)
    else if (bytes === 2) this.view.setUint16(values + row * 2, Number(low), true)
    else this.view.setUint8(values + row, Number(low))
    return true
  }

  private null(at: number, s: number, row: number): number {
    return this.isWord(at, 'null') && this.missing(s, row) ? at + 4 : 0
  }

  private missing(s: number, row: number): boolean {
    if ((this.view.getUint32(s + step.flags, true) & nullable) === 0) return false
    const kind = this.view.getInt32(s + step.kind, true)
    const values = this.address(s + step.values)
    const offsets = this.address(s + step.offsets) + row * 4
    if (kind === stepKind.utf8) this.view.setUint32(offsets + 4, this.view.getUint32(offsets, true), true)
    else if (kind !== stepKind.bool) {
      const width = widthOf(kind)
      this.bytes.fill(0, values + row * width, values + (row + 1) * width)
    }
    const byte = this.address(s + step.validity) + (row >> 3)
    this.bytes[byte] = this.byte(byte) & ~(1 << (row & 7))
    this.view.setUint32(nullsAt, 1, true)
    return true
  }

  private clearBits(row: number, steps: number, stepsEnd: number): void {
    for (let s = steps; s < stepsEnd; s += stepBytes) {
      this.bytes[this.address(s + step.validity) + (row >> 3)] = 0xff
      if (this.isBool(s)) this.bytes[this.address(s + step.values) + (row >> 3)] = 0
    }
  }

  private undoRow(row: number, steps: number, stepsEnd: number): void {
    const bit = 1 << (row & 7)
    for (let s = steps; s < stepsEnd; s += stepBytes) {
      const validity = this.address(s + step.validity) + (row >> 3)
      this.bytes[validity] = this.byte(validity) | bit
      if (!this.isBool(s)) continue
      const values = this.address(s + step.values) + (row >> 3)
      this.bytes[values] = this.byte(values) & ~bit
    }
  }

  /** Behind a number by the grammar of JSON; 0 where there is none. */
  private numberEnd(from: number): number {
    const first = this.byte(from) === minus ? from + 1 : from
    let at = this.digitsEnd(first)
    if (at === first || (this.byte(first) === 48 && at - first > 1)) return 0
    if (this.byte(at) === point) {
      const fraction = this.digitsEnd(at + 1)
      if (fraction === at + 1) return 0
      at = fraction
    }
    if ((this.byte(at) | 32) !== 101) return at
    const sign = this.byte(at + 1)
    const exponent = sign === minus || sign === plus ? at + 2 : at + 1
    const end = this.digitsEnd(exponent)
    return end === exponent ? 0 : end
  }

  private digitsEnd(from: number): number {
    let at = from
    while (this.byte(at) >= 48 && this.byte(at) <= 57) at += 1
    return at
  }

  private isWord(at: number, word: string): boolean {
    for (let i = 0; i < word.length; i++) if (this.byte(at + i) !== word.charCodeAt(i)) return false
    return true
  }

  private isBool(s: number): boolean {
    return this.view.getInt32(s + step.kind, true) === stepKind.bool
  }

  private ascii(from: number, to: number): string {
    let text = ''
    for (let i = from; i < to; i++) text += String.fromCharCode(this.byte(i))
    return text
  }

  private address(at: number): number {
    return this.view.getUint32(at, true)
  }

  private byte(at: number): number {
    return this.bytes[at] ?? 0
  }
}

/** The last second at either end of what 64 bits hold is left to the slow way. */
const beyondNanoseconds = (value: bigint): boolean => {
  return value < -9_223_372_035_000_000_000n || value >= 9_223_372_036_000_000_000n
}

function widthOf(kind: number): number {
  if (kind === stepKind.float32 || kind === stepKind.date32) return 4
  return kind < 16 ? 8 : kind & 15
}

function significantDigits(text: string): number {
  return text
    .replace(/[eE].*/, '')
    .replace(/[-.]/g, '')
    .replace(/^0+/, '').length
}

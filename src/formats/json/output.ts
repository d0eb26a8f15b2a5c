/** Output: bytes that grow, and the JSON texts of single values. */
const roomMin = 64 * 1024
const hex = '0123456789abcdef'
const shortEscapes = new Map([
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
  [34, '"'],
  [92, '\\'],
])

export class Output {
  bytes = new Uint8Array(roomMin)
  length = 0

  need(bytes: number): void {
    if (this.length + bytes <= this.bytes.length) return
    const larger = new Uint8Array(Math.max(this.length + bytes, this.bytes.length * 2))
    larger.set(this.bytes.subarray(0, this.length))
    this.bytes = larger
  }

  byte(byte: number): void {
    this.need(1)
    this.bytes[this.length++] = byte
  }

  /** Text of ASCII characters. */
  ascii(text: string): void {
    this.need(text.length)
    for (let i = 0; i < text.length; i++) this.bytes[this.length + i] = text.charCodeAt(i)
    this.length += text.length
  }

  copy(from: Uint8Array, start: number, end: number): void {
    this.need(end - start)
    if (end - start > 64) this.bytes.set(from.subarray(start, end), this.length)
    else for (let i = start; i < end; i++) this.bytes[this.length + i - start] = from[i] ?? 0
    this.length += end - start
  }

  /** UTF-8 bytes as a JSON string. */
  string(from: Uint8Array, start: number, end: number): void {
    this.byte(34)
    let begin = start
    for (let i = start; i < end; i++) {
      const byte = from[i] ?? 0
      if (byte >= 32 && byte !== 34 && byte !== 92) continue
      this.copy(from, begin, i)
      this.escape(byte)
      begin = i + 1
    }
    this.copy(from, begin, end)
    this.byte(34)
  }

  private escape(byte: number): void {
    const short = shortEscapes.get(byte)
    this.ascii(short === undefined ? `\\u00${hex[byte >> 4]}${hex[byte & 15]}` : `\\${short}`)
  }
}

/** The JSON text of a finite number, as JavaScript writes it: the shortest that reads back the same. */
export const floatText = (value: number): string =>
  Number.isFinite(value) ? (Object.is(value, -0) ? '-0' : String(value)) : 'null'

/** The shortest text that reads back as the same float32; of two as near, the one whose last digit is even. */
export function float32Text(value: number): string {
  if (!Number.isFinite(value) || value === 0) return floatText(value)
  for (let digits = 1; digits < 9; digits++) {
    const candidate = toEven(value, digits)
    if (Math.fround(candidate) === value) return String(candidate)
  }
  return String(toEven(value, 9))
}

/** The value rounded to some digits; `toPrecision` alone takes the larger where two are as near. */
function toEven(value: number, digits: number): number {
  const rounded = Number(value.toPrecision(digits))
  const exact = value.toExponential(100)
  const last = exact
    .replace(/[-.]/g, '')
    .slice(digits - 1)
    .replace(/e.*/, '')
  if (!/^[02468]50*$/.test(last)) return rounded
  const shorter = exact.slice(0, exact.indexOf('e')).replace(/0+$/, '').slice(0, -1)
  return Number(shorter + exact.slice(exact.indexOf('e')))
}

/** A decimal with all its digits: 12.50 at scale 2, 1200 at scale -2. */
export function decimalText(value: bigint, scale: number): string {
  const negative = value < 0n
  const digits = (negative ? -value : value).toString()
  const sign = negative ? '-' : ''
  if (scale <= 0) return sign + (digits === '0' ? '0' : digits + '0'.repeat(-scale))
  const padded = digits.padStart(scale + 1, '0')
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`
}

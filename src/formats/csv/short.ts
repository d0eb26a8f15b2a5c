/**
 * Short values: the common forms of numbers and times, read from bytes without a text in between. NaN is the answer
 * to every other form, which a slower reader then takes or refuses.
 */
import { daysOf } from '../../kernels/index.js'

const [plus, minus, dot, zero, nine, colon] = [43, 45, 46, 48, 57, 58]
/** Digits that a JavaScript number holds exactly, and the powers of ten that it does. */
const exactDigits = 15
const tens = Array.from({ length: exactDigits + 1 }, (_, i) => 10 ** i)

/** A whole number of at most 15 digits. */
export function shortWhole(bytes: Uint8Array, from: number, to: number): number {
  const isNegative = bytes[from] === minus
  const first = isNegative ? from + 1 : from
  if (to - first > exactDigits) return Number.NaN
  const value = digitsAt(bytes, first, to)
  return isNegative ? -value : value
}

/** A number of at most 15 digits without an exponent. Both steps are exact, so it is rounded once. */
export function shortFloat(bytes: Uint8Array, from: number, to: number): number {
  const isNegative = bytes[from] === minus
  const first = isNegative ? from + 1 : from
  if (to - first > exactDigits + 1) return Number.NaN
  let [value, digits, fraction] = [0, 0, -1]
  for (let at = first; at < to; at++) {
    const byte = bytes[at] ?? 0
    if (byte === dot && fraction < 0 && digits > 0) {
      fraction = digits
      continue
    }
    const digit = byte - zero
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
    digits += 1
  }
  if (digits === 0 || digits > exactDigits || fraction === digits) return Number.NaN
  const exact = fraction < 0 ? value : value / (tens[digits - fraction] ?? 1)
  return isNegative ? -exact : exact
}

/** Whether `Number(text)` is what the bytes say: a number as JSON writes it. */
export function isNumber(bytes: Uint8Array, from: number, to: number): boolean {
  let at = digitsEnd(bytes, bytes[from] === minus ? from + 1 : from, to)
  if (at === from || bytes[at - 1] === minus) return false
  if (at < to && bytes[at] === dot) {
    const fraction = digitsEnd(bytes, at + 1, to)
    if (fraction === at + 1) return false
    at = fraction
  }
  if (at === to) return true
  if (((bytes[at] ?? 0) | 32) !== 101) return false
  const sign = bytes[at + 1] === minus || bytes[at + 1] === plus ? 1 : 0
  return at + 1 + sign < to && digitsEnd(bytes, at + 1 + sign, to) === to
}

/** Units since 1970 of `YYYY-MM-DDTHH:MM:SS`, a fraction of at most the unit's digits and perhaps `Z`, where that is exact. */
export function shortTime(bytes: Uint8Array, from: number, to: number, unitDigits: number): number {
  const isShape = bytes[from + 10] === 84 || bytes[from + 10] === 32
  if (to - from < 19 || !isShape || bytes[from + 13] !== colon || bytes[from + 16] !== colon) return Number.NaN
  const days = shortDate(bytes, from, from + 10)
  const hours = digitsAt(bytes, from + 11, from + 13)
  const minutes = digitsAt(bytes, from + 14, from + 16)
  const seconds = digitsAt(bytes, from + 17, from + 19)
  const end = bytes[to - 1] === 90 ? to - 1 : to
  if (!(hours < 24 && minutes < 60 && seconds < 60)) return Number.NaN
  const fraction = shortFraction(bytes, from + 19, end, unitDigits)
  const value = (days * 86_400 + hours * 3_600 + minutes * 60 + seconds) * (tens[unitDigits] ?? 1) + fraction
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : Number.NaN
}

function shortFraction(bytes: Uint8Array, from: number, to: number, unitDigits: number): number {
  if (from === to) return 0
  if (bytes[from] !== dot || to - from - 1 > unitDigits) return Number.NaN
  return digitsAt(bytes, from + 1, to) * (tens[unitDigits - (to - from - 1)] ?? 1)
}

/** Days since 1970 of `YYYY-MM-DD`. */
export function shortDate(bytes: Uint8Array, from: number, to: number): number {
  if (to - from !== 10 || bytes[from + 4] !== minus || bytes[from + 7] !== minus) return Number.NaN
  const year = digitsAt(bytes, from, from + 4)
  const month = digitsAt(bytes, from + 5, from + 7)
  const day = digitsAt(bytes, from + 8, from + 10)
  if (Number.isNaN(year + month + day)) return Number.NaN
  return daysOf(year, month, day) ?? Number.NaN
}

/** The digits between `from` and `to`, at least one and at most 15. */
function digitsAt(bytes: Uint8Array, from: number, to: number): number {
  if (from >= to) return Number.NaN
  let value = 0
  for (let at = from; at < to; at++) {
    const digit = (bytes[at] ?? 0) - zero
    if (digit < 0 || digit > 9) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

function digitsEnd(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to && (bytes[at] ?? 0) >= zero && (bytes[at] ?? 0) <= nine) at += 1
  return at
}

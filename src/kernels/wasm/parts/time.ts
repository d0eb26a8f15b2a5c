/** Dates and times as ISO-8601 text. Part of json-scan; the tables are those of ../../json-memory.ts. */
import { digits16 } from './digits'

const TIME_DIGITS: usize = 2048
const POINT: usize = 4096
const QUOTE: u8 = 34
const MINUS: u8 = 45

/** Days since 1970-01-01, counting years from March so that a leap day comes last; i32.MIN_VALUE where there is no such day. */
function daysOf(year: i32, month: i32, day: i32): i32 {
  if (month < 1 || month > 12 || day < 1 || day > 31) return i32.MIN_VALUE
  if (day > 28) {
    const leap = (year & 3) == 0 && (year % 100 != 0 || year % 400 == 0)
    if (day > (month == 2 ? 28 + (leap as i32) : 30 + ((month ^ (month >> 3)) & 1))) return i32.MIN_VALUE
  }
  // Years and months are counted from March of the year -400 on, which keeps the divisions positive.
  const march = (year + 400 - ((month <= 2) as i32)) as u32
  const ofYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
  return (365 * march + march / 4 - march / 100 + march / 400) as i32 + ofYear - 719468 - 146097
}

/** `YYYY-MM-DD"` to days. */
export function scanDate(at: usize, step: usize, row: i32): usize {
  const bytes = i8x16.sub(v128.load(at), i8x16.splat(48))
  if ((i8x16.bitmask(i8x16.lt_u(bytes, i8x16.splat(10))) & 0x3ff) != 0x36f) return 0
  if (load<u8>(at + 4) != MINUS || load<u8>(at + 7) != MINUS || load<u8>(at + 10) != QUOTE) return 0
  const days = daysAt(bytes)
  if (days == i32.MIN_VALUE) return 0
  store<i32>((load<u32>(step + 4) as usize) + ((row as usize) << 2), days)
  return at + 11
}

// @ts-ignore: decorator
@inline
function pairsOf(bytes: v128): v128 {
  const digits = i8x16.swizzle(bytes, v128.load(TIME_DIGITS))
  return i16x8.add(i16x8.mul(v128.and(digits, i16x8.splat(0xff)), i16x8.splat(10)), i16x8.shr_u(digits, 8))
}

// @ts-ignore: decorator
@inline
function daysAt(bytes: v128): i32 {
  const pairs = pairsOf(bytes)
  const year = (i16x8.extract_lane_u(pairs, 0) as i32) * 100 + (i16x8.extract_lane_u(pairs, 1) as i32)
  return daysOf(year, i16x8.extract_lane_u(pairs, 2) as i32, i16x8.extract_lane_u(pairs, 3) as i32)
}

/** `YYYY-MM-DDTHH:MM:SS`, a fraction of up to nine digits, `Z` or an offset; other spellings are not for us. */
export function scanTime(from: usize, step: usize, row: i32): usize {
  const bytes = i8x16.sub(v128.load(from), i8x16.splat(48))
  if (i8x16.bitmask(i8x16.lt_u(bytes, i8x16.splat(10))) != 0xdb6f) return 0
  if (load<u8>(from + 4) != MINUS || load<u8>(from + 7) != MINUS || load<u8>(from + 13) != 58) return 0
  const between = load<u8>(from + 10)
  if ((between != 84 && between != 32) || load<u8>(from + 16) != 58) return 0
  const days = daysAt(bytes)
  const pairs = pairsOf(bytes)
  const hour = i16x8.extract_lane_u(pairs, 4) as u32
  const minute = i16x8.extract_lane_u(pairs, 5) as u32
  const tens = (load<u8>(from + 17) as u32) - 48
  const ones = (load<u8>(from + 18) as u32) - 48
  if (days == i32.MIN_VALUE || hour > 23 || minute > 59 || tens > 5 || ones > 9) return 0
  let seconds = (days as i64) * 86400 + ((hour * 3600 + minute * 60 + tens * 10 + ones) as i64)
  const digits = load<i32>(step + 20)
  let at = from + 19
  let part: u64 = 0
  if (load<u8>(at) == 46) {
    const rest = i8x16.sub(v128.load(at + 1), i8x16.splat(48))
    const count = ctz(~i8x16.bitmask(i8x16.lt_u(rest, i8x16.splat(10))))
    if (count == 0 || count > 9) return 0
    part = digits16(i8x16.swizzle(rest, v128.load(POINT + (count << 8))))
    for (let i = count; i < digits; i++) part *= 10
    for (let i = digits; i < count; i++) part /= 10
    at += 1 + count
  }
  const zone = load<u8>(at)
  if (zone == 90) at++
  else if (zone != QUOTE) {
    const shift = offsetAt(at, zone)
    if (shift == i32.MIN_VALUE) return 0
    seconds -= shift as i64
    at += 6
  }
  if (load<u8>(at) != QUOTE) return 0
  if (digits == 9 && (seconds > 9223372035 || seconds < -9223372035)) return 0
  store<i64>((load<u32>(step + 4) as usize) + ((row as usize) << 3), seconds * perSecond(digits) + (part as i64))
  return at + 1
}

/** Seconds of an offset written `+HH:MM`. */
function offsetAt(at: usize, sign: u8): i32 {
  if ((sign != 43 && sign != MINUS) || load<u8>(at + 3) != 58) return i32.MIN_VALUE
  const a = (load<u8>(at + 1) as i32) - 48
  const b = (load<u8>(at + 2) as i32) - 48
  const c = (load<u8>(at + 4) as i32) - 48
  const d = (load<u8>(at + 5) as i32) - 48
  if ((a as u32) > 9 || (b as u32) > 9 || (c as u32) > 5 || (d as u32) > 9 || a * 10 + b > 23) return i32.MIN_VALUE
  const seconds = (a * 10 + b) * 3600 + (c * 10 + d) * 60
  return sign == MINUS ? -seconds : seconds
}

// @ts-ignore: decorator
@inline
function perSecond(digits: i32): i64 {
  return digits == 3 ? 1000 : digits == 6 ? 1000000 : digits == 9 ? 1000000000 : 1
}

/**
 * Columns to JSON lines. Compiled to WebAssembly; its plain twin is formats/json/writers.ts, which writes the
 * same bytes value by value. Addresses stand in ../json-write.ts too.
 *
 * A row is a list of steps, one a column: copy the key, write the value. Text is copied 16 bytes at a time, so
 * the output always has `ROOM` bytes more than a value needs; the write stops before a row that may not fit.
 */
import { shortest, shortestExponent } from './parts/shortest'

const PAIRS: usize = 1024
const POSITION: usize = 64
const DAY: usize = 80
const DAY_TEXT: usize = 96
const DIGITS: usize = 128
const ROOM: usize = 128

const QUOTE: u8 = 34
const MINUS: u8 = 45

/** Writes rows from `first` on, before row `limit`, to `out`; answers the row before which `outEnd` came too near. */
export function write(first: i32, limit: i32, steps: usize, count: i32, out: usize, outEnd: usize): i32 {
  const stepsEnd = steps + ((count as usize) << 6)
  let at = out
  let row = first
  while (row < limit) {
    const next = writeRow(at, outEnd, row, steps, stepsEnd)
    if (next == 0) break
    at = next
    row++
  }
  store<u32>(POSITION, at as u32)
  return row
}

// @ts-ignore: decorator
@inline
function writeRow(from: usize, outEnd: usize, row: i32, steps: usize, stepsEnd: usize): usize {
  let at = from
  for (let step = steps; step < stepsEnd; step += 64) {
    const length = load<u32>(step + 20) as usize
    if (at + length + ROOM > outEnd) return 0
    const key = load<u32>(step + 16) as usize
    v128.store(at, v128.load(key))
    if (length > 16) copy(at + 16, key + 16, length - 16)
    at += length
    const kind = load<i32>(step)
    const values = load<u32>(step + 4) as usize
    if (isNull(step, row)) {
      store<u32>(at, 0x6c6c756e)
      at += 4
    } else if (kind == 1) at = writeFloat(at, load<f64>(values + ((row as usize) << 3)))
    else if (kind == 2) at = writeInteger(at, load<i64>(values + ((row as usize) << 3)))
    else if (kind == 0) {
      at = writeString(at, outEnd, step, row, values)
      if (at == 0) return 0
    } else if (kind == 5) {
      at = writeRaw(at, outEnd, step, row, values)
      if (at == 0) return 0
    } else at = writeOther(at, step, row, values, kind)
  }
  store<u16>(at, 0x0a7d)
  return at + 2
}

// @ts-ignore: decorator
@inline
function isNull(step: usize, row: i32): bool {
  const validity = load<u32>(step + 12) as usize
  return validity != 0 && ((load<u8>(validity + ((row as usize) >> 3)) >> ((row & 7) as u8)) & 1) == 0
}

/** Copies up to 15 bytes too many. */
// @ts-ignore: decorator
@inline
function copy(to: usize, from: usize, length: usize): void {
  for (let i: usize = 0; i < length; i += 16) v128.store(to + i, v128.load(from + i))
}

// @ts-ignore: decorator
@inline
function writeString(out: usize, outEnd: usize, step: usize, row: i32, values: usize): usize {
  const offsets = (load<u32>(step + 8) as usize) + ((row as usize) << 2)
  let p = values + (load<u32>(offsets) as usize)
  const end = values + (load<u32>(offsets + 4) as usize)
  if (out + (end - p) * 6 + ROOM > outEnd) return 0
  let at = out
  store<u8>(at++, QUOTE)
  while (p < end) {
    const bytes = v128.load(p)
    v128.store(at, bytes)
    const special = v128.or(i8x16.eq(bytes, i8x16.splat(34)), i8x16.eq(bytes, i8x16.splat(92)))
    const stop = i8x16.bitmask(v128.or(special, i8x16.lt_u(bytes, i8x16.splat(32)))) as u32
    const left = (end - p) as u32
    const n = min(min(ctz(stop | 0x10000), 16), left)
    p += n
    at += n
    if (n < 16 && n < left) at = writeEscape(at, load<u8>(p++))
  }
  store<u8>(at, QUOTE)
  return at + 1
}

function writeEscape(at: usize, byte: u8): usize {
  store<u8>(at, 92)
  let short: u8 = 0
  if (byte == 34 || byte == 92) short = byte
  else if (byte == 10) short = 110
  else if (byte == 13) short = 114
  else if (byte == 9) short = 116
  else if (byte == 8) short = 98
  else if (byte == 12) short = 102
  if (short) {
    store<u8>(at + 1, short)
    return at + 2
  }
  store<u32>(at + 1, 0x30303075)
  const low = byte & 15
  store<u8>(at + 4, 48 + (byte >> 4))
  store<u8>(at + 5, low < 10 ? 48 + low : 87 + low)
  return at + 6
}

/** JSON that was written already. */
function writeRaw(out: usize, outEnd: usize, step: usize, row: i32, values: usize): usize {
  const offsets = (load<u32>(step + 8) as usize) + ((row as usize) << 2)
  const from = load<u32>(offsets) as usize
  const length = (load<u32>(offsets + 4) as usize) - from
  if (out + length + ROOM > outEnd) return 0
  copy(out, values + from, length)
  return out + length
}

// @ts-ignore: decorator
@inline
function pair(at: usize, value: u32): void {
  store<u16>(at, load<u16>(PAIRS + ((value as usize) << 1)))
}

/** Eight digits with leading zeros. */
// @ts-ignore: decorator
@inline
function eight(at: usize, value: u32): void {
  const high = value / 10000
  const low = value - high * 10000
  const a = high / 100
  const b = low / 100
  pair(at, a)
  pair(at + 2, high - a * 100)
  pair(at + 4, b)
  pair(at + 6, low - b * 100)
}

/** A number below 10^8. */
function writeSmall(at: usize, value: u32): usize {
  let n: usize
  if (value < 10000) n = value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
  else n = value < 1000000 ? (value < 100000 ? 5 : 6) : value < 10000000 ? 7 : 8
  let p = at + n
  let rest = value
  while (rest >= 100) {
    const next = rest / 100
    p -= 2
    pair(p, rest - next * 100)
    rest = next
  }
  if (rest >= 10) pair(p - 2, rest)
  else store<u8>(p - 1, 48 + (rest as u8))
  return at + n
}

function writeUnsigned(out: usize, value: u64): usize {
  if (value < 100000000) return writeSmall(out, value as u32)
  const high = value / 100000000
  let at: usize
  if (high < 100000000) at = writeSmall(out, high as u32)
  else {
    const top = high / 100000000
    at = writeSmall(out, top as u32)
    eight(at, (high - top * 100000000) as u32)
    at += 8
  }
  eight(at, (value - high * 100000000) as u32)
  return at + 8
}

// @ts-ignore: decorator
@inline
function writeInteger(out: usize, value: i64): usize {
  if (value >= 0) return writeUnsigned(out, value as u64)
  store<u8>(out, MINUS)
  return writeUnsigned(out + 1, (0 - value) as u64)
}

/**
 * The shortest text that reads back the same. With at most 15 digits there is only one decimal that rounds to
 * the value, so a number of up to six decimals that divides back is it; the others take the general way.
 */
function writeFloat(out: usize, value: f64): usize {
  const rounded = abs(nearest(value * 1e6))
  let at = out
  if (rounded < 1e15 && rounded != 0 && rounded / 1e6 == abs(value)) {
    if (value < 0) store<u8>(at++, MINUS)
    const digits = rounded as u64
    const whole = digits / 1000000
    at = writeUnsigned(at, whole)
    const fraction = (digits - whole * 1000000) as u32
    return fraction == 0 ? at : writeFraction(at, fraction)
  }
  if (!isFinite(value)) {
    store<u32>(at, 0x6c6c756e)
    return at + 4
  }
  const bits = reinterpret<u64>(value)
  if (bits >> 63) store<u8>(at++, MINUS)
  const exponent = ((bits >> 52) & 0x7ff) as i32
  const low = bits & 0xfffffffffffff
  if (exponent == 0 && low == 0) {
    store<u8>(at, 48)
    return at + 1
  }
  const mantissa = exponent == 0 ? low : low | 0x10000000000000
  const digits = shortest(mantissa, max(exponent, 1) - 1075, low == 0 && exponent > 1)
  return writeDecimal(at, digits, shortestExponent)
}

/** A point and six digits, without the zeros at the end. */
// @ts-ignore: decorator
@inline
function writeFraction(at: usize, fraction: u32): usize {
  store<u8>(at, 46)
  const a = fraction / 10000
  const b = fraction / 100
  pair(at + 1, a)
  pair(at + 3, b - a * 100)
  pair(at + 5, fraction - b * 100)
  let end = at + 6
  while (load<u8>(end) == 48) end--
  return end + 1
}

/** digits * 10^exponent as JavaScript writes numbers. */
function writeDecimal(out: usize, digits: u64, exponent: i32): usize {
  const end = writeUnsigned(DIGITS, digits)
  let length = (end - DIGITS) as i32
  let power = exponent
  while (length > 1 && load<u8>(DIGITS + length - 1) == 48) {
    length--
    power++
  }
  const point = length + power
  if (power >= 0 && point <= 21) {
    copy(out, DIGITS, 32)
    for (let i = length; i < point; i++) store<u8>(out + i, 48)
    return out + point
  }
  if (point > 0 && point <= 21) {
    copy(out, DIGITS, 32)
    copy(out + point + 1, DIGITS + point, 32)
    store<u8>(out + point, 46)
    return out + length + 1
  }
  if (point > -6 && point <= 0) {
    store<u64>(out, 0x3030303030302e30)
    copy(out + 2 - point, DIGITS, 32)
    return out + 2 - point + length
  }
  let at = out + 1
  store<u8>(out, load<u8>(DIGITS))
  if (length > 1) {
    store<u8>(at, 46)
    copy(at + 1, DIGITS + 1, 32)
    at += length
  }
  store<u8>(at, 101)
  store<u8>(at + 1, point > 0 ? 43 : MINUS)
  return writeSmall(at + 2, abs(point - 1) as u32)
}

/** Kinds that are not as common: 3 bool, 4 float32, 6 timestamp, 7 date32, integers by 16 + bytes (unsigned: 32 + bytes). */
function writeOther(out: usize, step: usize, row: i32, values: usize, kind: i32): usize {
  const at = row as usize
  switch (kind) {
    case 3: {
      const bit = (load<u8>(values + (at >> 3)) >> ((row & 7) as u8)) & 1
      store<u32>(out, bit ? 0x65757274 : 0x736c6166)
      store<u8>(out + 4, 101)
      return out + (bit ? 4 : 5)
    }
    case 4:
      return writeSingle(out, load<f32>(values + (at << 2)))
    case 6:
      return writeTime(out, step, load<i64>(values + (at << 3)))
    case 7:
      return writeDate(out, load<i32>(values + (at << 2)))
    case 17:
      return writeInteger(out, load<i8>(values + at) as i64)
    case 18:
      return writeInteger(out, load<i16>(values + (at << 1)) as i64)
    case 20:
      return writeInteger(out, load<i32>(values + (at << 2)) as i64)
    case 33:
      return writeUnsigned(out, load<u8>(values + at) as u64)
    case 34:
      return writeUnsigned(out, load<u16>(values + (at << 1)) as u64)
    case 36:
      return writeUnsigned(out, load<u32>(values + (at << 2)) as u64)
    default:
      return writeUnsigned(out, load<u64>(values + (at << 3)))
  }
}

function writeSingle(out: usize, value: f32): usize {
  let at = out
  if (!isFinite(value)) {
    store<u32>(at, 0x6c6c756e)
    return at + 4
  }
  const bits = reinterpret<u32>(value)
  if (bits >> 31) store<u8>(at++, MINUS)
  const exponent = ((bits >> 23) & 0xff) as i32
  const low = bits & 0x7fffff
  if (exponent == 0 && low == 0) {
    store<u8>(at, 48)
    return at + 1
  }
  const mantissa = exponent == 0 ? low : low | 0x800000
  const digits = shortest(mantissa as u64, max(exponent, 1) - 150, low == 0 && exponent > 1)
  return writeDecimal(at, digits, shortestExponent)
}

/** The text of a day is kept: neighbouring rows are mostly of one day. Days have years of four digits. */
// @ts-ignore: decorator
@inline
function writeDay(out: usize, days: i32): void {
  if (load<i32>(DAY) != days) makeDay(days)
  v128.store(out, v128.load(DAY_TEXT))
}

/** `YYYY-MM-DD`, by counting years from March, so that a leap day comes last. */
function makeDay(days: i32): void {
  const shifted = (days + 719468 + 146097) as u32
  const era = shifted / 146097
  const day = shifted - era * 146097
  const year = (day - day / 1460 + day / 36524 - day / 146096) / 365
  const ofYear = day - (365 * year + year / 4 - year / 100)
  const month = (5 * ofYear + 2) / 153
  const civil = month < 10 ? month + 3 : month - 9
  const fullYear = year + era * 400 - 400 + (civil <= 2 ? 1 : 0)
  pair(DAY_TEXT, fullYear / 100)
  pair(DAY_TEXT + 2, fullYear % 100)
  store<u8>(DAY_TEXT + 4, MINUS)
  pair(DAY_TEXT + 5, civil)
  store<u8>(DAY_TEXT + 7, MINUS)
  pair(DAY_TEXT + 8, ofYear - (153 * month + 2) / 5 + 1)
  store<i32>(DAY, days)
}

// @ts-ignore: decorator
@inline
function hasDate(days: i64): bool {
  return days >= -719528 && days < 2932897
}

function writeDate(out: usize, days: i32): usize {
  if (!hasDate(days as i64)) return writeInteger(out, days as i64)
  store<u8>(out, QUOTE)
  writeDay(out + 1, days)
  store<u8>(out + 11, QUOTE)
  return out + 12
}

/** ISO-8601; a year that has not four digits is left as the number it is. */
function writeTime(out: usize, step: usize, value: i64): usize {
  const perSecond = load<i64>(step + 24)
  let seconds = value / perSecond
  let part = value - seconds * perSecond
  if (part < 0) {
    part += perSecond
    seconds--
  }
  let days = seconds / 86400
  if (seconds - days * 86400 < 0) days--
  if (!hasDate(days)) return writeInteger(out, value)
  const ofDay = (seconds - days * 86400) as u32
  store<u8>(out, QUOTE)
  writeDay(out + 1, days as i32)
  const minutes = ofDay / 60
  const hours = minutes / 60
  store<u8>(out + 11, 84)
  pair(out + 12, hours)
  store<u8>(out + 14, 58)
  pair(out + 15, minutes - hours * 60)
  store<u8>(out + 17, 58)
  pair(out + 18, ofDay - minutes * 60)
  let at = out + 20
  if (part != 0) at = writePart(at, part, load<u32>(step + 32))
  if (load<u32>(step + 36)) store<u8>(at++, 90)
  store<u8>(at, QUOTE)
  return at + 1
}

function writePart(at: usize, part: i64, digits: u32): usize {
  store<u8>(at, 46)
  let rest = part as u32
  for (let i = digits; i > 0; i--) {
    const next = rest / 10
    store<u8>(at + i, 48 + ((rest - next * 10) as u8))
    rest = next
  }
  return at + 1 + digits
}

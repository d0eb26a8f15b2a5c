/** Floats to the text that JavaScript writes for them. Part of json-write. */
import { pairText, writeSmall, writeUnsigned } from './integer'
import { shortest, shortestExponent } from './shortest'

const DIGITS: usize = 128
const MINUS: u8 = 45

/**
 * The shortest text that reads back the same. With at most 15 digits there is only one decimal that rounds to
 * the value, so a number of up to six decimals that divides back is it; the others take the general way.
 */
export function writeFloat(out: usize, value: f64): usize {
  const rounded = abs(nearest(value * 1e6))
  const size = abs(value)
  let at = out
  if (rounded < 1e14 && rounded != 0 && rounded / 1e6 == size) {
    const whole = size as u32
    const fraction = (rounded - (whole as f64) * 1e6) as u32
    store<u8>(at, MINUS)
    return writeFraction(writeSmall(at + ((value < 0) as usize), whole), fraction)
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

/** A point and six digits, without the zeros at the end; nothing for 0. */
// @ts-ignore: decorator
@inline
function writeFraction(at: usize, fraction: u32): usize {
  const a = fraction / 10000
  const b = fraction / 100
  const text = (pairText(a) as u64) | ((pairText(b - a * 100) as u64) << 16) | ((pairText(fraction - b * 100) as u64) << 32)
  store<u64>(at, (text << 8) | 46)
  const zeros = (clz(((text ^ 0x303030303030) << 16) | 0x8000) >> 3) as usize
  return at + 7 - zeros - ((fraction == 0) as usize)
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
    copy32(out, DIGITS)
    for (let i = length; i < point; i++) store<u8>(out + i, 48)
    return out + point
  }
  if (point > 0 && point <= 21) {
    copy32(out, DIGITS)
    copy32(out + point + 1, DIGITS + point)
    store<u8>(out + point, 46)
    return out + length + 1
  }
  if (point > -6 && point <= 0) {
    store<u64>(out, 0x3030303030302e30)
    copy32(out + 2 - point, DIGITS)
    return out + 2 - point + length
  }
  let at = out + 1
  store<u8>(out, load<u8>(DIGITS))
  if (length > 1) {
    store<u8>(at, 46)
    copy32(at + 1, DIGITS + 1)
    at += length
  }
  store<u8>(at, 101)
  store<u8>(at + 1, point > 0 ? 43 : MINUS)
  return writeUnsigned(at + 2, abs(point - 1) as u64)
}

/** The shortest text that reads back as the same float32. */
export function writeSingle(out: usize, value: f32): usize {
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

/** Copies 32 bytes. */
// @ts-ignore: decorator
@inline
function copy32(to: usize, from: usize): void {
  const high = v128.load(from + 16)
  v128.store(to, v128.load(from))
  v128.store(to + 16, high)
}

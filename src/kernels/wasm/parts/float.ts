/** Decimal text to binary floats, correctly rounded. Part of json-scan; the tables are those of ../../json-memory.ts. */
import { high64 } from './high64'

const TENS: usize = 1024
const FIVES: usize = 16384
const MINUS: u8 = 45

/** Any JSON number of up to 19 significant digits, correctly rounded; stored as float64, or float32 of that. */
export function scanLongFloat(from: usize, into: usize, single: bool): usize {
  let at = from
  const negative = load<u8>(at) == MINUS
  if (negative) at++
  let mantissa: u64 = 0
  let significant = 0
  let exponent = 0
  const first = at
  let digit = (load<u8>(at) as u32) - 48
  while (digit < 10) {
    mantissa = mantissa * 10 + (digit as u64)
    if (significant != 0 || digit != 0) significant++
    digit = (load<u8>(++at) as u32) - 48
  }
  if (at == first || (load<u8>(first) == 48 && at - first > 1)) return 0
  if (load<u8>(at) == 46) {
    const point = at++
    digit = (load<u8>(at) as u32) - 48
    while (digit < 10) {
      mantissa = mantissa * 10 + (digit as u64)
      if (significant != 0 || digit != 0) significant++
      digit = (load<u8>(++at) as u32) - 48
    }
    if (at - point < 2) return 0
    exponent = -((at - point - 1) as i32)
  }
  if (significant > 19) return 0
  if ((load<u8>(at) | 32) == 101) {
    const sign = load<u8>(++at)
    if (sign == 45 || sign == 43) at++
    let written = 0
    const digits = at
    digit = (load<u8>(at) as u32) - 48
    while (digit < 10) {
      if (written < 100000) written = written * 10 + (digit as i32)
      digit = (load<u8>(++at) as u32) - 48
    }
    if (at == digits) return 0
    exponent += sign == 45 ? -written : written
  }
  const value = toFloat(mantissa, exponent)
  if (single ? !isFinite((value as f32) as f64) : !isFinite(value)) return 0
  if (single) store<f32>(into, (negative ? -value : value) as f32)
  else store<f64>(into, negative ? -value : value)
  return at
}

/**
 * mantissa * 10^exponent, correctly rounded, by the method of Eisel and Lemire ("Number parsing at a gigabyte
 * per second", 2021); exact mantissas of at most 19 digits never need more than the 128 bits of the table
 * (Mushtak and Lemire, 2023).
 */
function toFloat(mantissa: u64, exponent: i32): f64 {
  if (mantissa == 0 || exponent < -342) return 0
  if (exponent > 308) return Infinity
  if (mantissa <= 0x20000000000000 && exponent >= -22 && exponent <= 22) {
    const exact = mantissa as f64
    return exponent < 0 ? exact / load<f64>(TENS - (exponent << 3)) : exact * load<f64>(TENS + (exponent << 3))
  }
  const zeros = clz(mantissa) as i32
  const w = mantissa << zeros
  const five = FIVES + (((exponent + 342) as usize) << 4)
  let low = w * load<u64>(five + 8)
  let high = high64(w, load<u64>(five + 8))
  if ((high & 0x1ff) == 0x1ff) {
    const carry = high64(w, load<u64>(five))
    low += carry
    if (carry > low) high++
  }
  const upper = (high >> 63) as i32
  let bits = high >> (upper + 9)
  let power = ((217706 * exponent) >> 16) + 63 + upper - zeros + 1023
  if (power <= 0) {
    if (1 - power >= 64) return 0
    bits >>= 1 - power
    bits = (bits + (bits & 1)) >> 1
    return reinterpret<f64>(bits)
  }
  if (low <= 1 && exponent >= -4 && exponent <= 23 && (bits & 3) == 1 && bits << (upper + 9) == high) bits &= ~1
  bits = (bits + (bits & 1)) >> 1
  if (bits >= 0x20000000000000) {
    bits = 0x10000000000000
    power++
  }
  if (power >= 0x7ff) return Infinity
  return reinterpret<f64>((bits & 0xfffffffffffff) | ((power as u64) << 52))
}

/**
 * The shortest decimal that reads back as the same binary float, nearest to it among those: the method of
 * Raffaello Giulietti ("The Schubfach way to render doubles", 2020), after the paper. Part of json-write.
 */
import { high64 } from './high64'

const TENS: usize = 4096
const POWER_MIN: i32 = -292

/** The power of ten that goes with the digits that `shortest` answered last. */
export let shortestExponent: i32 = 0

/** Digits of mantissa * 2^exponent, zeros at the end included; `closer`: the float below is half as far as the one above. */
export function shortest(mantissa: u64, exponent: i32, closer: bool): u64 {
  if (exponent <= 0 && exponent > -53 && (mantissa & (((1 as u64) << -exponent) - 1)) == 0) {
    shortestExponent = 0
    return mantissa >> -exponent
  }
  const odd = mantissa & 1
  const power = (exponent * 1262611 - (closer ? 524031 : 0)) >> 22
  const shift = (exponent + ((-power * 1741647) >> 19) + 1) as u64
  const ten = TENS + ((-power - POWER_MIN) as usize << 4)
  const center = mantissa << 2
  const lower = scale(ten, (center - 2 + (closer as u64)) << shift) + odd
  const value = scale(ten, center << shift)
  const upper = scale(ten, (center + 2) << shift) - odd
  const digits = value >> 2
  if (digits >= 10) {
    const short = digits / 10
    const below = lower <= 40 * short
    const above = 40 * short + 40 <= upper
    if (below != above) {
      shortestExponent = power + 1
      return short + (above as u64)
    }
  }
  shortestExponent = power
  const below = lower <= digits << 2
  const above = (digits << 2) + 4 <= upper
  if (below != above) return digits + (above as u64)
  const middle = (digits << 2) + 2
  return digits + ((value > middle || (value == middle && (digits & 1) != 0)) as u64)
}

/** The high bits of value * 10^power, its last bit set where something was cut off. */
function scale(ten: usize, value: u64): u64 {
  const carry = high64(load<u64>(ten), value)
  const top = load<u64>(ten + 8)
  const low = top * value + carry
  const high = high64(top, value) + (low < carry ? 1 : 0)
  return high | (low > 1 ? 1 : 0)
}

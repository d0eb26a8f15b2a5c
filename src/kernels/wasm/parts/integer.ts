/**
 * Integers to decimal text, by a table of two digits. Part of json-write; the tables are those of
 * ../../json-write.ts. Sixteen digits at once by SIMD were tried and are slower (20 against 12 ns for 13 digits).
 */
const PAIRS: usize = 1024
const MINUS: u8 = 45

/** Two digits with a leading zero. */
// @ts-ignore: decorator
@inline
export function pair(at: usize, value: u32): void {
  store<u16>(at, pairText(value))
}

// @ts-ignore: decorator
@inline
export function pairText(value: u32): u16 {
  return load<u16>(PAIRS + ((value as usize) << 1))
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

// @ts-ignore: decorator
@inline
function countOf(value: u32): usize {
  if (value < 10000) return value < 100 ? (value < 10 ? 1 : 2) : value < 1000 ? 3 : 4
  return value < 1000000 ? (value < 100000 ? 5 : 6) : value < 10000000 ? 7 : 8
}

/** A number below 10^8. */
// @ts-ignore: decorator
@inline
export function writeSmall(at: usize, value: u32): usize {
  const end = at + countOf(value)
  let p = end
  let rest = value
  while (rest >= 100) {
    const next = rest / 100
    p -= 2
    pair(p, rest - next * 100)
    rest = next
  }
  if (rest >= 10) pair(p - 2, rest)
  else store<u8>(p - 1, 48 + (rest as u8))
  return end
}

export function writeUnsigned(out: usize, value: u64): usize {
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
export function writeInteger(out: usize, value: i64): usize {
  const negative = value < 0
  store<u8>(out, MINUS)
  return writeUnsigned(out + (negative as usize), negative ? ((0 - value) as u64) : (value as u64))
}

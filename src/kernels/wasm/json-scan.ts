/**
 * JSON lines to columns, for rows that look as the schema says. Compiled to WebAssembly; its plain twin is
 * ../json-scan-twin.ts, the addresses both work with are in ../json-memory.ts.
 *
 * A row is a list of steps, one a column: compare the key's bytes in place, read the value, store it. What is
 * not as expected (an escape, another order, a nested value) is left to the caller, row by row: the scan stops
 * before it. Nothing is read beyond 64 bytes behind the newline that ends the input, because every loop stops
 * at a byte that no token has.
 *
 * Why strings end at a mask and numbers at a count of bits instead of a loop: lengths differ from row to row,
 * and a mispredicted branch costs more than all 16 bytes at once.
 */
import { digits16 } from './parts/digits'
import { scanLongFloat } from './parts/float'
import { scanDate, scanTime } from './parts/time'
import { isText } from './parts/utf8'

const POSITION: usize = 64
const STYLE: usize = 68
const NULLS: usize = 72
const TENS: usize = 1024
const POINT: usize = 4096

const QUOTE: u8 = 34
const MINUS: u8 = 45
const NEWLINE: u8 = 10
const CLOSE: u8 = 125

/** Scans rows from `source`; answers the row it came to. Where it stopped, and how keys are spaced, stands in memory. */
export function scan(source: usize, end: usize, first: i32, limit: i32, steps: usize, count: i32, spaced: i32): i32 {
  let at = source
  let row = first
  let style = spaced
  let tried = false
  const stepsEnd = steps + ((count as usize) << 8)
  while (row < limit && at < end) {
    if ((row & 7) == 0) clearBits(row, steps, stepsEnd)
    const next = scanRow(at, row, steps, stepsEnd, style)
    if (next != 0) {
      at = next
      row++
      tried = false
      continue
    }
    undoRow(row, steps, stepsEnd)
    style ^= 1
    if (tried) break
    tried = true
  }
  store<u32>(POSITION, at as u32)
  store<u32>(STYLE, style)
  return row
}

// @ts-ignore: decorator
@inline
function scanRow(from: usize, row: i32, steps: usize, stepsEnd: usize, style: i32): usize {
  let at = from
  for (let step = steps; step < stepsEnd; step += 256) {
    const behind = matchKey(at, step, style)
    if (behind == 0) {
      if (step == steps || !missing(step, row)) return 0
      continue
    }
    const kind = load<i32>(step)
    if (kind == 0) at = scanString(behind, step, row)
    else if (kind == 1) at = scanFloat(behind, step, row)
    else if (kind == 2) at = scanInteger(behind, step, row)
    else if (kind == 3) at = scanBool(behind, step, row)
    else at = scanOther(behind, step, row, kind)
    if (at == 0) return 0
  }
  if (load<u8>(at) != CLOSE) return 0
  if (load<u8>(at + 1) == NEWLINE) return at + 2
  return load<u16>(at + 1) == 0x0a0d ? at + 3 : 0
}

/** Behind the key and its colon, or 0. */
// @ts-ignore: decorator
@inline
function matchKey(at: usize, step: usize, style: i32): usize {
  const half = (style as usize) << 6
  const mask = load<i32>(step + 32 + half)
  if ((i8x16.bitmask(i8x16.eq(v128.load(at), v128.load(step + 48 + half))) & mask) != mask) return 0
  const length = load<u32>(step + 36 + half) as usize
  return length <= 16 ? at + length : matchLongKey(at, step + half, length)
}

/** The rest of a key of more than 16 bytes; its text is kept apart. */
function matchLongKey(at: usize, half: usize, length: usize): usize {
  const text = load<u32>(half + 40) as usize
  for (let i: usize = 16; i < length; i++) if (load<u8>(at + i) != load<u8>(text + i)) return 0
  return at + length
}

// @ts-ignore: decorator
@inline
function scanString(at: usize, step: usize, row: i32): usize {
  if (load<u8>(at) != QUOTE) return scanNull(at, step, row)
  const offsets = (load<u32>(step + 8) as usize) + ((row as usize) << 2)
  const values = load<u32>(step + 4) as usize
  let into = values + (load<u32>(offsets) as usize)
  let p = at + 1
  let high = 0
  for (;;) {
    const bytes = v128.load(p)
    v128.store(into, bytes)
    const special = v128.or(i8x16.eq(bytes, i8x16.splat(34)), i8x16.eq(bytes, i8x16.splat(92)))
    const stop = i8x16.bitmask(v128.or(special, i8x16.lt_u(bytes, i8x16.splat(32))))
    const wide = i8x16.bitmask(bytes)
    if (stop) {
      const n = ctz(stop)
      p += n
      into += n
      high |= wide & ((1 << n) - 1)
      break
    }
    high |= wide
    p += 16
    into += 16
  }
  if (load<u8>(p) != QUOTE || (high != 0 && !isText(at + 1, p))) return 0
  store<u32>(offsets + 4, (into - values) as u32)
  return p + 1
}

/** Numbers of up to 15 digits are exact as mantissa over a power of ten; others go the long way. */
// @ts-ignore: decorator
@inline
function scanFloat(at: usize, step: usize, row: i32): usize {
  const negative = load<u8>(at) == MINUS
  const p = at + (negative as usize)
  const bytes = i8x16.sub(v128.load(p), i8x16.splat(48))
  const mask = i8x16.bitmask(i8x16.lt_u(bytes, i8x16.splat(10)))
  const whole = ctz(~mask)
  if (whole == 0) return negative ? 0 : scanNull(at, step, row)
  if (load<u8>(p) == 48 && whole > 1) return 0
  let length = whole
  let fraction = 0
  if (load<u8>(p + whole) == 46) {
    fraction = ctz(~(mask >> (whole + 1)))
    if (fraction == 0 && whole < 15) return 0
    length = whole + 1 + fraction
  }
  const into = (load<u32>(step + 4) as usize) + ((row as usize) << 3)
  if (length >= 16 || (load<u8>(p + length) | 32) == 101) return scanLongFloat(at, into, false)
  const digits = digits16(i8x16.swizzle(bytes, v128.load(POINT + (((whole << 4) | fraction) << 4))))
  const value = (digits as f64) / load<f64>(TENS + (fraction << 3))
  store<u64>(into, reinterpret<u64>(value) | ((negative as u64) << 63))
  return p + length
}

/** Up to 15 digits at once; 16 to 19 the long way. */
// @ts-ignore: decorator
@inline
function scanInteger(at: usize, step: usize, row: i32): usize {
  const negative = load<u8>(at) == MINUS
  const p = at + (negative as usize)
  const bytes = i8x16.sub(v128.load(p), i8x16.splat(48))
  const whole = ctz(~i8x16.bitmask(i8x16.lt_u(bytes, i8x16.splat(10))))
  if (whole == 0) return negative ? 0 : scanNull(at, step, row)
  if (load<u8>(p) == 48 && whole > 1) return 0
  const into = (load<u32>(step + 4) as usize) + ((row as usize) << 3)
  if (whole > 15) return scanLongInteger(p, into, negative)
  const value = digits16(i8x16.swizzle(bytes, v128.load(POINT + (whole << 8))))
  const sign = negative as u64
  store<u64>(into, (value ^ (0 - sign)) + sign)
  return p + whole
}

function scanLongInteger(from: usize, into: usize, negative: bool): usize {
  let at = from
  let value: u64 = 0
  let digit = (load<u8>(at) as u32) - 48
  while (digit < 10 && at - from < 19) {
    value = value * 10 + (digit as u64)
    digit = (load<u8>(++at) as u32) - 48
  }
  const limit: u64 = negative ? 0x8000000000000000 : 0x7fffffffffffffff
  if (digit < 10 || value > limit) return 0
  store<u64>(into, negative ? 0 - value : value)
  return at
}

/** Kinds that are not as common: 4 float32, 5 timestamp, 6 date32, and integers by 16 + bytes (unsigned: 32 + bytes). */
function scanOther(at: usize, step: usize, row: i32, kind: i32): usize {
  const scratch: usize = 80
  if (kind == 5) return load<u8>(at) == QUOTE ? scanTime(at + 1, step, row) : scanInteger(at, step, row)
  if (kind == 6 && load<u8>(at) == QUOTE) return scanDate(at + 1, step, row)
  if (kind == 4) {
    if (load<u8>(at) == 110) return scanNull(at, step, row)
    const end = scanLongFloat(at, scratch, true)
    if (end != 0) store<f32>((load<u32>(step + 4) as usize) + ((row as usize) << 2), load<f32>(scratch))
    return end
  }
  const negative = load<u8>(at) == MINUS
  const from = at + (negative as usize)
  const digit = (load<u8>(from) as u32) - 48
  if (digit > 9) return negative ? 0 : scanNull(at, step, row)
  if (digit == 0 && (load<u8>(from + 1) as u32) - 48 < 10) return 0
  const end = scanLongInteger(from, scratch, negative)
  return end != 0 && storeNarrow(load<i64>(scratch), step, row, kind) ? end : 0
}

function storeNarrow(value: i64, step: usize, row: i32, kind: i32): bool {
  const values = load<u32>(step + 4) as usize
  const at = row as usize
  if (kind > 32) {
    if (value < 0) return false
    if (kind == 40) store<i64>(values + (at << 3), value)
    else if (kind == 36 && value <= 0xffffffff) store<u32>(values + (at << 2), value as u32)
    else if (kind == 34 && value <= 0xffff) store<u16>(values + (at << 1), value as u16)
    else if (kind == 33 && value <= 0xff) store<u8>(values + at, value as u8)
    else return false
    return true
  }
  if ((kind == 20 || kind == 6) && value == ((value as i32) as i64)) store<i32>(values + (at << 2), value as i32)
  else if (kind == 18 && value == ((value as i16) as i64)) store<i16>(values + (at << 1), value as i16)
  else if (kind == 17 && value == ((value as i8) as i64)) store<i8>(values + at, value as i8)
  else return false
  return true
}

/** Without a branch on the value: which one comes is often chance. */
// @ts-ignore: decorator
@inline
function scanBool(at: usize, step: usize, row: i32): usize {
  const word = load<u32>(at)
  const yes = (word == 0x65757274) as u32
  const no = ((word == 0x736c6166) as u32) & ((load<u8>(at + 4) == 101) as u32)
  if ((yes | no) == 0) return scanNull(at, step, row)
  const byte = (load<u32>(step + 4) as usize) + ((row as usize) >> 3)
  store<u8>(byte, load<u8>(byte) | ((yes << ((row & 7) as u32)) as u8))
  return at + 4 + (no as usize)
}

/** `null`, where the column may be null; anything else is not for us. */
function scanNull(at: usize, step: usize, row: i32): usize {
  if (load<u32>(at) != 0x6c6c756e || !missing(step, row)) return 0
  return at + 4
}

/** A null in this row, if the column may have one. */
function missing(step: usize, row: i32): bool {
  if ((load<u32>(step + 16) & 1) == 0) return false
  const kind = load<i32>(step)
  const values = load<u32>(step + 4) as usize
  const at = row as usize
  if (kind == 0) {
    const offsets = (load<u32>(step + 8) as usize) + (at << 2)
    store<u32>(offsets + 4, load<u32>(offsets))
  } else if (kind == 1 || kind == 2 || kind == 5 || kind == 40) store<u64>(values + (at << 3), 0)
  else if (kind == 4 || kind == 6 || kind == 20 || kind == 36) store<u32>(values + (at << 2), 0)
  else if (kind == 18 || kind == 34) store<u16>(values + (at << 1), 0)
  else if (kind != 3) store<u8>(values + at, 0)
  const byte = (load<u32>(step + 12) as usize) + (at >> 3)
  store<u8>(byte, load<u8>(byte) & ~bitOf(row))
  store<u32>(NULLS, 1)
  return true
}

/** The bits of eight rows: nothing is null, nothing is true. */
function clearBits(row: i32, steps: usize, stepsEnd: usize): void {
  const at = (row as usize) >> 3
  for (let step = steps; step < stepsEnd; step += 256) {
    store<u8>((load<u32>(step + 12) as usize) + at, 0xff)
    if (load<i32>(step) == 3) store<u8>((load<u32>(step + 4) as usize) + at, 0)
  }
}

// @ts-ignore: decorator
@inline
function bitOf(row: i32): u8 {
  return ((1 as u32) << ((row & 7) as u32)) as u8
}

function undoRow(row: i32, steps: usize, stepsEnd: usize): void {
  const at = (row as usize) >> 3
  const bit = bitOf(row)
  for (let step = steps; step < stepsEnd; step += 256) {
    const validity = (load<u32>(step + 12) as usize) + at
    store<u8>(validity, load<u8>(validity) | bit)
    if (load<i32>(step) != 3) continue
    const values = (load<u32>(step + 4) as usize) + at
    store<u8>(values, load<u8>(values) & ~bit)
  }
}

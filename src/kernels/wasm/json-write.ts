/**
 * Columns to JSON lines. Compiled to WebAssembly; its plain twin is formats/json/writers.ts, which writes the
 * same bytes value by value. Addresses stand in ../json-write.ts too.
 *
 * A row is a list of steps, one a column: copy the key, write the value. Text is copied 16 bytes at a time, so
 * the output always has `ROOM` bytes more than a value needs; the write stops before a row that may not fit.
 */
import { writeFloat, writeSingle } from './parts/float-text'
import { writeInteger, writeUnsigned } from './parts/integer'
import { writeDate, writeTime } from './parts/time-text'

const POSITION: usize = 64
const ROOM: usize = 128

const QUOTE: u8 = 34

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
    } else if (kind == 3) at = writeBool(at, row, values)
    else if (kind == 5) {
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

/** Without a branch on the value: which one comes is often chance. */
// @ts-ignore: decorator
@inline
function writeBool(out: usize, row: i32, values: usize): usize {
  const bit = ((load<u8>(values + ((row as usize) >> 3)) as u32) >> ((row & 7) as u32)) & 1
  store<u32>(out, 0x736c6166 ^ (0x16191312 & (0 - bit)))
  store<u8>(out + 4, 101)
  return out + 5 - (bit as usize)
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

/** Kinds that are not as common: 4 float32, 6 timestamp, 7 date32, integers by 16 + bytes (unsigned: 32 + bytes). */
function writeOther(out: usize, step: usize, row: i32, values: usize, kind: i32): usize {
  const at = row as usize
  switch (kind) {
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

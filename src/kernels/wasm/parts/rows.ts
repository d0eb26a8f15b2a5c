/** Row kernels: between rows of state and columns; see src/kernels/keys-contract.ts. */
import { at4, isThere, word } from './lists'

// So many rows, of one or two cache lines each, stay in the nearest cache while all their columns are moved.
const block: i32 = 128

export function locate(
  slots: usize, n: i32, limit: u32, base: usize, stride: u32, header: usize, instead: usize, rows: usize,
): void {
  if (instead == 0) {
    for (let i = 0; i < n; i++) store<u32>(at4(rows, i), (base as u32) + word(slots, i) * stride)
    return
  }
  for (let i = 0; i < n; i++) {
    const slot = word(slots, i)
    const row = base + ((slot * stride) as usize)
    const own = slot < limit && (load<u8>(row + header) & 1) == 1
    store<u32>(at4(rows, i), (own ? row : instead) as u32)
  }
}

@inline function move<T>(to: usize, from: usize): void { store<T>(to, load<T>(from)) }

export function gather(rows: usize, n: i32, offset: usize, width: u32, values: usize): void {
  let p = values
  if (width == 8) for (let i = 0; i < n; i++, p += 8) move<u64>(p, (word(rows, i) as usize) + offset)
  else if (width == 4) for (let i = 0; i < n; i++, p += 4) move<u32>(p, (word(rows, i) as usize) + offset)
  else if (width == 2) for (let i = 0; i < n; i++, p += 2) move<u16>(p, (word(rows, i) as usize) + offset)
  else if (width == 1) for (let i = 0; i < n; i++, p += 1) move<u8>(p, (word(rows, i) as usize) + offset)
  else for (let i = 0; i < n; i++, p += 16) {
    const cell = (word(rows, i) as usize) + offset
    move<u64>(p, cell)
    move<u64>(p + 8, cell + 8)
  }
}

export function scatter(rows: usize, n: i32, offset: usize, width: u32, values: usize): void {
  let p = values
  if (width == 8) for (let i = 0; i < n; i++, p += 8) move<u64>((word(rows, i) as usize) + offset, p)
  else if (width == 4) for (let i = 0; i < n; i++, p += 4) move<u32>((word(rows, i) as usize) + offset, p)
  else if (width == 2) for (let i = 0; i < n; i++, p += 2) move<u16>((word(rows, i) as usize) + offset, p)
  else if (width == 1) for (let i = 0; i < n; i++, p += 1) move<u8>((word(rows, i) as usize) + offset, p)
  else for (let i = 0; i < n; i++, p += 16) {
    const cell = (word(rows, i) as usize) + offset
    move<u64>(cell, p)
    move<u64>(cell + 8, p + 8)
  }
}

export function gatherBits(rows: usize, n: i32, header: usize, bit: u32, bits: usize): i32 {
  const byte = header + ((bit >> 3) as usize), shift = (bit & 7) as u8
  let zeros = 0, packed: u32 = 0
  for (let i = 0; i < n; i++) {
    const one = ((load<u8>((word(rows, i) as usize) + byte) >> shift) & 1) as u32
    zeros += 1 - (one as i32)
    packed |= one << (i & 7)
    if ((i & 7) == 7 || i == n - 1) { store<u8>(bits + ((i as usize) >> 3), packed as u8); packed = 0 }
  }
  return zeros
}

export function scatterBits(rows: usize, n: i32, header: usize, bit: u32, bits: usize): void {
  const byte = header + ((bit >> 3) as usize), shift = bit & 7, keep = ~(1 << shift)
  for (let i = 0; i < n; i++) {
    const p = (word(rows, i) as usize) + byte
    const one: u32 = isThere(bits, i) ? 1 : 0
    store<u8>(p, ((load<u8>(p) as u32 & keep) | (one << shift)) as u8)
  }
}

function commonBits(rows: usize, n: i32, header: usize, bytes: i32, common: usize): void {
  for (let b = 0; b < bytes; b++) {
    let all = load<u8>(common + (b as usize))
    for (let i = 0; i < n; i++) all &= load<u8>((word(rows, i) as usize) + header + (b as usize))
    store<u8>(common + (b as usize), all)
  }
}

function fillHeaders(rows: usize, n: i32, header: usize, bytes: i32, from: usize): void {
  for (let b = 0; b < bytes; b++) {
    const byte = load<u8>(from + (b as usize))
    for (let i = 0; i < n; i++) store<u8>((word(rows, i) as usize) + header + (b as usize), byte)
  }
}

@inline function cellOffset(columns: usize, c: i32): usize { return word(columns, 3 * c) as usize }
@inline function cellWidth(columns: usize, c: i32): u32 { return word(columns, 3 * c + 1) }
@inline function valuesFrom(columns: usize, c: i32, row: i32): usize {
  return (word(columns, 3 * c + 2) as usize) + (row as usize) * (cellWidth(columns, c) as usize)
}

export function readRows(
  slots: usize, n: i32, limit: u32, base: usize, stride: u32, header: usize, headerBytes: i32, instead: usize,
  rows: usize, common: usize, columns: usize, count: i32,
): void {
  memory.fill(common, 255, headerBytes as usize)
  for (let from = 0; from < n; from += block) {
    const m = min(block, n - from), some = at4(rows, from)
    locate(at4(slots, from), m, limit, base, stride, header, instead, some)
    commonBits(some, m, header, headerBytes, common)
    for (let c = 0; c < count; c++) {
      gather(some, m, cellOffset(columns, c), cellWidth(columns, c), valuesFrom(columns, c, from))
    }
  }
}

export function writeRows(
  rows: usize, n: i32, header: usize, headerBytes: i32, full: usize, columns: usize, count: i32,
): void {
  for (let from = 0; from < n; from += block) {
    const m = min(block, n - from), some = at4(rows, from)
    fillHeaders(some, m, header, headerBytes, full)
    for (let c = 0; c < count; c++) {
      scatter(some, m, cellOffset(columns, c), cellWidth(columns, c), valuesFrom(columns, c, from))
    }
  }
}

/** Key kernels in AssemblyScript; src/kernels/keys-contract.ts says what they do, the twins are the oracle. */

import { at4, isThere, word } from './parts/lists'

export { gather, gatherBits, locate, readRows, scatter, scatterBits, writeRows } from './parts/rows'

// Murmur3, 32 bits, seed 0.
@inline function scramble(w: u32): u32 { return rotl<u32>(w * 0xcc9e2d51, 15) * 0x1b873593 }
@inline function mixWord(h: u32, w: u32): u32 { return rotl<u32>(h ^ scramble(w), 13) * 5 + 0xe6546b64 }
@inline function finish(hash: u32, length: u32): u32 {
  let h = hash ^ length
  h = (h ^ (h >> 16)) * 0x85ebca6b
  h = (h ^ (h >> 13)) * 0xc2b2ae35
  return h ^ (h >> 16)
}
@inline function hashWide(key: u64): u32 { return finish(mixWord(mixWord(0, key as u32), (key >> 32) as u32), 8) }
function hashOf(at: usize, length: u32): u32 {
  const end = at + ((length & ~3) as usize)
  let h: u32 = 0, p = at
  for (; p < end; p += 4) h = mixWord(h, load<u32>(p))
  if (length & 3) h ^= scramble(load<u32>(p))
  return finish(h, length)
}

export function canonical64(keys: usize, n: i32): void {
  for (let i = 0; i < n; i++) {
    const p = keys + ((i as usize) << 3)
    const v = load<f64>(p)
    if (v == 0) store<u64>(p, 0)
    else if (v != v) store<u64>(p, 0x7ff8000000000000)
  }
}

export function hash64(keys: usize, n: i32, hashes: usize): void {
  for (let i = 0; i < n; i++) store<u32>(at4(hashes, i), hashWide(load<u64>(keys + ((i as usize) << 3))))
}

// Cache misses overlap only until the processor has to guess: so a block of entries is touched first, without
// a branch, and then looked at. What was touched is stored where nobody reads, else it would not be loaded.
const block: i32 = 256

@inline function touch(hashes: usize, from: i32, to: i32, table: usize, mask: u32, sink: usize): void {
  let seen: u32 = 0
  for (let i = from; i < to; i++) seen |= load<u32>(table + (((word(hashes, i) & mask) as usize) << 4))
  store<u32>(sink, seen)
}

export function resolve64(
  keys: usize, hashes: usize, n: i32, table: usize, mask: u32,
  bySlot: usize, count: i32, slots: usize, fresh: usize,
): i32 {
  let next = count
  for (let from = 0; from < n; from += block) {
    const to = min(from + block, n)
    touch(hashes, from, to, table, mask, fresh - 4)
    for (let i = from; i < to; i++) {
      const key = load<u64>(keys + ((i as usize) << 3))
      let j = word(hashes, i) & mask
      for (;;) {
        const entry = table + ((j as usize) << 4)
        const found = load<i32>(entry + 8)
        if (found == 0) {
          store<u64>(entry, key)
          store<i32>(entry + 8, next + 1)
          store<u32>(entry + 12, word(hashes, i))
          store<u64>(bySlot + ((next as usize) << 3), key)
          store<u32>(at4(fresh, next - count), word(hashes, i))
          store<i32>(at4(slots, i), next++)
          break
        }
        if (load<u64>(entry) == key) {
          store<i32>(at4(slots, i), found - 1)
          break
        }
        j = (j + 1) & mask
      }
    }
  }
  return next
}

@inline function freeEntry(table: usize, mask: u32, hash: u32): usize {
  let j = hash & mask
  while (load<i32>(table + ((j as usize) << 4) + 8) != 0) j = (j + 1) & mask
  return table + ((j as usize) << 4)
}

export function rebuild64(bySlot: usize, count: i32, table: usize, mask: u32): void {
  for (let slot = 0; slot < count; slot++) {
    const key = load<u64>(bySlot + ((slot as usize) << 3))
    const hash = hashWide(key)
    const entry = freeEntry(table, mask, hash)
    store<u64>(entry, key)
    store<i32>(entry + 8, slot + 1)
    store<u32>(entry + 12, hash)
  }
}

export function hashBytes(starts: usize, lengths: usize, n: i32, hashes: usize): void {
  for (let i = 0; i < n; i++) store<u32>(at4(hashes, i), hashOf(word(starts, i) as usize, word(lengths, i)))
}

@inline function sameWords(a: usize, b: usize, bytes: usize): bool {
  let same = true
  for (let k: usize = 0; k < bytes; k += 8) {
    if (load<u64>(a + k) != load<u64>(b + k)) { same = false; break }
  }
  return same
}

// A block at a time: touch its entries; find for each row the entry that may be its own, and touch its bytes;
// compare bytes and insert. An entry passed over never becomes a row's own: entries are never moved or removed.
export function resolveBytes(
  starts: usize, lengths: usize, hashes: usize, n: i32, table: usize, mask: u32,
  bySlot: usize, count: i32, slots: usize, fresh: usize, arena: usize, used: usize,
): i32 {
  let next = count, end = arena + used
  for (let from = 0; from < n; from += block) {
    const to = min(from + block, n)
    touch(hashes, from, to, table, mask, fresh - 4)
    findEntries(hashes, from, to, table, mask, slots, arena, fresh - 4)
    for (let i = from; i < to; i++) {
      const length = word(lengths, i), start = word(starts, i) as usize
      const bytes = ((length + 7) & ~7) as usize
      let j = word(slots, i)
      for (;;) {
        const entry = table + ((j as usize) << 4)
        const found = load<i32>(entry + 8)
        if (found == 0) {
          store<u32>(entry, (end - arena) as u32)
          store<u32>(entry + 4, length)
          store<i32>(entry + 8, next + 1)
          store<u32>(entry + 12, word(hashes, i))
          store<u64>(bySlot + ((next as usize) << 3), load<u64>(entry))
          store<u32>(at4(fresh, next - count), word(hashes, i))
          store<i32>(at4(slots, i), next++)
          copyWords(end, start, bytes)
          end += bytes
          break
        }
        if (load<u32>(entry + 12) == word(hashes, i) && load<u32>(entry + 4) == length) {
          if (sameWords(arena + (load<u32>(entry) as usize), start, bytes)) {
            store<i32>(at4(slots, i), found - 1)
            break
          }
        }
        j = (j + 1) & mask
      }
    }
  }
  store<u32>(fresh - 8, (end - arena) as u32)
  return next
}

// The number of the first entry that is empty or has the row's hash, in `slots`.
function findEntries(
  hashes: usize, from: i32, to: i32, table: usize, mask: u32, slots: usize, arena: usize, sink: usize,
): void {
  let seen: u32 = 0
  for (let i = from; i < to; i++) {
    const hash = word(hashes, i)
    let j = hash & mask
    for (;;) {
      const entry = table + ((j as usize) << 4)
      if (load<i32>(entry + 8) == 0 || load<u32>(entry + 12) == hash) break
      j = (j + 1) & mask
    }
    store<u32>(at4(slots, i), j)
    seen |= load<u32>(arena + (load<u32>(table + ((j as usize) << 4)) as usize))
  }
  store<u32>(sink, seen)
}

// Keys may lie close together: words go in ascending order, so a copy downwards is right.
@inline function copyWords(to: usize, from: usize, bytes: usize): void {
  for (let k: usize = 0; k < bytes; k += 8) store<u64>(to + k, load<u64>(from + k))
}

export function rebuildBytes(bySlot: usize, count: i32, table: usize, mask: u32, arena: usize): void {
  for (let slot = 0; slot < count; slot++) {
    const meta = bySlot + ((slot as usize) << 3)
    const hash = hashOf(arena + (load<u32>(meta) as usize), load<u32>(meta + 4))
    const entry = freeEntry(table, mask, hash)
    store<u64>(entry, load<u64>(meta))
    store<i32>(entry + 8, slot + 1)
    store<u32>(entry + 12, hash)
  }
}

@inline function add(list: usize, i: i32, by: u32): usize {
  const before = word(list, i)
  store<u32>(at4(list, i), before + by)
  return before as usize
}

export function addFixed(n: i32, lengths: usize, validity: usize, width: u32): void {
  for (let i = 0; i < n; i++) if (isThere(validity, i)) add(lengths, i, width)
}

export function addText(n: i32, lengths: usize, validity: usize, offsets: usize): void {
  for (let i = 0; i < n; i++) if (isThere(validity, i)) add(lengths, i, 4 + word(offsets, i + 1) - word(offsets, i))
}

export function place(n: i32, lengths: usize, starts: usize, cursors: usize, from: usize): usize {
  let end = from
  for (let i = 0; i < n; i++) {
    store<u32>(at4(starts, i), end as u32)
    store<u32>(at4(cursors, i), end as u32)
    end += ((word(lengths, i) + 7) & ~7) as usize
    if (end > from) store<u64>(end - 8, 0)
  }
  return end
}

// `addText`, `place`, `putText` and `hashBytes` in one pass, for a key that is one text without nulls.
export function encodeText(
  n: i32, offsets: usize, values: usize, from: usize, starts: usize, lengths: usize, hashes: usize,
): usize {
  let end = from
  for (let i = 0; i < n; i++) {
    const start = word(offsets, i), bytes = word(offsets, i + 1) - start
    store<u32>(at4(starts, i), end as u32)
    store<u32>(at4(lengths, i), bytes + 4)
    const behind = end + (((bytes + 11) & ~7) as usize)
    store<u64>(behind - 8, 0)
    store<u32>(end, bytes)
    copyShort(end + 4, values + (start as usize), bytes as usize)
    store<u32>(at4(hashes, i), hashOf(end, bytes + 4))
    end = behind
  }
  return end
}

export function putFlag(n: i32, cursors: usize, validity: usize): void {
  for (let i = 0; i < n; i++) store<u8>(add(cursors, i, 1), isThere(validity, i) ? 1 : 0)
}

export function putFixed(n: i32, cursors: usize, validity: usize, values: usize, width: u32): void {
  for (let i = 0; i < n; i++) {
    if (isThere(validity, i)) copyShort(add(cursors, i, width), values + (i as usize) * (width as usize), width as usize)
  }
}

export function putBit(n: i32, cursors: usize, validity: usize, bits: usize): void {
  for (let i = 0; i < n; i++) if (isThere(validity, i)) store<u8>(add(cursors, i, 1), isThere(bits, i) ? 1 : 0)
}

export function putFloat(n: i32, cursors: usize, validity: usize, values: usize, width: u32): void {
  for (let i = 0; i < n; i++) {
    if (!isThere(validity, i)) continue
    const p = add(cursors, i, width)
    if (width == 4) {
      const v = load<f32>(at4(values, i))
      store<u32>(p, v == 0 ? 0 : v != v ? 0x7fc00000 : load<u32>(at4(values, i)))
    } else {
      const q = values + ((i as usize) << 3), v = load<f64>(q)
      store<u64>(p, v == 0 ? 0 : v != v ? 0x7ff8000000000000 : load<u64>(q))
    }
  }
}

export function putText(n: i32, cursors: usize, validity: usize, offsets: usize, values: usize): void {
  for (let i = 0; i < n; i++) {
    if (!isThere(validity, i)) continue
    const start = word(offsets, i), length = word(offsets, i + 1) - start
    const p = add(cursors, i, 4 + length)
    store<u32>(p, length)
    copyShort(p + 4, values + (start as usize), length as usize)
  }
}

// Never writes behind its end: the next key may stand there already.
@inline function copyShort(to: usize, from: usize, length: usize): void {
  if (length > 64) { memory.copy(to, from, length); return }
  let k: usize = 0
  for (; k + 8 <= length; k += 8) store<u64>(to + k, load<u64>(from + k))
  if (length & 4) { store<u32>(to + k, load<u32>(from + k)); k += 4 }
  if (length & 2) { store<u16>(to + k, load<u16>(from + k)); k += 2 }
  if (length & 1) store<u8>(to + k, load<u8>(from + k))
}

// Distinct slots of a batch: numbers in order of first appearance, then a stable counting sort of the rows by
// number. The table has entries of 8 bytes, slot + 1 and number; it is cleared here.
export function group(
  slots: usize, n: i32, table: usize, bits: u32, uniq: usize, index: usize, order: usize, starts: usize,
): i32 {
  memory.fill(table, 0, (8 << bits) as usize)
  const mask: u32 = (1 << bits) - 1
  let k = 0
  for (let i = 0; i < n; i++) {
    const slot = word(slots, i)
    let j = (slot * 0x9e3779b1) >> (32 - bits)
    for (;;) {
      const entry = table + ((j as usize) << 3)
      const found = load<u32>(entry)
      if (found == slot + 1) {
        store<i32>(at4(index, i), load<i32>(entry + 4))
        break
      }
      if (found == 0) {
        store<u32>(entry, slot + 1)
        store<i32>(entry + 4, k)
        store<u32>(at4(uniq, k), slot)
        store<i32>(at4(index, i), k++)
        break
      }
      j = (j + 1) & mask
    }
  }
  memory.fill(starts, 0, ((k + 2) as usize) << 2)
  // Counts stand two further on, so that after adding them up and placing the rows each start is in its place.
  for (let i = 0; i < n; i++) add(starts, load<i32>(at4(index, i)) + 2, 1)
  for (let c = 2; c <= k; c++) add(starts, c, word(starts, c - 1))
  for (let i = 0; i < n; i++) store<i32>(at4(order, add(starts, load<i32>(at4(index, i)) + 1, 1) as i32), i)
  return k
}

/** Plain twin of the lookup kernels; see keys-contract.ts for what they do. */
import { finish, mixWord, scramble } from './keys-hash.js'
import { type LookupKernels } from './keys-contract.js'
import { type Views, viewsOf } from './keys-views.js'
import { type KernelMemory } from './module.js'

export function plainLookupKernels(memory: KernelMemory): LookupKernels {
  const views = viewsOf(memory)
  return {
    canonical64: (keys, n) => canonical64(views(), keys, n),
    hash64: (keys, n, hashes) => {
      const { u32 } = views()
      for (let i = 0; i < n; i++) u32[(hashes >>> 2) + i] = hashOf(u32, keys + 8 * i, 8)
    },
    resolve64: (keys, hashes, n, table, mask, bySlot, count, slots, fresh) => {
      const { u32 } = views()
      const known = { u32, table, mask, bySlot, fresh, first: count }
      let next = count
      for (let i = 0; i < n; i++) {
        const slot = slot64(known, keys + 8 * i, u32[(hashes >>> 2) + i] ?? 0, next)
        if (slot === next) next += 1
        u32[(slots >>> 2) + i] = slot
      }
      return next
    },
    rebuild64: (bySlot, count, table, mask) => {
      const { u32 } = views()
      for (let slot = 0; slot < count; slot++) {
        const key = (bySlot + 8 * slot) >>> 2
        const hash = hashOf(u32, bySlot + 8 * slot, 8)
        putEntry(u32, freeEntry(u32, table, mask, hash), [u32[key] ?? 0, u32[key + 1] ?? 0, slot + 1, hash])
      }
    },
    hashBytes: (starts, lengths, n, hashes) => hashKeys(views().u32, { starts, lengths, n, hashes }),
    resolveBytes: (starts, lengths, hashes, n, table, mask, bySlot, count, slots, fresh, arena, used) => {
      const { u32 } = views()
      const known = { u32, table, mask, bySlot, fresh, first: count, arena, end: arena + used }
      let next = count
      for (let i = 0; i < n; i++) {
        const key = { start: u32[(starts >>> 2) + i] ?? 0, length: u32[(lengths >>> 2) + i] ?? 0 }
        const slot = slotOfBytes(known, key, u32[(hashes >>> 2) + i] ?? 0, next)
        if (slot === next) next += 1
        u32[(slots >>> 2) + i] = slot
      }
      u32[(fresh - 8) >>> 2] = known.end - arena
      return next
    },
    rebuildBytes: (bySlot, count, table, mask, arena) => {
      const { u32 } = views()
      for (let slot = 0; slot < count; slot++) {
        const place = u32[(bySlot + 8 * slot) >>> 2] ?? 0
        const length = u32[(bySlot + 8 * slot + 4) >>> 2] ?? 0
        const hash = hashOf(u32, arena + place, length)
        putEntry(u32, freeEntry(u32, table, mask, hash), [place, length, slot + 1, hash])
      }
    },
  }
}

/** NaN is 0x7ff8000000000000: set by words, since a store of a JavaScript NaN may have other bits. */
function canonical64({ u32, f64 }: Views, keys: number, n: number): void {
  for (let i = 0; i < n; i++) {
    const value = f64[(keys >>> 3) + i] ?? 0
    const word = (keys >>> 2) + 2 * i
    if (value === 0) u32[word + 1] = 0
    else if (Number.isNaN(value)) {
      u32[word] = 0
      u32[word + 1] = 0x7ff80000
    }
  }
}

export function hashKeys(
  u32: Uint32Array,
  {
    starts,
    lengths,
    n,
    hashes,
  }: { readonly starts: number; readonly lengths: number; readonly n: number; readonly hashes: number },
): void {
  for (let i = 0; i < n; i++) {
    u32[(hashes >>> 2) + i] = hashOf(u32, u32[(starts >>> 2) + i] ?? 0, u32[(lengths >>> 2) + i] ?? 0)
  }
}

/** Murmur3 of a key that begins at a multiple of 4 and is filled with zeros up to one. */
function hashOf(u32: Uint32Array, at: number, length: number): number {
  const from = at >>> 2
  const words = length >>> 2
  let hash = 0
  for (let w = 0; w < words; w++) hash = mixWord(hash, u32[from + w] ?? 0)
  if ((length & 3) !== 0) hash ^= scramble(u32[from + words] ?? 0)
  return finish(hash, length)
}

interface Table {
  readonly u32: Uint32Array
  readonly table: number
  readonly mask: number
  readonly bySlot: number
  readonly fresh: number
  /** The first slot that is new in this call. */
  readonly first: number
}

/** The slot of a key, `next` where it is new. */
function slot64({ u32, table, mask, bySlot, fresh, first }: Table, key: number, hash: number, next: number): number {
  const low = u32[key >>> 2] ?? 0
  const high = u32[(key >>> 2) + 1] ?? 0
  for (let j = hash & mask; ; j = (j + 1) & mask) {
    const entry = (table + 16 * (j >>> 0)) >>> 2
    const found = u32[entry + 2] ?? 0
    if (found === 0) {
      putEntry(u32, entry, [low, high, next + 1, hash])
      u32[(bySlot + 8 * next) >>> 2] = low
      u32[(bySlot + 8 * next + 4) >>> 2] = high
      u32[(fresh >>> 2) + next - first] = hash
      return next
    }
    if (u32[entry] === low && u32[entry + 1] === high) return found - 1
  }
}

interface ByteTable extends Table {
  readonly arena: number
  /** Where the next new key goes. */
  end: number
}

function slotOfBytes(
  known: ByteTable,
  key: { readonly start: number; readonly length: number },
  hash: number,
  next: number,
): number {
  const { u32, table, mask, arena, bySlot, fresh, first } = known
  const words = ((key.length + 7) >>> 3) << 1
  for (let j = hash & mask; ; j = (j + 1) & mask) {
    const entry = (table + 16 * (j >>> 0)) >>> 2
    const found = u32[entry + 2] ?? 0
    if (found === 0) {
      const place = known.end - arena
      putEntry(u32, entry, [place, key.length, next + 1, hash])
      u32[(bySlot + 8 * next) >>> 2] = place
      u32[(bySlot + 8 * next + 4) >>> 2] = key.length
      u32[(fresh >>> 2) + next - first] = hash
      u32.copyWithin(known.end >>> 2, key.start >>> 2, (key.start >>> 2) + words)
      known.end += 4 * words
      return next
    }
    if (u32[entry + 3] === hash && u32[entry + 1] === key.length) {
      if (sameWords(u32, (arena + (u32[entry] ?? 0)) >>> 2, key.start >>> 2, words)) return found - 1
    }
  }
}

function sameWords(u32: Uint32Array, a: number, b: number, words: number): boolean {
  for (let w = 0; w < words; w++) if (u32[a + w] !== u32[b + w]) return false
  return true
}

/** The word of the first empty entry on the way of a hash. */
function freeEntry(u32: Uint32Array, table: number, mask: number, hash: number): number {
  let j = hash & mask
  while ((u32[((table + 16 * (j >>> 0)) >>> 2) + 2] ?? 0) !== 0) j = (j + 1) & mask
  return (table + 16 * (j >>> 0)) >>> 2
}

function putEntry(u32: Uint32Array, word: number, entry: readonly [number, number, number, number]): void {
  u32[word] = entry[0]
  u32[word + 1] = entry[1]
  u32[word + 2] = entry[2]
  u32[word + 3] = entry[3]
}

/**
 * Key table: the memory behind a key index. From address 0 on: lists for one piece of a batch; 8 bytes a
 * slot (its key, or place and length of its key bytes); the hash table; the arena of key bytes; and, behind
 * it, whatever the encoder works on. When the slots are used up everything behind them moves up and the
 * table, twice as large, is filled anew from the slots, so growing needs no second table.
 *
 * Keys can be taken out again. Their slots are given to keys that come later, which the kernels know nothing of: they give
 * a new key the next slot, and it is moved into a free one at once.
 */
import { type EntryTable, addEntry, entryOf, removeEntry } from './key-entries.js'
import { Scratch } from './scratch.js'
import { type TableMemory } from './memory.js'
import { type PackedRows } from './packed.js'

/** Key bytes that nobody has any more are worth the copy of the others from here on. */
const deadBytesMin = 1 << 20

/** Rows that are looked up at once: their lists fit in a core's cache. */
export const pieceRowsMax = 4096

/** Where the lists of a piece lie, and where they end. */
export const lists = {
  hashes: 1024,
  slots: 1024 + 4 * pieceRowsMax,
  /** After 8 bytes of its own, see `resolveBytes`. */
  fresh: 1024 + 8 * pieceRowsMax + 8,
  starts: 1040 + 12 * pieceRowsMax,
  lengths: 1040 + 16 * pieceRowsMax,
  cursors: 1040 + 20 * pieceRowsMax,
} as const
/** Keys of 8 bytes take the place of starts and lengths. */
const keys64 = lists.starts
export const bySlot = 1088 + 24 * pieceRowsMax

/**
 * How full a table may be. Each entry passed over is a branch that the processor guessed wrong, so a table
 * is at most half full (lookups in 1 M keys: twice as fast as at six tenths); one seven tenths that is very large, or
 * whose memory is what counts.
 */
const slotsOf = (entries: number, dense: boolean): number =>
  Math.floor(entries * (entries <= 1 << 23 && !dense ? 0.5 : 0.7))

export interface KeyTableOptions {
  /** Keys are 8 bytes each and live in the slots, the arena stays empty. */
  readonly wide: boolean
  /** Its memory counts more than the time of a lookup. */
  readonly dense: boolean
}

export class KeyTable {
  readonly lists = lists
  readonly keys64 = keys64
  readonly bySlot = bySlot
  /** Slots so far: those below have a key, or are free. */
  count = 0
  /** Slots whose key was taken out. */
  private readonly free: number[] = []
  /** Bytes of the arena that no key has. */
  private dead = 0
  private entries = 1024
  private used = 0
  private table = 0
  /** Where key bytes begin. */
  arena = 0

  private readonly wide: boolean
  private readonly dense: boolean

  constructor(
    readonly memory: TableMemory,
    { wide, dense }: KeyTableOptions,
  ) {
    this.wide = wide
    this.dense = dense
    this.lay(this.entries)
  }

  /** The most slots for which it takes at most so many bytes, where each key takes `keyBytes` elsewhere. */
  slotsWithin(bytes: number, keyBytes: number): number {
    let most = 0
    for (let entries = 1024; 16 * entries < bytes; entries *= 2) {
      const slots = slotsOf(entries, this.dense)
      // The kernels give new keys the next slots before they are moved into free ones.
      const room = Math.floor((bytes - 16 * entries - 8 * slots) / keyBytes)
      most = Math.max(most, Math.min(slots - pieceRowsMax, room))
    }
    return most
  }

  /** Where the arena ends and the encoder may work. */
  get behind(): number {
    return this.arena + this.used
  }

  private lay(entries: number): void {
    this.entries = entries
    this.table = Math.ceil((bySlot + 8 * slotsOf(entries, this.dense)) / 64) * 64
    this.arena = this.table + 16 * entries
    this.memory.reserve(this.arena + this.used)
  }

  /** So many keys will be there: it need not grow for them little by little. */
  expect(keys: number): void {
    this.makeRoom(Math.max(0, keys - this.live))
  }

  /** Makes room for `more` new keys. */
  makeRoom(more: number): void {
    if (this.count + more <= slotsOf(this.entries, this.dense)) return
    let entries = this.entries
    while (this.count + more > slotsOf(entries, this.dense)) entries *= 2
    const from = this.arena
    this.lay(entries)
    this.memory.u8.copyWithin(this.arena, from, from + this.used)
    this.fill()
  }

  /** The table anew, from the slots. */
  private fill(): void {
    const { memory, count, entries } = this
    memory.u8.fill(0, this.table, this.arena)
    if (this.free.length > 0) this.fillWithout(new Set(this.free))
    else if (this.wide) memory.kernels.rebuild64(bySlot, count, this.table, entries - 1)
    else memory.kernels.rebuildBytes(bySlot, count, this.table, entries - 1, this.arena)
  }

  /** The kernels know nothing of slots without a key. */
  private fillWithout(free: ReadonlySet<number>): void {
    const slots = Int32Array.from({ length: this.count }, (_, slot) => slot).filter(slot => !free.has(slot))
    this.eachHash(slots, (entries, slot, hash) => {
      addEntry(entries, (bySlot >>> 2) + 2 * slot, slot, hash)
    })
  }

  /** Keys that are there. */
  get live(): number {
    return this.count - this.free.length
  }

  /** Bytes of the arena. */
  get textBytes(): number {
    return this.used
  }

  /** The keys of these slots are gone, and the slots are free. Each has a key. */
  remove(slots: Int32Array): void {
    this.eachHash(slots, (entries, slot, hash) => {
      removeEntry(entries, entryOf(entries, slot, hash))
    })
    const { u32 } = this.memory
    for (const slot of slots) {
      this.free.push(slot)
      if (this.wide) continue
      const cell = (bySlot + 8 * slot) >>> 2
      this.dead += ((u32[cell + 1] ?? 0) + 7) & ~7
      u32.fill(0, cell, cell + 2)
    }
    if (this.dead > Math.max(deadBytesMin, this.used / 2)) this.compact()
  }

  private eachHash(slots: Int32Array, each: (entries: EntryTable, slot: number, hash: number) => void): void {
    for (let from = 0; from < slots.length; from += pieceRowsMax) {
      const piece = slots.subarray(from, from + pieceRowsMax)
      this.hash(piece)
      const entries = this.entryTable
      for (let i = 0; i < piece.length; i++) each(entries, piece[i] ?? 0, entries.u32[(lists.hashes >>> 2) + i] ?? 0)
    }
  }

  /** The hashes of these slots' keys, in `lists.hashes`. */
  private hash(piece: Int32Array): void {
    const { memory, arena } = this
    const { u32, kernels } = memory
    const cells = bySlot >>> 2
    for (let i = 0; i < piece.length; i++) {
      const cell = cells + 2 * (piece[i] ?? 0)
      const [low, high] = [u32[cell] ?? 0, u32[cell + 1] ?? 0]
      const at = this.wide ? (keys64 >>> 2) + 2 * i : (lists.starts >>> 2) + i
      u32[at] = this.wide ? low : arena + low
      u32[this.wide ? at + 1 : (lists.lengths >>> 2) + i] = high
    }
    if (this.wide) kernels.hash64(keys64, piece.length, lists.hashes)
    else kernels.hashBytes(lists.starts, lists.lengths, piece.length, lists.hashes)
  }

  private get entryTable(): EntryTable {
    return { u32: this.memory.u32, table: this.table >>> 2, mask: this.entries - 1 }
  }

  /**
   * Gives the newest slots, from `before` on, back for free ones, as far as there are any; their hashes are in `lists.fresh`.
   * Answers the slot of each: that of number `before + i` at i.
   */
  reuse(before: number): Int32Array {
    const slots = Int32Array.from({ length: this.count - before }, (_, i) => before + i)
    const entries = this.entryTable
    const { u32 } = entries
    for (let i = slots.length - 1; i >= 0 && this.free.length > 0; i--) {
      const slot = this.free.pop() ?? 0
      const [from, to] = [(bySlot + 8 * (before + i)) >>> 2, (bySlot + 8 * slot) >>> 2]
      u32.copyWithin(to, from, from + 2)
      u32[entryOf(entries, before + i, u32[(lists.fresh >>> 2) + i] ?? 0) + 2] = slot + 1
      slots[i] = slot
      this.count -= 1
    }
    return slots
  }

  /** Moves the bytes of the keys that are there together. */
  private compact(): void {
    const { u8, u32 } = this.memory
    const bytes = u8.slice(this.arena, this.arena + this.used)
    let end = 0
    for (let slot = 0; slot < this.count; slot++) {
      const cell = (bySlot + 8 * slot) >>> 2
      const from = u32[cell] ?? 0
      const length = ((u32[cell + 1] ?? 0) + 7) & ~7
      u8.set(bytes.subarray(from, from + length), this.arena + end)
      u32[cell] = end
      end += length
    }
    this.used = end
    this.dead = 0
    this.fill()
  }

  /** Slots of `n` keys at `keys64`, in `lists.slots`; new ones' hashes in `lists.fresh`. */
  resolve64(n: number): void {
    const { kernels } = this.memory
    kernels.hash64(keys64, n, lists.hashes)
    const mask = this.entries - 1
    this.count = kernels.resolve64(
      keys64,
      lists.hashes,
      n,
      this.table,
      mask,
      bySlot,
      this.count,
      lists.slots,
      lists.fresh,
    )
  }

  /** The same for `n` keys that the encoder has placed. */
  resolveBytes(n: number): void {
    const { kernels } = this.memory
    const { starts, lengths, hashes, slots, fresh } = lists
    const mask = this.entries - 1
    this.count = kernels.resolveBytes(
      starts,
      lengths,
      hashes,
      n,
      this.table,
      mask,
      bySlot,
      this.count,
      slots,
      fresh,
      this.arena,
      this.used,
    )
    this.used = this.memory.u32[(fresh - 8) >>> 2] ?? 0
  }

  /** The key bytes of a slot: a view that is valid until the next key comes. */
  keyOf(slot: number): Uint8Array {
    const at = bySlot + 8 * slot
    if (this.wide) return this.memory.u8.subarray(at, at + 8)
    const from = this.arena + (this.memory.u32[at >>> 2] ?? 0)
    return this.memory.u8.subarray(from, from + (this.memory.u32[(at >>> 2) + 1] ?? 0))
  }

  /** The key bytes of these slots: a copy. */
  packedKeys(slots: Int32Array): PackedRows {
    const cells = this.cells(slots)
    const ends = new Uint32Array(slots.length)
    if (this.wide) return { bytes: cells, ends: ends.map((_, i) => 8 * (i + 1)) }
    const places = new Uint32Array(cells.buffer)
    let end = 0
    for (let i = 0; i < slots.length; i++) {
      end += places[2 * i + 1] ?? 0
      ends[i] = end
    }
    return { bytes: this.copied(places, ends, 0), ends }
  }

  /** Keys one behind the other, without their first `skip` bytes, a multiple of 4: number i has its place in `places[2 * i]` and ends at `ends[i]`. */
  private copied(places: ArrayLike<number>, ends: ArrayLike<number>, skip: number): Uint8Array {
    const last = ends[ends.length - 1] ?? 0
    // Keys begin at multiples of 8 and are filled with zeros: they move by words, over the end of the one before.
    const bytes = new Uint8Array(last + 8)
    const view = new DataView(bytes.buffer)
    const arena = this.memory.i32.subarray(this.arena >>> 2)
    let at = 0
    for (let i = 0; i < ends.length; i++) {
      let from = ((places[2 * i] ?? 0) + skip) >>> 2
      const to = ends[i] ?? 0
      for (; at < to; at += 4) view.setInt32(at, arena[from++] ?? 0, true)
      at = to
    }
    return bytes.subarray(0, last)
  }

  /** The keys of these slots, 8 bytes each. */
  wideKeys(slots: Int32Array, scratch?: Scratch): Uint8Array {
    return this.cells(slots, scratch)
  }

  /** The 8 bytes of each slot: its key, or place and length. By a kernel, whose cache misses overlap. */
  private cells(slots: Int32Array, scratch = new Scratch()): Uint8Array {
    const cells = scratch.bytes(8 * slots.length)
    const { memory } = this
    for (let from = 0; from < slots.length; from += pieceRowsMax) {
      const n = Math.min(pieceRowsMax, slots.length - from)
      memory.i32.set(slots.subarray(from, from + n), lists.slots >>> 2)
      memory.kernels.locate(lists.slots, n, this.count, bySlot, 8, 0, 0, lists.hashes)
      memory.kernels.gather(lists.hashes, n, 0, 8, keys64)
      cells.set(memory.u8.subarray(keys64, keys64 + 8 * n), 8 * from)
    }
    return cells
  }

  /** The texts of these slots, whose keys are one text each: its length in 4 bytes, then its bytes. */
  textKeys(slots: Int32Array): { readonly offsets: Int32Array; readonly values: Uint8Array } {
    const cells = new Int32Array(this.cells(slots).buffer)
    const offsets = new Int32Array(slots.length + 1)
    let end = 0
    for (let i = 0; i < slots.length; i++) {
      end += (cells[2 * i + 1] ?? 0) - 4
      offsets[i + 1] = end
    }
    return { offsets, values: this.copied(cells, offsets.subarray(1), 4) }
  }
}

/**
 * Key table: the memory behind a key index. From address 0 on: lists for one piece of a batch; 8 bytes a
 * slot (its key, or place and length of its key bytes); the hash table; the arena of key bytes; and, behind
 * it, whatever the encoder works on. When the slots are used up everything behind them moves up and the
 * table, twice as large, is filled anew from the slots, so growing needs no second table.
 */
import { type TableMemory } from './memory.js'

/** Rows that are looked up at once: their lists fit in a core's cache. */
export const pieceRowsMax = 4096

const lists = {
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
const bySlot = 1088 + 24 * pieceRowsMax

/**
 * How full a table may be. Each entry passed over is a branch that the processor guessed wrong, so a table
 * is at most half full (lookups in 1 M keys: twice as fast as at six tenths); a very large one seven tenths,
 * since its memory is what counts.
 */
const slotsOf = (entries: number): number => Math.floor(entries * (entries <= 1 << 23 ? 0.5 : 0.7))

export class KeyTable {
  readonly lists = lists
  readonly keys64 = keys64
  readonly bySlot = bySlot
  /** Keys so far. */
  count = 0
  private entries = 1024
  private used = 0
  private table = 0
  /** Where key bytes begin. */
  arena = 0

  /** `wide`: keys are 8 bytes each and live in the slots, the arena stays empty. */
  constructor(
    readonly memory: TableMemory,
    private readonly wide: boolean,
  ) {
    this.lay(this.entries)
  }

  /** Where the arena ends and the encoder may work. */
  get behind(): number {
    return this.arena + this.used
  }

  private lay(entries: number): void {
    this.entries = entries
    this.table = Math.ceil((bySlot + 8 * slotsOf(entries)) / 64) * 64
    this.arena = this.table + 16 * entries
    this.memory.reserve(this.arena + this.used)
  }

  /** Makes room for `more` new keys. */
  makeRoom(more: number): void {
    if (this.count + more <= slotsOf(this.entries)) return
    let entries = this.entries
    while (this.count + more > slotsOf(entries)) entries *= 2
    const from = this.arena
    this.lay(entries)
    const { memory, count } = this
    memory.u8.copyWithin(this.arena, from, from + this.used)
    memory.u8.fill(0, this.table, this.arena)
    if (this.wide) memory.kernels.rebuild64(bySlot, count, this.table, entries - 1)
    else memory.kernels.rebuildBytes(bySlot, count, this.table, entries - 1, this.arena)
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

  /** The keys of these slots, 8 bytes each. */
  wideKeys(slots: Int32Array): Uint8Array {
    return this.cells(slots)
  }

  /** The 8 bytes of each slot: its key, or place and length. By a kernel, whose cache misses overlap. */
  private cells(slots: Int32Array): Uint8Array {
    const cells = new Uint8Array(new ArrayBuffer(8 * slots.length))
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
    // Keys begin at multiples of 8 and are filled with zeros: they move by words, over the end of the one before.
    const values = new Uint8Array(end + 8)
    const view = new DataView(values.buffer)
    const arena = this.memory.i32.subarray(this.arena >>> 2)
    let at = 0
    for (let i = 0; i < slots.length; i++) {
      let from = ((cells[2 * i] ?? 0) >>> 2) + 1
      const to = offsets[i + 1] ?? 0
      for (; at < to; at += 4) view.setInt32(at, arena[from++] ?? 0, true)
      at = to
    }
    return { offsets, values: values.subarray(0, end) }
  }
}

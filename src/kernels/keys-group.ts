/**
 * Grouping of slot numbers: the distinct ones of a batch, its rows by key, its rows by lane. The table of
 * `distinct` is as large as the batch, not as the state, so it stays in the cache however many keys there are.
 */
import { keysWasm } from './generated/keys.js'
import { type GroupKernels } from './keys-contract.js'
import { type KernelMemory, pageBytes, wasmExports, wasmMemory } from './module.js'

export interface Distinct {
  /** Number of distinct slots. */
  readonly k: number
  /** int32[k]: the slots in order of first appearance. */
  readonly uniq: Int32Array
  /** int32[n]: which of them each row has. */
  readonly index: Int32Array
  /** int32[n]: rows by `index`, those of one key in their order. */
  readonly order: Int32Array
  /** int32[k + 1]: where the rows of each key begin in `order`. */
  readonly starts: Int32Array
}

/** Slots are >= 0. */
export function distinct(slots: Int32Array): Distinct {
  grouper ??= wasmGrouper()
  return grouper(slots)
}

/** Made at the first call and kept, with its memory: fresh memory costs a page fault for each 4 KiB of it. */
let grouper: ((slots: Int32Array) => Distinct) | undefined

const tableBits = (n: number): number => Math.max(4, 33 - Math.clz32(Math.max(1, n - 1)))

function wasmGrouper(): (slots: Int32Array) => Distinct {
  const memory = wasmMemory(1)
  const exports = memory === null ? null : wasmExports(keysWasm, memory)
  if (memory === null || exports === null || !isGroupKernels(exports)) return plainDistinct
  return slots => groupIn(memory, exports, slots)
}

const isGroupKernels = (exports: object): exports is GroupKernels => 'group' in exports

function groupIn(memory: KernelMemory, kernels: GroupKernels, slots: Int32Array): Distinct {
  const n = slots.length
  const bits = tableBits(n)
  const table = 64
  const list = (i: number): number => table + (8 << bits) + i * 4 * (n + 2)
  const missing = list(5) - memory.buffer.byteLength
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes))
  const words = new Int32Array(memory.buffer)
  words.set(slots, list(0) >> 2)
  const k = kernels.group(list(0), n, table, bits, list(1), list(2), list(3), list(4))
  const out = (i: number, length: number): Int32Array => words.slice(list(i) >> 2, (list(i) >> 2) + length)
  return { k, uniq: out(1, k), index: out(2, n), order: out(3, n), starts: out(4, k + 1) }
}

/** The plain twin. */
export function plainDistinct(slots: Int32Array): Distinct {
  const n = slots.length
  const bits = tableBits(n)
  const found = new Int32Array(n)
  const index = new Int32Array(n)
  const k = numberSlots(slots, index, { table: new Int32Array(2 << bits), bits, uniq: found })
  const uniq = found.slice(0, k)
  const starts = new Int32Array(k + 1)
  const order = new Int32Array(n)
  for (let i = 0; i < n; i++) {
    const code = (index[i] ?? 0) + 1
    starts[code] = (starts[code] ?? 0) + 1
  }
  for (let c = 1; c <= k; c++) starts[c] = (starts[c] ?? 0) + (starts[c - 1] ?? 0)
  // `found` is done with: now it counts on from each start.
  found.set(starts.subarray(0, k))
  for (let i = 0; i < n; i++) {
    const code = index[i] ?? 0
    const at = found[code] ?? 0
    order[at] = i
    found[code] = at + 1
  }
  return { k, uniq, index, order, starts }
}

/** Gives each distinct slot the next number; entries of the table are pairs (slot + 1, number). */
function numberSlots(
  slots: Int32Array,
  index: Int32Array,
  { table, bits, uniq }: { readonly table: Int32Array; readonly bits: number; readonly uniq: Int32Array },
): number {
  const n = slots.length
  const mask = (1 << bits) - 1
  let k = 0
  for (let i = 0; i < n; i++) {
    const slot = slots[i] ?? 0
    let j = Math.imul(slot, 0x9e3779b1) >>> (32 - bits)
    for (;;) {
      const entry = table[2 * j] ?? 0
      if (entry === slot + 1) {
        index[i] = table[2 * j + 1] ?? 0
        break
      }
      if (entry === 0) {
        table[2 * j] = slot + 1
        table[2 * j + 1] = k
        uniq[k] = slot
        index[i] = k
        k += 1
        break
      }
      j = (j + 1) & mask
    }
  }
  return k
}

/** The rows of each lane, in their order: row i belongs to lane `laneOfGroup[groupOf[slots[i]]]`. */
export function partition(
  slots: Int32Array,
  groupOf: Uint16Array,
  laneOfGroup: Uint16Array,
  lanes: number,
): Int32Array[] {
  // A loop of its own: its cache misses must not wait for the counts of the next one.
  const groups = new Uint16Array(slots.length)
  for (let i = 0; i < slots.length; i++) groups[i] = groupOf[slots[i] ?? 0] ?? 0
  return partitionGroups(groups, laneOfGroup, lanes)
}

/** The same where the key group of each row is known. */
export function partitionGroups(groups: Uint16Array, laneOfGroup: Uint16Array, lanes: number): Int32Array[] {
  const n = groups.length
  const ends = new Int32Array(lanes + 1)
  for (let i = 0; i < n; i++) {
    const lane = laneOfGroup[groups[i] ?? 0] ?? 0
    ends[lane + 1] = (ends[lane + 1] ?? 0) + 1
  }
  for (let l = 1; l <= lanes; l++) ends[l] = (ends[l] ?? 0) + (ends[l - 1] ?? 0)
  const rows = new Int32Array(n)
  const parts = Array.from({ length: lanes }, (_, l) => rows.subarray(ends[l], ends[l + 1]))
  for (let i = 0; i < n; i++) {
    const lane = laneOfGroup[groups[i] ?? 0] ?? 0
    const at = ends[lane] ?? 0
    rows[at] = i
    ends[lane] = at + 1
  }
  return parts
}

/**
 * CRC32C (Castagnoli): what stands behind every block on disk, since LevelDB as it is built here does not look at its own
 * check sums. WebAssembly where there is one, else the plain twin, over one memory that holds the tables and a piece of
 * the bytes.
 */
import { crc32cWasm } from './generated/crc32c.js'
import { HeapMemory, type KernelMemory, pageBytes, wasmExports, wasmMemory } from './module.js'

const polynomial = 0x82f63b78
const tables = 1024
const pieceAt = pageBytes
const pieceBytes = 4 * pageBytes

type Update = (crc: number, at: number, end: number) => number
interface Summer {
  readonly bytes: Uint8Array
  readonly update: Update
}

let summer: Summer | undefined

/** The sum of `bytes`, unsigned; `before` is that of the bytes that came before them. */
export function crc32c(bytes: Uint8Array, before = 0): number {
  summer ??= makeSummer(false)
  return sum(summer, bytes, before)
}

/** The sum of each row of packed bytes: row i is bytes [ends[i - 1], ends[i]). */
export function crc32cRows(bytes: Uint8Array, ends: Uint32Array): Uint32Array {
  summer ??= makeSummer(false)
  const { bytes: memory, update } = summer
  const sums = new Uint32Array(ends.length)
  let [from, row] = [0, 0]
  while (row < ends.length) {
    const piece = bytes.subarray(from, from + pieceBytes)
    memory.set(piece, pieceAt)
    const base = pieceAt - from
    let start = from
    for (; row < ends.length && (ends[row] ?? 0) <= from + piece.length; row++) {
      const end = ends[row] ?? 0
      sums[row] = ~update(-1, base + start, base + end) >>> 0
      start = end
    }
    // A row that is longer than a piece goes alone.
    if (start === from && row < ends.length && (ends[row] ?? 0) > from) {
      const end = ends[row] ?? 0
      sums[row] = sum(summer, bytes.subarray(from, end), 0)
      row += 1
      start = end
    }
    from = start
  }
  return sums
}

/** The same by the twin. */
export function plainCrc32c(bytes: Uint8Array, before = 0): number {
  return sum(makeSummer(true), bytes, before)
}

function sum({ bytes: memory, update }: Summer, bytes: Uint8Array, before: number): number {
  let crc = ~before
  for (let from = 0; from < bytes.length; from += pieceBytes) {
    const piece = bytes.subarray(from, from + pieceBytes)
    memory.set(piece, pieceAt)
    crc = update(crc, pieceAt, pieceAt + piece.length)
  }
  return ~crc >>> 0
}

function makeSummer(plain: boolean): Summer {
  const pages = (pieceAt + pieceBytes) / pageBytes
  const memory = plain ? null : wasmMemory(pages)
  const exports = memory === null ? null : wasmExports(crc32cWasm, memory)
  const used = exports !== null && memory !== null ? memory : new HeapMemory(pages)
  layTables(used)
  const update = exports !== null && hasUpdate(exports) ? exports.update : twin(used)
  return { bytes: new Uint8Array(used.buffer), update }
}

const hasUpdate = (exports: object): exports is { readonly update: Update } => 'update' in exports

/** Table k holds what a byte does to the sum when k bytes follow it. */
function layTables(memory: KernelMemory): void {
  const words = new Uint32Array(memory.buffer, tables, 16 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ polynomial : crc >>> 1
    words[byte] = crc
  }
  for (let i = 256; i < words.length; i++) {
    const crc = words[i - 256] ?? 0
    words[i] = (crc >>> 8) ^ (words[crc & 255] ?? 0)
  }
}

function twin(memory: KernelMemory): Update {
  const bytes = new Uint8Array(memory.buffer)
  const table = new Uint32Array(memory.buffer, tables, 256)
  return (before, at, end) => {
    let crc = before
    for (let p = at; p < end; p++) crc = (crc >>> 8) ^ (table[(crc ^ (bytes[p] ?? 0)) & 255] ?? 0)
    return crc
  }
}

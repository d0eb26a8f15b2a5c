/** The key bytes of a batch's rows, packed: for keys of which no index knows. */
import { type Batch } from '../batch/index.js'
import { encodeKeys, pieceRows } from './key-encoder.js'
import { bySlot, lists, pieceRowsMax } from './key-table.js'
import { TableMemory } from './memory.js'
import { type PackedRows, copyBytes, startOf } from './packed.js'

let scratch: TableMemory | undefined

export function packedKeys(keys: Batch, nullKeys: boolean): PackedRows {
  scratch ??= new TableMemory()
  scratch.reserve(bySlot)
  const ends = new Uint32Array(keys.rows)
  const pieces: Uint8Array[] = []
  let end = 0
  for (let from = 0; from < keys.rows; ) {
    const rows = pieceRows(keys, from, pieceRowsMax)
    encodeKeys(scratch, keys, { from, rows }, { at: bySlot, places: lists, nullKeys })
    const { u8, u32 } = scratch
    const [starts, lengths] = [lists.starts >>> 2, lists.lengths >>> 2].map(at => u32.subarray(at, at + rows))
    const first = end
    for (let i = 0; i < rows; i++) {
      end += lengths?.[i] ?? 0
      ends[from + i] = end
    }
    const piece = new Uint8Array(end - first)
    for (let i = 0; i < rows; i++) {
      const start = starts?.[i] ?? 0
      copyBytes(piece, startOf(ends, from + i) - first, u8, start, start + (lengths?.[i] ?? 0))
    }
    pieces.push(piece)
    from += rows
  }
  const bytes = new Uint8Array(end)
  let at = 0
  for (const piece of pieces) {
    bytes.set(piece, at)
    at += piece.length
  }
  return { bytes, ends }
}

/**
 * Key bytes of whole batches: copies a piece of the key columns into a table's memory and lets the kernels
 * write each row's key, column by column, at a multiple of 8 filled with zeros.
 */
import { type Batch, type Column, offsetsOf } from '../batch/index.js'
import { byteWidth } from '../schema/index.js'
import { type TableMemory } from './memory.js'

/** Where the encoder leaves each key: its address, its length without the fill, its hash; u32 lists. */
export interface KeyPlaces {
  readonly hashes: number
  readonly lengths: number
  readonly starts: number
  readonly cursors: number
}

/** Text of one piece; a single longer key still goes through. */
const pieceBytesMax = 1 << 20
const align16 = (at: number): number => Math.ceil(at / 16) * 16

/**
 * How many rows from `from` on make a piece: at most `rowsMax`, about a MiB of text, and a multiple of 8
 * unless they are the last, so that bitmaps can be cut at bytes.
 */
export function pieceRows(keys: Batch, from: number, rowsMax: number): number {
  let rows = Math.min(rowsMax, keys.rows - from)
  const texts = keys.columns.flatMap(c => c.offsets ?? [])
  const bytes = (): number =>
    texts.reduce((sum, offsets) => sum + (offsets[from + rows] ?? 0) - (offsets[from] ?? 0), 0)
  while (rows > 8 && bytes() > pieceBytesMax) rows = Math.max(8, (rows >> 4) * 8)
  return rows
}

interface Piece {
  readonly column: Column
  readonly validity: number
  readonly values: number
  readonly offsets: number
}

export interface Span {
  readonly from: number
  readonly rows: number
}

/**
 * Encodes rows [from, from + rows) into memory from address `at` on; `from` is a multiple of 8. Each key's
 * place and hash is in `places` then.
 */
export function encodeKeys(
  memory: TableMemory,
  keys: Batch,
  span: Span,
  { at, places, nullKeys }: { readonly at: number; readonly places: KeyPlaces; readonly nullKeys: boolean },
): void {
  const { pieces, end } = bringIn(memory, keys, span, at)
  const { kernels } = memory
  const { rows } = span
  const [first] = pieces
  memory.reserve(end + bytesMax(keys, span))
  if (first !== undefined && pieces.length === 1 && first.offsets !== 0 && !nullKeys) {
    const { starts, lengths, hashes } = places
    kernels.encodeText(rows, first.offsets, first.values, end, starts, lengths, hashes)
    return
  }
  memory.u32.fill(0, places.lengths >>> 2, (places.lengths >>> 2) + rows)
  for (const piece of pieces) addLengths(memory, piece, { rows, places, nullKeys })
  kernels.place(rows, places.lengths, places.starts, places.cursors, end)
  for (const piece of pieces) {
    if (nullKeys) kernels.putFlag(rows, places.cursors, piece.validity)
    putValues(memory, piece, rows, places.cursors)
  }
  kernels.hashBytes(places.starts, places.lengths, rows, places.hashes)
}

/** More bytes than the keys of these rows can have: a flag, a length and the value each, and the fill. */
function bytesMax(keys: Batch, { from, rows }: Span): number {
  return keys.columns.reduce((sum, { offsets, type }) => {
    const text = offsets === null ? 0 : (offsets[from + rows] ?? 0) - (offsets[from] ?? 0)
    return sum + rows * (5 + byteWidth(type)) + text
  }, 8 * rows)
}

/** Copies the columns' buffers of these rows to `at`. */
function bringIn(
  memory: TableMemory,
  keys: Batch,
  { from, rows }: Span,
  at: number,
): { readonly pieces: readonly Piece[]; readonly end: number } {
  const parts = keys.columns.map(column => buffersOf(column, from, rows))
  const bytes = parts.flat().reduce((sum, part) => sum + align16(part.byteLength), 0)
  memory.reserve(at + bytes + 16)
  const target = memory.u8
  let end = align16(at)
  const put = (part: Uint8Array): number => {
    const start = end
    target.set(part, start)
    end = align16(end + part.byteLength)
    return start
  }
  const pieces = keys.columns.map((column, c): Piece => {
    const [validity, offsets, values] = parts[c] ?? []
    return {
      column,
      validity: validity === undefined || validity.length === 0 ? 0 : put(validity),
      offsets: offsets === undefined || offsets.length === 0 ? 0 : put(offsets),
      values: values === undefined ? 0 : put(values) - (column.offsets?.[from] ?? 0),
    }
  })
  return { pieces, end }
}

/** Validity, offsets and values of these rows; empty where there are none. */
function buffersOf(column: Column, from: number, rows: number): readonly [Uint8Array, Uint8Array, Uint8Array] {
  const none = new Uint8Array(0)
  const bitmap = (bits: Uint8Array): Uint8Array => bits.subarray(from >> 3, (from + rows + 7) >> 3)
  const validity = column.validity === null ? none : bitmap(column.validity)
  if (column.type.kind === 'bool') return [validity, none, bitmap(column.values)]
  if (column.offsets === null) {
    const width = byteWidth(column.type)
    return [validity, none, column.values.subarray(from * width, (from + rows) * width)]
  }
  const offsets = offsetsOf(column).subarray(from, from + rows + 1)
  const values = column.values.subarray(offsets[0], offsets[rows])
  return [validity, new Uint8Array(offsets.buffer, offsets.byteOffset, offsets.byteLength), values]
}

function addLengths(
  { kernels }: TableMemory,
  { column, validity, offsets }: Piece,
  { rows, places, nullKeys }: { readonly rows: number; readonly places: KeyPlaces; readonly nullKeys: boolean },
): void {
  if (nullKeys) kernels.addFixed(rows, places.lengths, 0, 1)
  if (offsets !== 0) kernels.addText(rows, places.lengths, validity, offsets)
  else kernels.addFixed(rows, places.lengths, validity, byteWidth(column.type) || 1)
}

function putValues({ kernels }: TableMemory, piece: Piece, rows: number, cursors: number): void {
  const { column, validity, values, offsets } = piece
  const { kind } = column.type
  if (offsets !== 0) kernels.putText(rows, cursors, validity, offsets, values)
  else if (kind === 'bool') kernels.putBit(rows, cursors, validity, values)
  else if (kind === 'float32' || kind === 'float64') {
    kernels.putFloat(rows, cursors, validity, values, byteWidth(column.type))
  } else kernels.putFixed(rows, cursors, validity, values, byteWidth(column.type))
}

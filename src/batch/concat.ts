/** Concatenation: the rows of several batches of one schema, in order, as one batch. */
import { invariant } from '../base/index.js'
import { byteWidth, sameType } from '../schema/index.js'
import { bitmapBytes, copyBits, fillBits } from './bits.js'
import { type Batch, type Column } from './column.js'
import { Slab } from './slab.js'
import { byteLength } from './slice.js'
import { extent, hasOffsets, makeColumn, noBytes, noNulls, offsetsOf } from './views.js'

/** At least one batch; all of one schema. One batch is answered as it is. */
export function concat(batches: readonly Batch[], slab?: Slab): Batch {
  const [first] = batches
  if (first === undefined) throw new RangeError('concat needs at least one batch')
  return batches.length === 1 ? first : concatInto(slab ?? new Slab(joinedBytes(batches)), batches, first)
}

/** What a slab needs for `concat`, by estimate. */
export function joinedBytes(batches: readonly Batch[]): number {
  const buffers = (batches[0]?.columns.length ?? 0) * 4 * 8
  return batches.reduce((sum, b) => sum + byteLength(b), buffers + batches.length)
}

function concatInto(slab: Slab, batches: readonly Batch[], first: Batch): Batch {
  const rows = batches.reduce((sum, b) => sum + b.rows, 0)
  const columns = first.columns.map((column, c) => {
    const parts = batches.map(b => {
      const part = b.columns[c]
      invariant(part !== undefined && sameType(part.type, column.type), 'batches that are joined have one schema')
      return part
    })
    return concatColumns(parts, slab)
  })
  return { schema: first.schema, rows, columns }
}

/** Columns of one type, at least one, end to end. */
export function concatColumns(parts: readonly Column[], slab: Slab = new Slab(0)): Column {
  const [first] = parts
  if (first === undefined) throw new RangeError('concatColumns needs at least one column')
  const { type } = first
  const length = parts.reduce((sum, p) => sum + p.length, 0)
  const nullCount = parts.reduce((sum, p) => sum + p.nullCount, 0)
  const nulls = nullCount === 0 ? noNulls : { nullCount, validity: concatValidity(parts, length, slab) }
  const children = first.children.map((_, c) =>
    concatColumns(
      parts.flatMap(p => p.children[c] ?? []),
      slab,
    ),
  )
  if (type.kind === 'bool') {
    return makeColumn(type, length, nulls, { offsets: null, values: concatBits(parts, length, slab), children })
  }
  if (!hasOffsets(type)) {
    const values = concatFixed(parts, byteWidth(type), length, slab)
    return makeColumn(type, length, nulls, { offsets: null, values, children })
  }
  const offsets = concatOffsets(parts, length, slab)
  const values = children.length > 0 ? noBytes : concatBytes(parts, slab)
  return makeColumn(type, length, nulls, { offsets, values, children })
}

function concatValidity(parts: readonly Column[], length: number, slab: Slab): Uint8Array {
  const bits = slab.take(bitmapBytes(length))
  let at = 0
  for (const part of parts) {
    if (part.validity === null) fillBits(bits, at, part.length)
    else copyBits(bits, at, part.validity, { from: 0, length: part.length })
    at += part.length
  }
  return bits
}

function concatBits(parts: readonly Column[], length: number, slab: Slab): Uint8Array {
  const bits = slab.take(bitmapBytes(length))
  let at = 0
  for (const part of parts) {
    copyBits(bits, at, part.values, { from: 0, length: part.length })
    at += part.length
  }
  return bits
}

function concatFixed(parts: readonly Column[], width: number, length: number, slab: Slab): Uint8Array {
  if (width === 0) return noBytes
  const values = slab.take(width * length)
  let at = 0
  for (const part of parts) {
    values.set(part.values.subarray(0, part.length * width), at)
    at += part.length * width
  }
  return values
}

function concatOffsets(parts: readonly Column[], length: number, slab: Slab): Int32Array {
  const offsets = slab.takeInt32(length + 1)
  let row = 0
  let base = 0
  for (const part of parts) {
    const own = offsetsOf(part)
    for (let i = 1; i <= part.length; i++) offsets[row + i] = base + (own[i] ?? 0)
    row += part.length
    base += own[part.length] ?? 0
    if (base > 0x7fffffff) throw new RangeError('one column cannot hold more than 2 GiB or 2^31 items')
  }
  return offsets
}

function concatBytes(parts: readonly Column[], slab: Slab): Uint8Array {
  const values = slab.take(parts.reduce((sum, p) => sum + extent(p), 0))
  let at = 0
  for (const part of parts) {
    values.set(part.values.subarray(0, extent(part)), at)
    at += extent(part)
  }
  return values
}

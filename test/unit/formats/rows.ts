/** Reads and makes rows as plain values, for tests only: what a column holds as JavaScript would say it. */
import { type Batch, type Column } from '../../../src/batch/index.js'
import { type Decoded, type Decoder } from '../../../src/formats/index.js'
import { type Schema, schemaFromJson } from '../../../src/schema/index.js'

export const schema = (...fields: readonly (readonly [string, string])[]): Schema => schemaFromJson(fields)

/** The item of an array that a test knows is there. */
export function at<T>(items: ArrayLike<T>, i: number): T {
  const item = items[i]
  if (item === undefined) throw new RangeError(`there is no item ${i}`)
  return item
}

const bitAt = (bits: Uint8Array, i: number): boolean => ((at(bits, i >> 3) >> (i & 7)) & 1) === 1

/** A value of a column: bigint for 64 bits and decimals, Uint8Array as hex text, entries of a map as pairs. */
export function valueAt(column: Column, row: number): unknown {
  const { type, values, validity, offsets } = column
  if (validity !== null && !bitAt(validity, row)) return null
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength)
  const from = offsets?.[row] ?? 0
  const to = offsets?.[row + 1] ?? 0
  const items = (of: Column): unknown[] => Array.from({ length: to - from }, (_, i) => valueAt(of, from + i))
  switch (type.kind) {
    case 'bool':
      return bitAt(values, row)
    case 'int8':
      return view.getInt8(row)
    case 'uint8':
      return view.getUint8(row)
    case 'int16':
      return view.getInt16(row * 2, true)
    case 'uint16':
      return view.getUint16(row * 2, true)
    case 'int32':
    case 'date32':
      return view.getInt32(row * 4, true)
    case 'uint32':
      return view.getUint32(row * 4, true)
    case 'float32':
      return view.getFloat32(row * 4, true)
    case 'float64':
      return view.getFloat64(row * 8, true)
    case 'uint64':
      return view.getBigUint64(row * 8, true)
    case 'decimal128':
      return (view.getBigInt64(row * 16 + 8, true) << 64n) | view.getBigUint64(row * 16, true)
    case 'utf8':
      return new TextDecoder('utf-8', { ignoreBOM: true }).decode(values.subarray(from, to))
    case 'binary':
      return Buffer.from(values.subarray(from, to)).toString('hex')
    case 'list':
      return items(at(column.children, 0))
    case 'map':
      return items(at(column.children, 0)).map(entry => Object.values(entry as object))
    case 'struct':
      return Object.fromEntries(type.fields.map((field, i) => [field.name, valueAt(at(column.children, i), row)]))
    default:
      return view.getBigInt64(row * 8, true)
  }
}

export const rowsOf = (batch: Batch): Record<string, unknown>[] =>
  Array.from({ length: batch.rows }, (_, row) =>
    Object.fromEntries(batch.schema.fields.map((field, i) => [field.name, valueAt(at(batch.columns, i), row)])),
  )

export interface Read {
  readonly rows: Record<string, unknown>[]
  /** Line numbers of the rows. */
  readonly lines: number[]
  readonly dead: { readonly position: number; readonly message: string; readonly code: string; readonly text: string }[]
}

export interface Feed {
  /** Bytes of each piece that is given to the decoder; all at once where it is left out. */
  readonly piece?: number
  readonly rowsMax?: number
  /** Pieces are all given before the first row is taken. */
  readonly late?: boolean
}

/** All that a decoder makes of these bytes. */
export function readAll(decoder: Decoder, input: string | Uint8Array, feed: Feed = {}): Read {
  const bytes = typeof input === 'string' ? new TextEncoder().encode(input) : input
  const read: Read = { rows: [], lines: [], dead: [] }
  const piece = feed.piece ?? Math.max(1, bytes.length)
  const drain = (): void => {
    for (let part = decoder.next(feed.rowsMax ?? 1000); part !== null; part = decoder.next(feed.rowsMax ?? 1000))
      add(read, part)
  }
  for (let at = 0; at < bytes.length; at += piece) {
    const part = bytes.subarray(at, at + piece)
    decoder.space(part.length).set(part)
    decoder.filled(part.length)
    if (feed.late !== true) drain()
  }
  decoder.finish()
  drain()
  read.dead.sort((a, b) => a.position - b.position)
  return read
}

function add(read: Read, { batch, firstPosition, positions, dead }: Decoded): void {
  read.rows.push(...rowsOf(batch))
  for (let i = 0; i < batch.rows; i++) read.lines.push(positions === null ? firstPosition + i : at(positions, i))
  read.dead.push(...dead)
}

/** The row as a table cell shows it. */
export const show = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === 'bigint' ? `${part}n` : Object.is(part, -0) ? '-0' : part,
  )

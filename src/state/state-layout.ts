/**
 * State layout: one row a slot. Its cells are the fixed width values and, for utf8 and binary, place and
 * length in the text arena, widest first; behind them its header has a bit for "there", one a column for
 * "not null", and one for the value of each bool. Header and cells are one row, not two lists: each list
 * would be a cache and a TLB miss of its own.
 */
import { type DataType, type Schema, byteWidth } from '../schema/index.js'
import { checkFlat } from './key-bytes.js'

export interface StateColumn {
  readonly type: DataType
  /** Header bit that is 1 where the value is not null. */
  readonly there: number
  /** Header bit that is the value of a bool; 0 for other types. */
  readonly bit: number
  /** Byte offset of its cell in the row, and the cell's bytes; 0 bytes for a bool. */
  readonly offset: number
  readonly width: number
  /** utf8 and binary: the cell is a place and a length. */
  readonly isText: boolean
}

export interface StateLayout {
  /** One a field of the schema. */
  readonly columns: readonly StateColumn[]
  /** Byte offset of the header in a row, and its bytes. */
  readonly header: number
  readonly headerBytes: number
  /** Bytes of a row: a multiple of 8. */
  readonly stride: number
}

/** Throws a `TypeError` where a column's type is nested. */
export function stateLayout(schema: Schema): StateLayout {
  checkFlat(schema, 'state')
  const types = schema.fields.map(f => f.type)
  let bits = 1 + types.length
  let stride = 0
  const offsets = types.map(() => 0)
  for (const width of [16, 8, 4, 2, 1]) {
    types.forEach((type, c) => {
      if (cellBytes(type) !== width) return
      offsets[c] = stride
      stride += width
    })
  }
  const columns = types.map(
    (type, c): StateColumn => ({
      type,
      there: 1 + c,
      bit: type.kind === 'bool' ? bits++ : 0,
      offset: offsets[c] ?? 0,
      width: cellBytes(type),
      isText: isText(type),
    }),
  )
  const headerBytes = (bits + 7) >> 3
  return { columns, header: stride, headerBytes, stride: Math.ceil((stride + headerBytes) / 8) * 8 }
}

const isText = (type: DataType): boolean => type.kind === 'utf8' || type.kind === 'binary'
const cellBytes = (type: DataType): number => (isText(type) ? 8 : byteWidth(type))

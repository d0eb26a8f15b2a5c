/**
 * Row memory: the rows of all slots, and before them the lists of one piece of work and the values of its columns. A slot
 * that has no state reads as the default row.
 */
import { type StateLayout } from './state-layout.js'
import { TableMemory } from './memory.js'

/** Rows that are moved at once. */
export const pieceRowsMax = 4096

const slots = 1024
const rows = slots + 4 * pieceRowsMax
const bits = rows + 4 * pieceRowsMax
const headers = bits + pieceRowsMax / 8

export class RowMemory {
  readonly memory: TableMemory
  /** Addresses: the list of rows that `read` and `locate` fill, and a piece of bits. */
  readonly rows = rows
  readonly bits = bits
  /** A piece of values of each column; a bool has none. */
  readonly values: readonly number[]
  /** The header of a present row without nulls, the bits that all headers have, the default row. */
  readonly full = headers
  readonly common: number
  readonly defaultRow: number
  /** What the kernels are told of the columns, and of how many. */
  private readonly columns: number
  private readonly count: number
  private readonly base: number
  /** Slots that have room: all below it. */
  limit = 0

  constructor(
    readonly layout: StateLayout,
    plain: boolean,
  ) {
    const room = Math.ceil(layout.headerBytes / 16) * 16
    const cells = layout.columns.filter(({ width }) => width > 0)
    this.memory = new TableMemory(plain)
    this.common = headers + room
    this.defaultRow = this.common + room
    this.columns = Math.ceil((this.defaultRow + layout.stride) / 16) * 16
    this.count = cells.length
    let end = Math.ceil((this.columns + 12 * cells.length) / 64) * 64
    this.values = layout.columns.map(({ width }) => {
      end += width * pieceRowsMax
      return end - width * pieceRowsMax
    })
    this.base = end
    this.memory.reserve(end)
    const told = layout.columns.flatMap(({ offset, width }, c) =>
      width === 0 ? [] : [offset, width, this.values[c] ?? 0],
    )
    this.memory.u32.set(told, this.columns >>> 2)
  }

  makeRoom(slotCount: number): void {
    if (slotCount <= this.limit) return
    const { stride } = this.layout
    this.memory.reserve(this.base + slotCount * stride)
    this.limit = Math.floor((this.memory.size - this.base) / stride)
  }

  rowOf(slot: number): number {
    return this.base + slot * this.layout.stride
  }

  /** Addresses of these slots' rows. */
  locate(piece: Int32Array): void {
    const { memory, limit, base } = this
    const { stride, header } = this.layout
    memory.i32.set(piece, slots >>> 2)
    memory.kernels.locate(slots, piece.length, limit, base, stride, header, 0, rows)
  }

  /** Addresses, values and common bits of these slots' rows; those of the default row where one has no state. */
  read(piece: Int32Array): void {
    const { memory, limit, base, defaultRow, common, columns, count } = this
    const { stride, header, headerBytes } = this.layout
    const { kernels } = memory
    memory.i32.set(piece, slots >>> 2)
    kernels.readRows(
      slots,
      piece.length,
      limit,
      base,
      stride,
      header,
      headerBytes,
      defaultRow,
      rows,
      common,
      columns,
      count,
    )
  }

  /** Writes values into the `n` rows that were located, which are there then, without nulls. */
  write(n: number): void {
    const { memory, full, columns, count } = this
    const { header, headerBytes } = this.layout
    memory.kernels.writeRows(rows, n, header, headerBytes, full, columns, count)
  }

  /** Whether all rows that were read have this bit of their header. */
  isCommon(bit: number): boolean {
    return (((this.memory.u8[this.common + (bit >> 3)] ?? 0) >> (bit & 7)) & 1) === 1
  }
}

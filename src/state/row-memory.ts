/**
 * Row memory: the rows of all slots, and before them the lists of one piece of work. A slot that has no
 * state reads as the default row.
 */
import { type StateLayout } from './state-layout.js'
import { TableMemory } from './memory.js'

/** Rows that are moved at once. */
export const pieceRowsMax = 4096

const slots = 1024
const rows = slots + 4 * pieceRowsMax
const bits = rows + 4 * pieceRowsMax
const values = bits + pieceRowsMax / 8
const headers = values + 16 * pieceRowsMax

export class RowMemory {
  readonly memory: TableMemory
  /** Addresses: the list of rows that `locate` fills, and one column's piece of bits or values. */
  readonly rows = rows
  readonly bits = bits
  readonly values = values
  /** The header of a present row without nulls, the bits that all headers have, the default row. */
  readonly full = headers
  readonly common: number
  readonly defaultRow: number
  private readonly base: number
  /** Slots that have room: all below it. */
  limit = 0

  constructor(
    readonly layout: StateLayout,
    plain: boolean,
  ) {
    const room = Math.ceil(layout.headerBytes / 16) * 16
    this.memory = new TableMemory(plain)
    this.common = headers + room
    this.defaultRow = this.common + room
    this.base = Math.ceil((this.defaultRow + layout.stride) / 64) * 64
    this.memory.reserve(this.base)
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

  /** Addresses of these slots' rows; with `orDefault` that of the default row where one has no state. */
  locate(piece: Int32Array, orDefault: boolean): void {
    const { memory, limit, base, defaultRow } = this
    const { stride, header } = this.layout
    memory.i32.set(piece, slots >>> 2)
    memory.kernels.locate(slots, piece.length, limit, base, stride, header, orDefault ? defaultRow : 0, rows)
  }
}

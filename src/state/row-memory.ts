/**
 * Row memory: headers and cells of all slots, in blocks of 1024 slots that never move, and before them the
 * lists of one piece of work. A row that has no state reads as the default row.
 */
import { blockBits } from '../kernels/index.js'
import { type StateLayout } from './state-layout.js'
import { TableMemory } from './memory.js'

/** Rows that are moved at once. */
export const pieceRowsMax = 4096

const slots = 1024
const headers = slots + 4 * pieceRowsMax
const cells = headers + 4 * pieceRowsMax
const bits = cells + 4 * pieceRowsMax
const values = bits + pieceRowsMax / 8
const defaults = values + 16 * pieceRowsMax

export class RowMemory {
  readonly memory: TableMemory
  /** Addresses of the lists that `locate` fills, and of one column's piece. */
  readonly headers = headers
  readonly cells = cells
  readonly bits = bits
  readonly values = values
  /** The header of a present row without nulls; bits that all rows have; header and cells of the default row. */
  readonly full = defaults
  readonly common: number
  readonly noHeader: number
  readonly noCells: number
  private readonly blocks: number
  private readonly blockBytes: number
  private blockCount = 0

  constructor(
    private readonly layout: StateLayout,
    plain: boolean,
  ) {
    const { headerBytes, stride } = layout
    const room = Math.ceil(headerBytes / 16) * 16
    this.memory = new TableMemory(plain)
    this.common = defaults + room
    this.noHeader = this.common + room
    this.noCells = this.noHeader + room
    this.blocks = Math.ceil((this.noCells + stride) / 64) * 64
    this.blockBytes = (headerBytes + stride) << blockBits
    this.memory.reserve(this.blocks)
  }

  /** Slots that have room: all below it. */
  get limit(): number {
    return this.blockCount << blockBits
  }

  makeRoom(slotCount: number): void {
    if (slotCount <= this.limit) return
    const blockCount = Math.ceil(slotCount / (1 << blockBits))
    this.memory.reserve(this.blocks + blockCount * this.blockBytes)
    this.blockCount = blockCount
  }

  /** Addresses of these rows' headers and cells; with `orDefault` those of the default row where one is absent. */
  locate(piece: Int32Array, orDefault: boolean): void {
    const { memory, layout } = this
    memory.u32.set(piece, slots >>> 2)
    const { headerBytes, stride } = layout
    memory.kernels.locate(
      slots, piece.length, this.limit, this.blocks, headerBytes, stride,
      this.noHeader, this.noCells, orDefault ? 1 : 0, headers, cells,
    )
  }

  headerOf(slot: number): number {
    const block = this.blocks + (slot >>> blockBits) * this.blockBytes
    return block + (slot & ((1 << blockBits) - 1)) * this.layout.headerBytes
  }

  cellsOf(slot: number): number {
    const { headerBytes, stride } = this.layout
    const block = this.blocks + (slot >>> blockBits) * this.blockBytes
    return block + (headerBytes << blockBits) + (slot & ((1 << blockBits) - 1)) * stride
  }
}

/**
 * Scratch: the memory of a kernel, cut into places for columns, and behind them the input. Columns leave it
 * as copies only.
 */
import { type Column } from '../../batch/index.js'
import { type KernelMemory, pageBytes } from '../../kernels/index.js'
import { type DataType, byteWidth } from '../../schema/index.js'
import { type InputRegion, padding } from '../line-buffer.js'
import { bitmapBytes } from './builder.js'

/** Rows of one run of a kernel. */
export const runRowsMax = 65_536
/** Bytes of input of one run, and so of each text column; more rows go into the next batch. */
export const runBytesMax = 4 * 1024 * 1024

/** Hands out memory in order, in parts that begin at multiples of 64. */
export class Room {
  constructor(private at: number) {}

  take(bytes: number): number {
    const from = this.at
    this.at = (from + bytes + 63) & -64
    return from
  }
}

/** Where the rows of a run lie that belong to one flat column. */
export interface Place {
  readonly type: DataType
  readonly validity: number
  readonly values: number
  readonly offsets: number
}

export function placeOf(type: DataType, room: Room): Place {
  const bits = runRowsMax / 8
  const text = type.kind === 'utf8'
  const bytes = text ? runBytesMax + padding : type.kind === 'bool' ? bits : runRowsMax * byteWidth(type)
  const offsets = text ? room.take((runRowsMax + 1) * 4) : 0
  return { type, validity: room.take(bits), values: room.take(bytes), offsets }
}

/** The column of a run, as views that the next call of the kernel ends. */
export function columnAt(buffer: ArrayBuffer, place: Place, rows: number, sawNulls: boolean): Column {
  const { type } = place
  const bits = new Uint8Array(buffer, place.validity, bitmapBytes(rows))
  const nullCount = sawNulls ? zeros(bits, rows) : 0
  const offsets = type.kind === 'utf8' ? new Int32Array(buffer, place.offsets, rows + 1) : null
  const fixed = type.kind === 'bool' ? bitmapBytes(rows) : rows * byteWidth(type)
  const values = new Uint8Array(buffer, place.values, offsets === null ? fixed : (offsets[rows] ?? 0))
  return { type, length: rows, nullCount, validity: nullCount > 0 ? bits : null, offsets, values, children: [] }
}

/** Bits among the first `rows` that are 0. */
function zeros(bits: Uint8Array, rows: number): number {
  let count = 0
  for (let i = 0; i < rows; i++) count += (((bits[i >> 3] ?? 0) >> (i & 7)) & 1) ^ 1
  return count
}

/** Input in a kernel's memory, from `from` to its end. */
export class KernelRegion implements InputRegion {
  bytes: Uint8Array

  constructor(
    private readonly memory: KernelMemory,
    private readonly from: number,
  ) {
    this.bytes = new Uint8Array(memory.buffer, from)
  }

  grow(length: number): void {
    if (length <= this.bytes.length) return
    const wanted = Math.max(length, this.bytes.length * 2)
    this.memory.grow(Math.ceil((wanted - this.bytes.length) / pageBytes))
    this.bytes = new Uint8Array(this.memory.buffer, this.from)
  }
}

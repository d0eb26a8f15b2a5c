/**
 * Column builders: columns that grow by one value or by a run of them, can give back their last rows (a line
 * that turns out to be dead half way), and end as Arrow columns in one fresh buffer.
 */
import { BufferPool, type Column, type Lent, type Loan, type Memory } from '../../batch/index.js'
import { invariant } from '../../base/index.js'
import { type DataType, byteWidth } from '../../schema/index.js'

/** Parts of a batch begin at multiples of this many bytes. */
const alignment = 64
const roomMin = 1024
const collected: Memory = new BufferPool(0)

/** One buffer, cut in aligned parts in order; the gaps are zeros, since whole buffers go to workers. */
export class Arena {
  private readonly lent: Lent
  private at = 0

  constructor(bytes: number, memory: Memory = collected) {
    this.lent = memory.take(Math.max(bytes, alignment))
  }

  /** What all that was copied lies in. */
  get loan(): Loan | undefined {
    return this.lent.loan
  }

  /** Bytes that a part of this length takes up. */
  static size(bytes: number): number {
    return (bytes + alignment - 1) & -alignment
  }

  /** A copy of the first `bytes` bytes. */
  copy(from: Uint8Array, bytes: number): Uint8Array {
    const { buffer, byteOffset } = this.lent.bytes
    const part = new Uint8Array(buffer, byteOffset + this.at, Arena.size(bytes))
    part.set(from.length === bytes ? from : from.subarray(0, bytes))
    part.fill(0, bytes)
    this.at += part.length
    return part.subarray(0, bytes)
  }

  /** A copy of a flat column. */
  column(from: Column): Column {
    const { type, length, nullCount } = from
    const validity = from.validity === null ? null : this.copy(from.validity, from.validity.length)
    if (validity !== null) clearTail(validity, length)
    const offsets = from.offsets === null ? null : this.copyOffsets(from.offsets)
    const values = this.copy(from.values, from.values.length)
    if (type.kind === 'bool') clearTail(values, length)
    return { type, length, nullCount, validity, offsets, values, children: [] }
  }

  copyOffsets(from: Int32Array): Int32Array {
    const part = this.copy(new Uint8Array(from.buffer, from.byteOffset, from.byteLength), from.byteLength)
    return new Int32Array(part.buffer, part.byteOffset, from.length)
  }
}

export const bitmapBytes = (bits: number): number => (bits + 7) >> 3

export abstract class ColumnBuilder {
  length = 0
  nullCount = 0
  private validity = new Uint8Array(0)

  constructor(readonly type: DataType) {}

  /** A place for a null, with whatever value. */
  protected abstract blank(): void
  protected abstract cut(length: number): void
  protected abstract run(column: Column): void
  protected abstract ownBytes(): number
  protected abstract own(arena: Arena, validity: Uint8Array | null): Column

  appendNull(): void {
    this.needValidity(this.length + 1)
    this.blank()
    this.validity[this.length >> 3] = (this.validity[this.length >> 3] ?? 0) & ~(1 << (this.length & 7))
    this.nullCount += 1
    this.length += 1
  }

  /** The last rows go again, and what was begun of a row behind them. */
  truncate(length: number): void {
    for (let i = length; i < this.length && this.nullCount > 0; i++) {
      const bit = 1 << (i & 7)
      const byte = this.validity[i >> 3] ?? 0xff
      if (i >> 3 >= this.validity.length || byte & bit) continue
      this.validity[i >> 3] = byte | bit
      this.nullCount -= 1
    }
    this.cut(length)
    this.length = length
  }

  /** All rows of a column of this type, which has no children. */
  appendRun(column: Column): void {
    invariant(column.children.length === 0, 'runs have flat types')
    this.run(column)
    if (column.validity !== null && column.nullCount > 0) this.copyNulls(column.validity, column.length)
    this.length += column.length
  }

  bytes(): number {
    return this.ownBytes() + (this.nullCount > 0 ? Arena.size(bitmapBytes(this.length)) : 0)
  }

  finish(arena: Arena): Column {
    const size = bitmapBytes(this.length)
    if (this.nullCount > 0) this.needValidity(this.length)
    const validity = this.nullCount > 0 ? arena.copy(this.validity, size) : null
    if (validity !== null) clearTail(validity, this.length)
    return this.own(arena, validity)
  }

  private copyNulls(from: Uint8Array, rows: number): void {
    this.needValidity(this.length + rows)
    for (let i = 0; i < rows; i++) {
      if (((from[i >> 3] ?? 0) >> (i & 7)) & 1) continue
      const at = this.length + i
      this.validity[at >> 3] = (this.validity[at >> 3] ?? 0) & ~(1 << (at & 7))
      this.nullCount += 1
    }
  }

  /** Bits that nobody cleared are ones. */
  private needValidity(bits: number): void {
    const bytes = bitmapBytes(bits)
    if (bytes <= this.validity.length) return
    const larger = new Uint8Array(Math.max(bytes, this.validity.length * 2, roomMin / 8)).fill(0xff)
    larger.set(this.validity)
    this.validity = larger
  }
}

/** Bits behind the last row are zeros, so that equal columns have equal bytes. */
function clearTail(bits: Uint8Array, length: number): void {
  const last = bits.length - 1
  if (length & 7) bits[last] = (bits[last] ?? 0) & ((1 << (length & 7)) - 1)
}

export const builtBytes = (builders: readonly ColumnBuilder[]): number =>
  builders.reduce((sum, builder) => sum + builder.bytes(), 0)

/** The columns that the builders hold, in one buffer. */
export const finishColumns = (
  builders: readonly ColumnBuilder[],
  arena = new Arena(builtBytes(builders)),
): readonly Column[] => builders.map(builder => builder.finish(arena))

const flat = { children: [], offsets: null } as const

/** Values of 1 to 16 bytes, written through `view` at `length * width`. */
export class FixedBuilder extends ColumnBuilder {
  view = new DataView(new ArrayBuffer(0))
  readonly width: number

  constructor(type: DataType) {
    super(type)
    this.width = byteWidth(type)
  }

  /** Room for one more value; answers where it goes. */
  slot(): number {
    this.need(this.length + 1)
    return this.length * this.width
  }

  protected blank(): void {
    const at = this.slot()
    for (let i = 0; i < this.width; i++) this.view.setUint8(at + i, 0)
  }

  protected cut(): void {}

  protected run(column: Column): void {
    this.need(this.length + column.length)
    this.content().set(column.values.subarray(0, column.length * this.width), this.length * this.width)
  }

  protected ownBytes(): number {
    return Arena.size(this.length * this.width)
  }

  protected own(arena: Arena, validity: Uint8Array | null): Column {
    const values = arena.copy(this.content(), this.length * this.width)
    return { type: this.type, length: this.length, nullCount: this.nullCount, validity, values, ...flat }
  }

  private content(): Uint8Array {
    return new Uint8Array(this.view.buffer)
  }

  private need(values: number): void {
    const bytes = values * this.width
    if (bytes <= this.view.byteLength) return
    const larger = new Uint8Array(Math.max(bytes, this.view.byteLength * 2, roomMin))
    larger.set(this.content())
    this.view = new DataView(larger.buffer)
  }
}

export class BitBuilder extends ColumnBuilder {
  private bits = new Uint8Array(roomMin / 8)

  append(value: boolean): void {
    this.set(this.length, value)
    this.length += 1
  }

  protected blank(): void {
    this.set(this.length, false)
  }

  protected cut(): void {}

  protected run(column: Column): void {
    for (let i = 0; i < column.length; i++) {
      this.set(this.length + i, (((column.values[i >> 3] ?? 0) >> (i & 7)) & 1) === 1)
    }
  }

  protected ownBytes(): number {
    return Arena.size(bitmapBytes(this.length))
  }

  protected own(arena: Arena, validity: Uint8Array | null): Column {
    const values = arena.copy(this.bits, bitmapBytes(this.length))
    clearTail(values, this.length)
    return { type: this.type, length: this.length, nullCount: this.nullCount, validity, values, ...flat }
  }

  private set(at: number, value: boolean): void {
    if (at >> 3 >= this.bits.length) {
      const larger = new Uint8Array(this.bits.length * 2)
      larger.set(this.bits)
      this.bits = larger
    }
    const bit = 1 << (at & 7)
    const byte = this.bits[at >> 3] ?? 0
    this.bits[at >> 3] = value ? byte | bit : byte & ~bit
  }
}

/** Builders of columns with offsets or children: utf8 and binary, list and map, struct. */
import { type Column } from '../../batch/index.js'
import { type DataType } from '../../schema/index.js'
import { Arena, BitBuilder, ColumnBuilder, FixedBuilder } from './builder.js'

const none = new Uint8Array(0)

/** Offsets of a column of variable length: one more than values, the first is 0. */
class Offsets {
  private values = new Int32Array(128)

  at(row: number): number {
    return this.values[row] ?? 0
  }

  set(row: number, offset: number): void {
    if (row >= this.values.length) {
      const larger = new Int32Array(Math.max(row + 1, this.values.length * 2))
      larger.set(this.values)
      this.values = larger
    }
    this.values[row] = offset
  }

  copyTo(arena: Arena, rows: number): Int32Array {
    return arena.copyOffsets(this.values.subarray(0, rows + 1))
  }
}

/** utf8 and binary: bytes go to `content` behind `filled`, and `close` makes them a value. */
export class BytesBuilder extends ColumnBuilder {
  private readonly offsets = new Offsets()
  content = new Uint8Array(1024)
  filled = 0

  need(bytes: number): void {
    if (this.filled + bytes <= this.content.length) return
    const larger = new Uint8Array(Math.max(this.filled + bytes, this.content.length * 2))
    larger.set(this.content.subarray(0, this.filled))
    this.content = larger
  }

  append(from: Uint8Array, start: number, end: number): void {
    this.need(end - start)
    if (end - start > 64) this.content.set(from.subarray(start, end), this.filled)
    else for (let i = start; i < end; i++) this.content[this.filled + i - start] = from[i] ?? 0
    this.filled += end - start
  }

  close(): void {
    this.offsets.set(this.length + 1, this.filled)
    this.length += 1
  }

  protected blank(): void {
    this.offsets.set(this.length + 1, this.filled)
  }

  protected cut(length: number): void {
    this.filled = this.offsets.at(length)
  }

  protected run(column: Column): void {
    const base = this.filled
    for (let i = 1; i <= column.length; i++) this.offsets.set(this.length + i, base + (column.offsets?.[i] ?? 0))
    this.append(column.values, 0, column.offsets?.[column.length] ?? 0)
  }

  protected ownBytes(): number {
    return Arena.size((this.length + 1) * 4) + Arena.size(this.filled)
  }

  protected own(arena: Arena, validity: Uint8Array | null): Column {
    const offsets = this.offsets.copyTo(arena, this.length)
    const values = arena.copy(this.content, this.filled)
    const { type, length, nullCount } = this
    return { type, length, nullCount, validity, offsets, values, children: [] }
  }
}

/** list, and map with its entries as items: items go to `items`, and `close` makes them a value. */
export class ListBuilder extends ColumnBuilder {
  private readonly offsets = new Offsets()

  constructor(
    type: DataType,
    readonly items: ColumnBuilder,
  ) {
    super(type)
  }

  close(): void {
    this.offsets.set(this.length + 1, this.items.length)
    this.length += 1
  }

  protected blank(): void {
    this.offsets.set(this.length + 1, this.items.length)
  }

  protected cut(length: number): void {
    this.items.truncate(this.offsets.at(length))
  }

  protected run(): void {}

  protected ownBytes(): number {
    return Arena.size((this.length + 1) * 4) + this.items.bytes()
  }

  protected own(arena: Arena, validity: Uint8Array | null): Column {
    const offsets = this.offsets.copyTo(arena, this.length)
    const { type, length, nullCount } = this
    return { type, length, nullCount, validity, offsets, values: none, children: [this.items.finish(arena)] }
  }
}

/** A struct has no values of its own; a null struct is null in every field. */
export class StructBuilder extends ColumnBuilder {
  constructor(
    type: DataType,
    readonly fields: readonly ColumnBuilder[],
  ) {
    super(type)
  }

  close(): void {
    this.length += 1
  }

  protected blank(): void {
    for (const field of this.fields) field.appendNull()
  }

  protected cut(length: number): void {
    for (const field of this.fields) field.truncate(length)
  }

  protected run(): void {}

  protected ownBytes(): number {
    return this.fields.reduce((sum, field) => sum + field.bytes(), 0)
  }

  protected own(arena: Arena, validity: Uint8Array | null): Column {
    const children = this.fields.map(field => field.finish(arena))
    const { type, length, nullCount } = this
    return { type, length, nullCount, validity, offsets: null, values: none, children }
  }
}

/** The builder of a type without children. */
export function flatBuilder(type: DataType): ColumnBuilder {
  switch (type.kind) {
    case 'bool':
      return new BitBuilder(type)
    case 'utf8':
    case 'binary':
      return new BytesBuilder(type)
    default:
      return new FixedBuilder(type)
  }
}

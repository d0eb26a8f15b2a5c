/**
 * One state column on its way in: a column's pieces become cells and header bits. Cells are laid out first, then the rows are
 * written with those of all columns, which makes all bits say "there"; then come the bits that do not.
 */
import { type Column, bitAt, bitmapBytes } from '../batch/index.js'
import { type RowMemory } from './row-memory.js'
import { type StateColumn } from './state-layout.js'
import { type TextArena } from './text-arena.js'

export class ColumnIn {
  constructor(
    private readonly place: StateColumn,
    /** Which column it is. */
    private readonly number: number,
    private readonly column: Column,
    private readonly clear: Uint8Array | null,
  ) {}

  /** Lays out the cells of rows [from, from + n) for the rows that were located. */
  layPiece(place: RowMemory, texts: TextArena, from: number, n: number): void {
    const { width, isText } = this.place
    if (isText) this.layTexts(place, texts, from, n)
    else if (width > 0)
      place.memory.u8.set(this.column.values.subarray(from * width, (from + n) * width), this.cells(place))
  }

  /** The header bits of rows [from, from + n), which were written; `from` is a multiple of 8. */
  putBits({ memory, rows, bits, layout }: RowMemory, from: number, n: number): void {
    const { there, bit, width } = this.place
    const { validity, values } = this.column
    const put = (bitmap: Uint8Array, to: number): void => {
      memory.u8.set(bitmap.subarray(from >> 3, (from >> 3) + bitmapBytes(n)), bits)
      memory.kernels.scatterBits(rows, n, layout.header, to, bits)
    }
    if (validity !== null) put(validity, there)
    if (width === 0) put(values, bit)
  }

  private cells(place: RowMemory): number {
    return place.values[this.number] ?? 0
  }

  /** Each text takes the place of the one before it; null and cleared ones give theirs back. */
  private layTexts(place: RowMemory, texts: TextArena, from: number, n: number): void {
    const { memory, rows } = place
    const values = this.cells(place)
    const { width, offset } = this.place
    const { offsets, values: source } = this.column
    memory.kernels.gather(rows, n, offset, width, values)
    const { u32 } = memory
    for (let i = 0; i < n; i++) {
      const cell = (values >>> 2) + 2 * i
      const start = offsets?.[from + i] ?? 0
      const end = this.isKept(from + i) ? (offsets?.[from + i + 1] ?? 0) : start
      u32[cell] = texts.replace(u32[cell] ?? 0, u32[cell + 1] ?? 0, source, start, end)
      u32[cell + 1] = end - start
    }
  }

  private isKept(row: number): boolean {
    const { validity } = this.column
    return (validity === null || bitAt(validity, row) === 1) && (this.clear === null || bitAt(this.clear, row) === 0)
  }
}

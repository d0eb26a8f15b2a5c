/** One state column on its way in: a column's pieces become cells and header bits. */
import { type Column, bitAt, bitmapBytes } from '../batch/index.js'
import { type RowMemory } from './row-memory.js'
import { type StateColumn } from './state-layout.js'
import { type TextArena } from './text-arena.js'

export class ColumnIn {
  constructor(
    private readonly place: StateColumn,
    private readonly column: Column,
    private readonly clear: Uint8Array | null,
  ) {}

  /** Rows [from, from + n) into the rows that were located; `from` is a multiple of 8. */
  putPiece(place: RowMemory, texts: TextArena, from: number, n: number): void {
    const { memory, rows, bits, values } = place
    const { header } = place.layout
    const { there, bit, width, offset, isText } = this.place
    const { validity, values: source } = this.column
    if (validity !== null) {
      memory.u8.set(validity.subarray(from >> 3, (from >> 3) + bitmapBytes(n)), bits)
      memory.kernels.scatterBits(rows, n, header, there, bits)
    }
    if (isText) this.putTexts(place, texts, from, n)
    else if (width > 0) {
      memory.u8.set(source.subarray(from * width, (from + n) * width), values)
      memory.kernels.scatter(rows, n, offset, width, values)
    } else {
      memory.u8.set(source.subarray(from >> 3, (from >> 3) + bitmapBytes(n)), bits)
      memory.kernels.scatterBits(rows, n, header, bit, bits)
    }
  }

  /** Each text takes the place of the one before it; null and cleared ones give theirs back. */
  private putTexts(place: RowMemory, texts: TextArena, from: number, n: number): void {
    const { memory, rows, values } = place
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
    memory.kernels.scatter(rows, n, offset, width, values)
  }

  private isKept(row: number): boolean {
    const { validity } = this.column
    return (validity === null || bitAt(validity, row) === 1) && (this.clear === null || bitAt(this.clear, row) === 0)
  }
}

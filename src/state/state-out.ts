/** One state column on its way out: pieces of cells become a column. */
import { type Column, Slab, bitmapBytes, fillBits, makeColumn } from '../batch/index.js'
import { type RowMemory } from './row-memory.js'
import { type StateColumn } from './state-layout.js'
import { type TextArena } from './text-arena.js'

export class ColumnOut {
  /** Values; of text its cells, and of bool its bits. */
  private readonly values: Uint8Array
  private validity: Uint8Array | null = null
  private nullCount = 0

  constructor(
    private readonly place: StateColumn,
    /** Which column it is. */
    private readonly number: number,
    private readonly length: number,
    slab: Slab,
  ) {
    this.values = slab.takeAny(ColumnOut.valueBytes(place, length))
  }

  /** Bytes of a slab that a column takes. */
  static bytes(place: StateColumn, length: number): number {
    return ColumnOut.valueBytes(place, length) + 8
  }

  private static valueBytes(place: StateColumn, length: number): number {
    return place.type.kind === 'bool' ? bitmapBytes(length) : place.width * length
  }

  /** The next `n` rows, which were read; `from` is a multiple of 8. */
  takePiece(place: RowMemory, from: number, n: number): void {
    const { memory, rows, bits } = place
    const { header } = place.layout
    const { there, bit, width } = this.place
    if (place.isCommon(there)) {
      if (this.validity !== null) fillBits(this.validity, from, n)
    } else {
      this.nullCount += memory.kernels.gatherBits(rows, n, header, there, bits)
      this.bitsFrom(from).set(memory.u8.subarray(bits, bits + bitmapBytes(n)), from >> 3)
    }
    if (width > 0) {
      const values = place.values[this.number] ?? 0
      this.values.set(memory.u8.subarray(values, values + n * width), from * width)
    } else {
      memory.kernels.gatherBits(rows, n, header, bit, bits)
      this.values.set(memory.u8.subarray(bits, bits + bitmapBytes(n)), from >> 3)
    }
  }

  /** The validity from the first null on; the rows before it, `from` of them, are there. */
  private bitsFrom(from: number): Uint8Array {
    if (this.validity === null) {
      this.validity = new Uint8Array(bitmapBytes(this.length))
      fillBits(this.validity, 0, from)
    }
    return this.validity
  }

  finish(texts: TextArena): Column {
    const { length, nullCount, place } = this
    const nulls = { nullCount, validity: nullCount === 0 ? null : this.validity }
    const parts = place.isText ? this.readTexts(texts) : { offsets: null, values: this.values }
    const { offsets, values } = parts
    return makeColumn(place.type, length, nulls, { offsets, values, children: [] })
  }

  private readTexts(texts: TextArena): Pick<Column, 'offsets' | 'values'> {
    const { length } = this
    const { buffer, byteOffset } = this.values
    const cells = new Uint32Array(buffer, byteOffset, 2 * length)
    const offsets = new Int32Array(length + 1)
    let end = 0
    for (let i = 0; i < length; i++) {
      end += cells[2 * i + 1] ?? 0
      if (end > 0x7fffffff) throw new RangeError('one state column of a batch cannot hold more than 2 GiB')
      offsets[i + 1] = end
    }
    const values = new Slab(end).take(end)
    for (let i = 0; i < length; i++) texts.read(cells[2 * i] ?? 0, cells[2 * i + 1] ?? 0, values, offsets[i] ?? 0)
    return { offsets, values }
  }
}

/**
 * The part of FlatBuffers that Arrow's schema message needs: tables, vectors of references and strings,
 * written forwards. apache-arrow could render the same bytes, but loading it costs 275 ms of every start,
 * so it stays the oracle of the tests.
 */
export interface FlatField {
  readonly width: 1 | 2 | 4 | 8
  readonly value: number | FlatPart
}
/** Writes itself at the end and answers its position. */
export type FlatPart = (writer: FlatWriter) => number

export const u8 = (value: number): FlatField => ({ width: 1, value })
export const i16 = (value: number): FlatField => ({ width: 2, value })
export const i32 = (value: number): FlatField => ({ width: 4, value })
export const i64 = (value: number): FlatField => ({ width: 8, value })
export const ref = (value: FlatPart): FlatField => ({ width: 4, value })

/** A table; the place of a field in the list is its id, null stands for one that is left out. */
export const table =
  (fields: readonly (FlatField | null)[]): FlatPart =>
  writer =>
    writer.table(fields)
export const vector =
  (parts: readonly FlatPart[]): FlatPart =>
  writer =>
    writer.vector(parts)
export const text =
  (value: string): FlatPart =>
  writer =>
    writer.text(value)

/** The bytes of a FlatBuffer with this root. */
export function flatBytes(root: FlatPart): Uint8Array {
  const writer = new FlatWriter()
  const slot = writer.space(4, 4)
  writer.point(slot, root(writer))
  return writer.bytes()
}

export class FlatWriter {
  private view = new DataView(new ArrayBuffer(1024))
  private end = 0

  bytes(): Uint8Array {
    return new Uint8Array(this.view.buffer.slice(0, this.end))
  }

  /** `bytes` zero bytes at a multiple of `align`. */
  space(bytes: number, align: number): number {
    const at = Math.ceil(this.end / align) * align
    this.end = at + bytes
    if (this.end > this.view.byteLength) {
      const larger = new Uint8Array(new ArrayBuffer(Math.max(this.end, this.view.byteLength * 2)))
      larger.set(new Uint8Array(this.view.buffer))
      this.view = new DataView(larger.buffer)
    }
    return at
  }

  /** The reference at `slot` means `target`, which lies after it. */
  point(slot: number, target: number): void {
    this.view.setUint32(slot, target - slot, true)
  }

  /** The vtable, then the table with its widest fields first, then what it refers to. */
  table(fields: readonly (FlatField | null)[]): number {
    const offsets = fields.map(() => 0)
    let size = 4
    for (const width of [8, 4, 2, 1]) {
      fields.forEach((field, id) => {
        if (field?.width !== width) return
        offsets[id] = size
        size += width
      })
    }
    const vtable = this.space(4 + 2 * fields.length, 2)
    this.end = Math.ceil((this.end + 4) / 8) * 8 - 4
    const at = this.space(size, 4)
    this.view.setUint16(vtable, 4 + 2 * fields.length, true)
    this.view.setUint16(vtable + 2, size, true)
    offsets.forEach((offset, id) => this.view.setUint16(vtable + 4 + 2 * id, offset, true))
    this.view.setInt32(at, at - vtable, true)
    fields.forEach((field, id) => {
      if (field !== null) this.field(at + (offsets[id] ?? 0), field)
    })
    return at
  }

  private field(at: number, { width, value }: FlatField): void {
    if (typeof value === 'function') return this.point(at, value(this))
    if (width === 1) this.view.setUint8(at, value)
    else if (width === 2) this.view.setInt16(at, value, true)
    else if (width === 4) this.view.setInt32(at, value, true)
    else this.view.setBigInt64(at, BigInt(value), true)
  }

  vector(parts: readonly FlatPart[]): number {
    const at = this.space(4 + 4 * parts.length, 4)
    this.view.setUint32(at, parts.length, true)
    parts.forEach((part, i) => this.point(at + 4 + 4 * i, part(this)))
    return at
  }

  text(value: string): number {
    const bytes = new TextEncoder().encode(value)
    const at = this.space(4 + bytes.length + 1, 4)
    this.view.setUint32(at, bytes.length, true)
    new Uint8Array(this.view.buffer).set(bytes, at + 4)
    return at
  }
}

/**
 * Slab: one ArrayBuffer for all buffers of one new batch. Fewer, larger buffers are what the garbage
 * collector likes, and a batch lives and dies as a whole anyway. The size is an estimate: a part that does
 * not fit gets a buffer of its own.
 */
const align8 = (bytes: number): number => (bytes + 7) & ~7

export class Slab {
  private buffer: ArrayBuffer
  private at = 0

  constructor(bytes: number) {
    this.buffer = new ArrayBuffer(align8(bytes))
  }

  /** `bytes` zero bytes at an 8-byte aligned place. */
  take(bytes: number): Uint8Array {
    if (this.at + bytes > this.buffer.byteLength) return new Uint8Array(new ArrayBuffer(bytes))
    const part = new Uint8Array(this.buffer, this.at, bytes)
    this.at = align8(this.at + bytes)
    return part
  }

  /** `length` zero int32, 8-byte aligned. */
  takeInt32(length: number): Int32Array {
    const part = this.take(length * 4)
    return new Int32Array(part.buffer, part.byteOffset, length)
  }
}

/**
 * Slab: one buffer for all buffers of one new batch. Fewer, larger buffers are what the garbage collector likes, and a
 * batch lives and dies as a whole anyway. The size is an estimate: a part that does not fit gets a buffer of its own.
 */
import { type Lent, type Loan, type Memory } from './loan.js'

const align8 = (bytes: number): number => (bytes + 7) & ~7

export class Slab {
  private readonly lent: Lent
  private at = 0

  /** @param memory where the buffer is from; without, it is left to the garbage collector. */
  constructor(bytes: number, memory: Memory = collected) {
    this.lent = memory.take(align8(bytes))
  }

  /** What all parts lie in but those that did not fit. */
  get loan(): Loan | undefined {
    return this.lent.loan
  }

  /** `bytes` zero bytes at an 8-byte aligned place. */
  take(bytes: number): Uint8Array {
    const part = this.takeAny(bytes)
    // Memory that was lent before has somebody's bytes in it.
    return this.lent.loan === undefined ? part : part.fill(0)
  }

  /** The same for who writes all of them: whatever was in them may be in them still. */
  takeAny(bytes: number): Uint8Array {
    const { bytes: whole } = this.lent
    if (this.at + bytes > whole.length) return new Uint8Array(new ArrayBuffer(bytes))
    const part = new Uint8Array(whole.buffer, whole.byteOffset + this.at, bytes)
    this.at = align8(this.at + bytes)
    return part
  }

  /** `length` zero int32, 8-byte aligned. */
  takeInt32(length: number): Int32Array {
    const part = this.take(length * 4)
    return new Int32Array(part.buffer, part.byteOffset, length)
  }

  /** `length` zero float64. */
  takeFloat64(length: number): Float64Array {
    const part = this.take(length * 8)
    return new Float64Array(part.buffer, part.byteOffset, length)
  }
}

const collected: Memory = { take: bytes => ({ bytes: new Uint8Array(new ArrayBuffer(bytes)), loan: undefined }) }

/**
 * Loans: memory of batches that is used again once nobody reads it.
 *
 * Node's garbage collector marks the whole heap for every few dozen MB of buffers that come and go, which was nearly half of
 * the CPU of B1 in a profile on a busy machine. So large bodies lie in buffers of a pool, and whoever passes rows on passes the
 * loan with them. To let go of one is never a duty: a loan that is forgotten is collected with its buffer like any other.
 * To let go too early is the one mistake, so the simulation and the tests use a pool that spoils what it gets back.
 */
import { invariant } from '../base/index.js'

/** The right to read some memory. Who passes it on keeps nothing; who gives it to two keeps it once more. */
export class Loan {
  private holders = 1

  constructor(private readonly back: () => void) {}

  /** One more holder. */
  keep(): void {
    invariant(this.holders > 0, 'memory is not read after it was given back')
    this.holders += 1
  }

  release(): void {
    invariant(this.holders > 0, 'a holder gives memory back once')
    this.holders -= 1
    if (this.holders === 0) this.back()
  }
}

/** Both as one. */
export function joinLoans(a: Loan | undefined, b: Loan | undefined): Loan | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return new Loan(() => {
    a.release()
    b.release()
  })
}

export interface Lent {
  /** Exactly as long as asked for, 8-byte aligned. With a loan, whatever was in it before is in it still; else zeros. */
  readonly bytes: Uint8Array
  /** Undefined for memory that is not worth a loan: it is simply collected. */
  readonly loan: Loan | undefined
}

export interface Memory {
  take(bytes: number): Lent
}

/** Less than this is quicker made anew. */
const lentBytesMin = 32 * 1024

/** Buffers by size, the most recently used first: it is still in the processor's cache. */
export class BufferPool implements Memory {
  /** The size that was used last stands last. */
  private readonly free = new Map<number, ArrayBuffer[]>()
  private freeBytes = 0

  /** @param freeBytesMax what may lie here unused; more is left to the garbage collector. */
  constructor(private readonly freeBytesMax: number) {}

  take(bytes: number): Lent {
    if (bytes < lentBytesMin) return { bytes: new Uint8Array(new ArrayBuffer(bytes)), loan: undefined }
    const size = sizeClass(bytes)
    const buffer = this.known(size) ?? Buffer.allocUnsafeSlow(size).buffer
    return { bytes: new Uint8Array(buffer, 0, bytes), loan: new Loan(() => this.give(buffer)) }
  }

  /** One of this size, or up to twice as large: batches are hardly ever of one size. */
  private known(size: number): ArrayBuffer | undefined {
    for (let larger = size; larger <= 2 * size; larger += stepOf(larger)) {
      const buffers = this.free.get(larger)
      const buffer = buffers?.pop()
      if (buffers === undefined || buffer === undefined) continue
      this.used(larger, buffers)
      this.freeBytes -= larger
      return buffer
    }
    return undefined
  }

  private give(buffer: ArrayBuffer): void {
    const size = buffer.byteLength
    if (size > this.freeBytesMax) return
    const buffers = this.free.get(size) ?? []
    buffers.push(buffer)
    this.used(size, buffers)
    this.freeBytes += size
    this.dropUnused()
  }

  private used(size: number, buffers: ArrayBuffer[]): void {
    this.free.delete(size)
    if (buffers.length > 0) this.free.set(size, buffers)
  }

  /** What is of sizes that nobody asked for the longest goes. */
  private dropUnused(): void {
    for (const [size, buffers] of this.free) {
      while (this.freeBytes > this.freeBytesMax && buffers.shift() !== undefined) this.freeBytes -= size
      if (buffers.length > 0) return
      this.free.delete(size)
    }
  }
}

/** Eighths of a power of two: few sizes, at most 12 % unused. */
const sizeClass = (bytes: number): number => Math.ceil(bytes / stepOf(bytes)) * stepOf(bytes)
const stepOf = (bytes: number): number => 2 ** (Math.floor(Math.log2(bytes)) - 3)

/**
 * Scratch: lists that last as long as one piece of work, such as a cut. Their memory is used again for the next one, since the
 * garbage collector marks the whole heap for each dozen MB of lists that come and go.
 */
import { type Loan, type Memory } from '../batch/index.js'

export class Scratch {
  private readonly loans: Loan[] = []

  /** @param memory where they lie; without, they are left to the garbage collector */
  constructor(private readonly memory?: Memory) {}

  /** Whatever was in it before may be in it still. */
  int32(length: number): Int32Array {
    const { buffer, byteOffset } = this.bytes(4 * length)
    return new Int32Array(buffer, byteOffset, length)
  }

  uint16(length: number): Uint16Array {
    const { buffer, byteOffset } = this.bytes(2 * length)
    return new Uint16Array(buffer, byteOffset, length)
  }

  bytes(length: number): Uint8Array {
    if (this.memory === undefined) return new Uint8Array(length)
    const { bytes, loan } = this.memory.take(length)
    if (loan !== undefined) this.loans.push(loan)
    return bytes
  }

  /** Nobody reads any of them any more. */
  release(): void {
    for (const loan of this.loans.splice(0)) loan.release()
  }
}

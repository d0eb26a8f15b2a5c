/**
 * Memory of one table: WebAssembly's where there is one, plain otherwise, with the kernels over it. It only
 * grows, up to the 4 GiB that 32-bit addresses reach.
 */
import { StateError } from '../base/index.js'
import {
  HeapMemory,
  type KernelMemory,
  type KeyKernels,
  keyKernels,
  pageBytes,
  plainKeyKernels,
  wasmMemory,
} from '../kernels/index.js'

export class TableMemory {
  readonly kernels: KeyKernels
  private readonly memory: KernelMemory
  private buffer: ArrayBuffer
  private bytes: Uint8Array
  private words: Uint32Array
  private integers: Int32Array

  /** `plain`: the twins over plain memory, as where WebAssembly is refused. */
  constructor(plain = false) {
    const memory = plain ? null : wasmMemory(1)
    this.memory = memory ?? new HeapMemory(1)
    this.kernels = memory === null ? plainKeyKernels(this.memory) : keyKernels(memory)
    this.buffer = this.memory.buffer
    this.bytes = new Uint8Array(this.buffer)
    this.words = new Uint32Array(this.buffer)
    this.integers = new Int32Array(this.buffer)
  }

  get size(): number {
    return this.memory.buffer.byteLength
  }

  /** All bytes: valid until the next `reserve`. */
  get u8(): Uint8Array {
    this.refresh()
    return this.bytes
  }

  get u32(): Uint32Array {
    this.refresh()
    return this.words
  }

  /** For copies from and to Int32Array: between arrays of one type they are a plain move of bytes. */
  get i32(): Int32Array {
    this.refresh()
    return this.integers
  }

  private refresh(): void {
    if (this.buffer === this.memory.buffer) return
    this.buffer = this.memory.buffer
    this.bytes = new Uint8Array(this.buffer)
    this.words = new Uint32Array(this.buffer)
    this.integers = new Int32Array(this.buffer)
  }

  /** Makes addresses [0, end) usable; grows by a quarter at least, so that growing stays cheap. */
  reserve(end: number): void {
    if (end <= this.size) return
    const pages = (bytes: number): number => Math.ceil((bytes - this.size) / pageBytes)
    const wanted = Math.min(Math.max(end, this.size * 1.25), 0x1_0000_0000)
    try {
      this.memory.grow(pages(wanted))
    } catch {
      this.growExactly(end, pages(end))
    }
  }

  private growExactly(end: number, pages: number): void {
    try {
      this.memory.grow(pages)
    } catch (cause) {
      throw new StateError('ANB6001', `state of one operator needs ${end} bytes, which cannot be had`, {
        detail: 'One table of keys or of state may have up to 4 GiB, if the machine has them.',
        hint: 'keep less for a key, or split the job by key',
        cause,
      })
    }
  }
}

/** Views of a memory that grows: made again when its buffer is another one. */
import { type KernelMemory } from './module.js'

export interface Views {
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly u32: Uint32Array
  readonly i32: Int32Array
  readonly f32: Float32Array
  readonly f64: Float64Array
}

export function viewsOf(memory: KernelMemory): () => Views {
  let buffer: ArrayBuffer | undefined
  let views: Views | undefined
  return () => {
    if (views === undefined || buffer !== memory.buffer) {
      buffer = memory.buffer
      views = {
        u8: new Uint8Array(buffer),
        u16: new Uint16Array(buffer),
        u32: new Uint32Array(buffer),
        i32: new Int32Array(buffer),
        f32: new Float32Array(buffer),
        f64: new Float64Array(buffer),
      }
    }
    return views
  }
}

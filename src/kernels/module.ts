/**
 * Modules: WebAssembly instances over memory that the caller owns. A platform that has no WebAssembly, no SIMD
 * or no address space left answers null, and the caller takes the plain twin over plain memory.
 */

/** Bytes that can grow; `buffer` changes identity when they do. WebAssembly.Memory is one. */
export interface KernelMemory {
  readonly buffer: ArrayBuffer
  /** By this many pages of 64 KiB. */
  grow(pages: number): number
}

/** The part of WebAssembly that is used here; the types of Node do not name it. */
interface WebAssemblyLike {
  readonly Module: new (bytes: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: object }
  readonly Memory: new (limits: { readonly initial: number }) => KernelMemory
}
declare const WebAssembly: WebAssemblyLike | undefined

export const pageBytes = 65_536
const compiled = new Map<string, object | null>()

/** Memory for instances; null where there is none to be had. */
export function wasmMemory(pages: number): KernelMemory | null {
  if (typeof WebAssembly === 'undefined') return null
  try {
    return new WebAssembly.Memory({ initial: pages })
  } catch {
    return null
  }
}

/** The exports of a module over this memory; `base64` is a module of `generated/`. */
export function wasmExports(base64: string, memory: KernelMemory): object | null {
  if (typeof WebAssembly === 'undefined') return null
  const module = compile(WebAssembly, base64)
  return module === null ? null : new WebAssembly.Instance(module, { env: { memory } }).exports
}

function compile(platform: WebAssemblyLike, base64: string): object | null {
  const known = compiled.get(base64)
  if (known !== undefined) return known
  let module: object | null = null
  try {
    module = new platform.Module(Uint8Array.from(atob(base64), character => character.charCodeAt(0)))
  } catch {
    // No SIMD here: the twins do the work.
  }
  compiled.set(base64, module)
  return module
}

/** Memory for the plain twins. */
export class HeapMemory implements KernelMemory {
  buffer: ArrayBuffer

  constructor(pages: number) {
    this.buffer = new ArrayBuffer(pages * pageBytes)
  }

  grow(pages: number): number {
    const before = this.buffer.byteLength
    const larger = new ArrayBuffer(before + pages * pageBytes)
    new Uint8Array(larger).set(new Uint8Array(this.buffer))
    this.buffer = larger
    return before / pageBytes
  }
}

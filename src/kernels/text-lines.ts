/** The scanner of text lines: WebAssembly where there is SIMD, else the plain twin below, over memory of its own. */
import { textLinesWasm } from './generated/text-lines.js'
import { HeapMemory, type KernelMemory, wasmExports, wasmMemory } from './module.js'
import { utf8Fault } from './text-utf8.js'

/** After a scan: the byte it stopped before. */
export const textPosition = 64
/** Memory before this is the scanner's. */
export const textFreeAt = 1024

export interface TextScanner {
  readonly memory: KernelMemory
  /**
   * Copies lines of the bytes from `source` to `end`, which is behind a newline with 64 readable bytes after it,
   * to `values` without their ends, and where each ends to `offsets`, of which the first is 0. Answers how many;
   * it stops before a line that is empty or not UTF-8.
   */
  readonly scan: (source: number, end: number, limit: number, values: number, offsets: number) => number
}

/** A scanner with `pages` of 64 KiB; `plain` asks for the twin. */
export function textScanner(pages: number, plain = false): TextScanner {
  const memory = plain ? null : wasmMemory(pages)
  const exports = memory === null ? null : wasmExports(textLinesWasm, memory)
  if (memory !== null && exports !== null && hasScan(exports)) return { memory, scan: exports.scan }
  const heap = new HeapMemory(pages)
  return { memory: heap, scan: twinScan(heap) }
}

const hasScan = (exports: object): exports is Pick<TextScanner, 'scan'> => 'scan' in exports

function twinScan(memory: KernelMemory): TextScanner['scan'] {
  return (source, end, limit, values, offsets) => {
    const bytes = new Uint8Array(memory.buffer)
    const view = new DataView(memory.buffer)
    let [at, into, row] = [source, values, 0]
    while (row < limit && at < end) {
      const newline = bytes.indexOf(10, at)
      const last = newline > at && bytes[newline - 1] === 13 ? newline - 1 : newline
      if (last === at || utf8Fault(bytes, at, last) >= 0) break
      bytes.copyWithin(into, at, last)
      into += last - at
      at = newline + 1
      row += 1
      view.setUint32(offsets + row * 4, into - values, true)
    }
    view.setUint32(textPosition, at, true)
    return row
  }
}

/** The JSON scanner: WebAssembly where there is SIMD, else its plain twin, over memory of its own. */
import { jsonScanWasm } from './generated/json-scan.js'
import { placeTables } from './json-memory.js'
import { twinScan } from './json-scan-twin.js'
import { HeapMemory, type KernelMemory, wasmExports, wasmMemory } from './module.js'

/**
 * Reads rows from the byte `source` up to `end`, which is behind a newline with 64 readable bytes after it, into
 * the columns of `count` steps, from row `first` on and before row `limit`; `spaced` is the spelling of keys
 * to try first. Answers the row it came to; the rest stands at `position`, `styleAt` and `nullsAt`.
 */
export type Scan = (
  source: number,
  end: number,
  first: number,
  limit: number,
  steps: number,
  count: number,
  spaced: number,
) => number

export interface JsonScanner {
  readonly memory: KernelMemory
  readonly scan: Scan
}

/** A scanner with `pages` of 64 KiB; `plain` asks for the twin. */
export function jsonScanner(pages: number, plain = false): JsonScanner {
  const memory = plain ? null : wasmMemory(pages)
  const exports = memory === null ? null : wasmExports(jsonScanWasm, memory)
  const scanner = memory !== null && exports !== null && hasScan(exports) ? { memory, scan: exports.scan } : twin(pages)
  placeTables(scanner.memory)
  return scanner
}

function twin(pages: number): JsonScanner {
  const memory = new HeapMemory(pages)
  return { memory, scan: twinScan(memory) }
}

const hasScan = (exports: object): exports is { readonly scan: Scan } => 'scan' in exports

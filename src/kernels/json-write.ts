/**
 * The JSON writer over memory of its own. There is none where WebAssembly SIMD is refused: then the writers of
 * formats/json, its plain twin, do the work. The addresses stand in wasm/json-write.ts too.
 */
import { jsonWriteWasm } from './generated/json-write.js'
import { type KernelMemory, wasmExports, wasmMemory } from './module.js'

/** After a write: the byte behind the last one. */
export const writtenAt = 64
const dayAt = 80
const pairsAt = 1024
const tensAt = 4096
/** Steps begin here, then everything else. */
export const writeStepsAt = 16_384
export const writeStepBytes = 64
/** The output is this much longer than what is in it, and so are the columns. Bytes. */
export const writeRoom = 128

/** Byte offsets inside a step. `perSecond`, `digits` and `zoned` are for timestamps. */
export const writeStep = {
  kind: 0,
  values: 4,
  offsets: 8,
  validity: 12,
  key: 16,
  keyLength: 20,
  perSecond: 24,
  digits: 32,
  zoned: 36,
} as const

/** `raw` is text with offsets that is JSON already. */
export const writeKind = {
  utf8: 0,
  float64: 1,
  int64: 2,
  bool: 3,
  float32: 4,
  raw: 5,
  timestamp: 6,
  date32: 7,
  int8: 17,
  int16: 18,
  int32: 20,
  uint8: 33,
  uint16: 34,
  uint32: 36,
  uint64: 40,
} as const

export interface JsonWriter {
  readonly memory: KernelMemory
  /** Writes rows from `first` on, before row `limit`; answers the row before which `outEnd` came too near. */
  readonly write: (first: number, limit: number, steps: number, count: number, out: number, outEnd: number) => number
}

export function jsonWriter(pages: number): JsonWriter | null {
  const memory = wasmMemory(pages)
  const exports = memory === null ? null : wasmExports(jsonWriteWasm, memory)
  if (memory === null || exports === null || !hasWrite(exports)) return null
  tables ??= makeTables()
  new Uint8Array(memory.buffer).set(tables, pairsAt)
  new DataView(memory.buffer).setInt32(dayAt, 0x7fff_ffff, true)
  return { memory, write: exports.write }
}

const hasWrite = (exports: object): exports is Pick<JsonWriter, 'write'> => 'write' in exports

let tables: Uint8Array | null = null

function makeTables(): Uint8Array {
  const bytes = new Uint8Array(writeStepsAt - pairsAt)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i < 100; i++) {
    bytes[i * 2] = 48 + Math.floor(i / 10)
    bytes[i * 2 + 1] = 48 + (i % 10)
  }
  for (let power = -292; power <= 324; power++) {
    const ten = tenTo(power)
    const at = tensAt - pairsAt + (power + 292) * 16
    view.setBigUint64(at, BigInt.asUintN(64, ten), true)
    view.setBigUint64(at + 8, ten >> 64n, true)
  }
  return bytes
}

/** The 128 highest bits of 10^power, rounded up. */
function tenTo(power: number): bigint {
  const ten = 10n ** BigInt(Math.abs(power))
  const bits = ten.toString(2).length
  if (power < 0) return (1n << BigInt(bits + 127)) / ten + 1n
  if (bits <= 128) return ten << BigInt(128 - bits)
  return ((ten - 1n) >> BigInt(bits - 128)) + 1n
}

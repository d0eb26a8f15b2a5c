/**
 * JSON memory: where the JSON kernels and their twins find their tables and steps, and the tables themselves.
 * The addresses stand in wasm/json-scan.ts too.
 */
import { type KernelMemory } from './module.js'

/** Results of a scan: the byte it stopped before, how keys are spaced, and whether there was a null. */
export const position = 64
export const styleAt = 68
export const nullsAt = 72
/** float64 10^0 to 10^22, the powers that a float64 holds exactly. */
const tens = 1024
/** The bytes of `YYYY-MM-DDTHH:MM` that are digits, closed up. */
const timeDigits = 2048
/** For (digits before the point, digits behind it): which bytes of a number are its digits, right-aligned. */
const point = 4096
/** 5^q as 128 bits for q of -342 to 308, the highest bit set. */
const fives = 16_384
/** Steps begin here, then everything else. */
export const stepsAt = 32_768
export const stepBytes = 256

/** Byte offsets inside a step. `digits` is for timestamps: decimal digits behind the second. A key has two spellings, `"a":` and `"a": `. */
export const step = { kind: 0, values: 4, offsets: 8, validity: 12, flags: 16, digits: 20, spelling: 32 } as const
export const spelling = { mask: 0, length: 4, text: 8, head: 16, bytes: 64 } as const
/** A step with this flag may be null or missing. */
export const nullable = 1

/** How a step reads and stores its value. */
export const stepKind = {
  utf8: 0,
  float64: 1,
  int64: 2,
  bool: 3,
  float32: 4,
  timestamp: 5,
  date32: 6,
  int8: 17,
  int16: 18,
  int32: 20,
  uint8: 33,
  uint16: 34,
  uint32: 36,
  uint64: 40,
} as const

let tables: Uint8Array | null = null

/** Writes the tables; the memory has room up to `stepsAt`. */
export function placeTables(memory: KernelMemory): void {
  tables ??= makeTables()
  new Uint8Array(memory.buffer).set(tables, tens)
}

function makeTables(): Uint8Array {
  const bytes = new Uint8Array(stepsAt - tens)
  const view = new DataView(bytes.buffer)
  for (let i = 0; i <= 22; i++) view.setFloat64(i * 8, Number(`1e${i}`), true)
  bytes.set([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 255, 255, 255, 255], timeDigits - tens)
  placePoints(bytes.subarray(point - tens))
  for (let q = -342; q <= 308; q++) {
    const five = fiveTo(q)
    const at = fives - tens + (q + 342) * 16
    view.setBigUint64(at, BigInt.asUintN(64, five), true)
    view.setBigUint64(at + 8, five >> 64n, true)
  }
  return bytes
}

function placePoints(bytes: Uint8Array): void {
  for (let whole = 0; whole < 16; whole++) {
    for (let fraction = 0; fraction < 16; fraction++) {
      const shuffle = bytes.subarray((whole * 16 + fraction) * 16, (whole * 16 + fraction + 1) * 16).fill(0xff)
      for (let i = 0; i < fraction; i++) shuffle[15 - i] = whole + fraction - i
      for (let i = 0; i < whole && i + fraction < 16; i++) shuffle[15 - fraction - i] = whole - 1 - i
    }
  }
}

/** The 128 highest bits of 5^q; of a reciprocal where q is negative, rounded as Lemire's proof needs it. */
function fiveTo(q: number): bigint {
  const power = 5n ** BigInt(Math.abs(q))
  const bits = power.toString(2).length
  if (q >= 0) return bits <= 128 ? power << BigInt(128 - bits) : power >> BigInt(bits - 128)
  const wide = (1n << BigInt(q >= -27 ? bits + 127 : 2 * bits + 128)) / power + 1n
  const over = wide.toString(2).length - 128
  return over > 0 ? wide >> BigInt(over) : wide
}

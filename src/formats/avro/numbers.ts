/** Numbers as Avro writes them: zigzag, then seven bits a byte, the lowest first. */
import { type Output } from '../json/output.js'

/** A whole number that a JavaScript number holds exactly, at most 2^52 away from 0. */
export function putLong(out: Output, value: number): void {
  let raw = value < 0 ? -2 * value - 1 : 2 * value
  while (raw >= 0x80) {
    out.byte((raw % 0x80) | 0x80)
    raw = Math.floor(raw / 0x80)
  }
  out.byte(raw)
}

export function putBigLong(out: Output, value: bigint): void {
  let raw = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n))
  while (raw >= 0x80n) {
    out.byte(Number(raw & 0x7fn) | 0x80)
    raw >>= 7n
  }
  out.byte(Number(raw))
}

/** Two's complement, the highest byte first, behind its length. */
export function putUnscaled(out: Output, value: bigint): void {
  let length = 1
  while (BigInt.asIntN(8 * length, value) !== value) length += 1
  putLong(out, length)
  for (let i = length - 1; i >= 0; i--) out.byte(Number(BigInt.asUintN(8, value >> BigInt(8 * i))))
}

/**
 * Bitmaps as Arrow stores them: least significant bit first, bits after the last one zero. Every function
 * answers a new bitmap, so nobody writes into one that a batch already holds.
 */
/** Unsigned, since a hostile length may be 2^31 - 1. */
export const bitmapBytes = (bits: number): number => (bits + 7) >>> 3

export const bitAt = (bits: Uint8Array, i: number): number => ((bits[i >> 3] ?? 0) >> (i & 7)) & 1

export function setBit(bits: Uint8Array, i: number): void {
  bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7))
}

/** Ones among the first `length` bits; bits after them do not count, whatever they are. */
export function countOnes(bits: Uint8Array, length: number): number {
  let ones = 0
  const whole = length >> 3
  for (let i = 0; i < whole; i++) ones += onesOfByte[bits[i] ?? 0] ?? 0
  const rest = length & 7
  if (rest > 0) ones += onesOfByte[(bits[whole] ?? 0) & ((1 << rest) - 1)] ?? 0
  return ones
}

const onesOfByte = Uint8Array.from({ length: 256 }, (_, byte) => {
  let ones = 0
  for (let b = byte; b > 0; b >>= 1) ones += b & 1
  return ones
})

/** Writes bits [from, from + length) of `source` to `target` at bit `at`; the target bits were zero. */
export function copyBits(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  { from, length }: { readonly from: number; readonly length: number },
): void {
  if (length === 0) return
  if ((at & 7) === 0) return copyToByte(target, at >> 3, source, { from, length })
  for (let i = 0; i < length; i++) if (bitAt(source, from + i) === 1) setBit(target, at + i)
}

function copyToByte(
  target: Uint8Array,
  at: number,
  source: Uint8Array,
  { from, length }: { readonly from: number; readonly length: number },
): void {
  const bytes = bitmapBytes(length)
  const first = from >> 3
  const shift = from & 7
  if (shift === 0) target.set(source.subarray(first, first + bytes), at)
  else
    for (let i = 0; i < bytes; i++)
      target[at + i] = ((source[first + i] ?? 0) >> shift) | ((source[first + i + 1] ?? 0) << (8 - shift))
  const rest = length & 7
  const last = at + bytes - 1
  if (rest > 0) target[last] = (target[last] ?? 0) & ((1 << rest) - 1)
}

/** Sets bits [at, at + length). */
export function fillBits(target: Uint8Array, at: number, length: number): void {
  let i = at
  const end = at + length
  while (i < end && (i & 7) !== 0) setBit(target, i++)
  const whole = (end - i) >> 3
  target.fill(255, i >> 3, (i >> 3) + whole)
  for (i += whole * 8; i < end; i++) setBit(target, i)
}

/** Writes to bit j of `target` bit `rows[j]` of `source`; the target bits were zero. */
export function takeBits(target: Uint8Array, source: Uint8Array, rows: Int32Array): void {
  for (let j = 0; j < rows.length; j++) {
    const row = rows[j] ?? 0
    const bit = ((source[row >> 3] ?? 0) >> (row & 7)) & 1
    target[j >> 3] = (target[j >> 3] ?? 0) | (bit << (j & 7))
  }
}

/**
 * Whether columns of text are UTF-8. Text without any byte above 127 is checked four bytes at a time, which is
 * nearly all text; the rest byte by byte.
 */
import { utf8Fault } from '../kernels/index.js'

/** Whether bytes [from, to) are all below 128. */
export function isAscii(bytes: Uint8Array, from: number, to: number): boolean {
  let i = from
  let seen = 0
  while (i < to && ((bytes.byteOffset + i) & 3) !== 0) seen |= bytes[i++] ?? 0
  const words = (to - i) >> 2
  if (words > 0) {
    const view = new Int32Array(bytes.buffer, bytes.byteOffset + i, words)
    for (let w = 0; w < words; w++) seen |= view[w] ?? 0
    i += words * 4
  }
  while (i < to) seen |= bytes[i++] ?? 0
  return (seen & 0x80808080) === 0
}

/**
 * Whether every value is whole characters: `offsets` are ascending, and values [offsets[0], offsets[n]) lie
 * in `bytes`. All text is checked at once; then no value may begin inside a character.
 */
export function textsAreUtf8(bytes: Uint8Array, offsets: Int32Array): boolean {
  const from = offsets[0] ?? 0
  const to = offsets[offsets.length - 1] ?? 0
  if (isAscii(bytes, from, to)) return true
  if (utf8Fault(bytes, from, to) !== -1) return false
  for (let i = 1; i < offsets.length - 1; i++) {
    const start = offsets[i] ?? 0
    if (start < to && ((bytes[start] ?? 0) & 0xc0) === 0x80) return false
  }
  return true
}

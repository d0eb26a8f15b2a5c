/**
 * UTF-8: is this text, and where does it stop being text? Follows the table of well-formed byte sequences of
 * the Unicode standard (3.9, D92): no overlong forms, no surrogates, nothing above U+10FFFF.
 */

/** Position of the first byte that does not belong to a well-formed sequence, or -1. */
export function utf8Fault(bytes: Uint8Array, from: number, to: number): number {
  let at = from
  while (at < to) {
    const lead = bytes[at] ?? 0
    if (lead < 0x80) {
      at += 1
      continue
    }
    const length = sequenceLength(bytes, at, to)
    if (length === 0) return at
    at += length
  }
  return -1
}

/** Bytes of the sequence at `at` that begins with 0x80 or more; 0 where it is not well-formed before `to`. */
export function sequenceLength(bytes: Uint8Array, at: number, to: number): number {
  const lead = bytes[at] ?? 0
  const second = at + 1 < to ? (bytes[at + 1] ?? 0) : 0
  if (lead < 0xc2 || lead > 0xf4) return 0
  if (lead < 0xe0) return isTail(second) ? 2 : 0
  const third = at + 2 < to ? (bytes[at + 2] ?? 0) : 0
  if (lead < 0xf0) {
    const low = lead === 0xe0 ? 0xa0 : 0x80
    const high = lead === 0xed ? 0x9f : 0xbf
    return second >= low && second <= high && isTail(third) ? 3 : 0
  }
  const fourth = at + 3 < to ? (bytes[at + 3] ?? 0) : 0
  const low = lead === 0xf0 ? 0x90 : 0x80
  const high = lead === 0xf4 ? 0x8f : 0xbf
  return second >= low && second <= high && isTail(third) && isTail(fourth) ? 4 : 0
}

const isTail = (byte: number): boolean => (byte & 0xc0) === 0x80

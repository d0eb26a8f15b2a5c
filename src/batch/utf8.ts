/**
 * UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. Text without any byte
 * above 127 is checked four bytes at a time, which is nearly all text; the rest byte by byte.
 */

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

/** Whether bytes [from, to) are whole characters. */
export function isUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  let i = from
  while (i < to) {
    const lead = bytes[i] ?? 0
    if (lead < 0x80) {
      i += 1
      continue
    }
    const length = characterBytes(lead)
    if (length === 0 || i + length > to || !tailFits(bytes, i, lead, length)) return false
    i += length
  }
  return true
}

/** Bytes of a character with this first byte above 127; 0 where no character begins with it. */
function characterBytes(lead: number): number {
  if (lead < 0xc2) return 0
  if (lead < 0xe0) return 2
  if (lead < 0xf0) return 3
  return lead < 0xf5 ? 4 : 0
}

function tailFits(bytes: Uint8Array, at: number, lead: number, length: number): boolean {
  const second = bytes[at + 1] ?? 0
  if (second < lowestSecond(lead) || second > highestSecond(lead)) return false
  for (let k = 2; k < length; k++) if (((bytes[at + k] ?? 0) & 0xc0) !== 0x80) return false
  return true
}

/** E0 and F0 must not encode what fewer bytes can. */
const lowestSecond = (lead: number): number => (lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80)
/** ED would be a surrogate, F4 above U+10FFFF. */
const highestSecond = (lead: number): number => (lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf)

/**
 * Whether every value is whole characters: `offsets` are ascending, and values [offsets[0], offsets[n]) lie
 * in `bytes`. All text is checked at once; then no value may begin inside a character.
 */
export function textsAreUtf8(bytes: Uint8Array, offsets: Int32Array): boolean {
  const from = offsets[0] ?? 0
  const to = offsets[offsets.length - 1] ?? 0
  if (isAscii(bytes, from, to)) return true
  if (!isUtf8(bytes, from, to)) return false
  for (let i = 1; i < offsets.length - 1; i++) {
    const start = offsets[i] ?? 0
    if (start < to && ((bytes[start] ?? 0) & 0xc0) === 0x80) return false
  }
  return true
}

/** Well-formed UTF-8, by the table of the Unicode standard (3.9, D92). */
export function isText(from: usize, to: usize): bool {
  let at = from
  while (at < to) {
    const lead = load<u8>(at)
    if (lead < 0x80) {
      at++
      continue
    }
    const second = load<u8>(at + 1)
    if (lead < 0xc2 || lead > 0xf4) return false
    if (lead < 0xe0) {
      if (!isTail(second)) return false
      at += 2
    } else if (lead < 0xf0) {
      const low: u8 = lead == 0xe0 ? 0xa0 : 0x80
      const high: u8 = lead == 0xed ? 0x9f : 0xbf
      if (second < low || second > high || !isTail(load<u8>(at + 2))) return false
      at += 3
    } else {
      const low: u8 = lead == 0xf0 ? 0x90 : 0x80
      const high: u8 = lead == 0xf4 ? 0x8f : 0xbf
      if (second < low || second > high || !isTail(load<u8>(at + 2)) || !isTail(load<u8>(at + 3))) return false
      at += 4
    }
  }
  return true
}

// @ts-ignore: decorator
@inline
function isTail(byte: u8): bool {
  return (byte & 0xc0) == 0x80
}

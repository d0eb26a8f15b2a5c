/**
 * Snappy, unpacked: a varint says how many bytes come out, then literals and copies of what came out before follow.
 *
 *   tag & 3   what follows
 *   0         a literal of (tag >> 2) + 1 bytes; 60 to 63 say that 1 to 4 bytes with the length follow
 *   1         a copy of 4 to 11 bytes: the offset has 11 bits, 3 of them in the tag
 *   2, 3      a copy of (tag >> 2) + 1 bytes: the offset has 16 or 32 bits
 */
import { Damage } from './cursor.js'

/** Throws `Damage` where the bytes are not Snappy or would become more than `bytesMax`. */
export function unsnappy(packed: Uint8Array, bytesMax: number): Uint8Array {
  const { length, from } = lengthOf(packed)
  if (length > bytesMax) throw new Damage(`a block would unpack to ${length} bytes, more than ${bytesMax}`)
  const out = new Uint8Array(length)
  let [at, filled] = [from, 0]
  while (at < packed.length) {
    const tag = packed[at] ?? 0
    const isLiteral = (tag & 3) === 0
    const { count, offset, next } = isLiteral ? literalAt(packed, at) : copyAt(packed, at)
    if (count > length - filled || (isLiteral ? next + count > packed.length : offset === 0 || offset > filled)) {
      throw new Damage('a block has Snappy data that leads out of it')
    }
    if (isLiteral) out.set(packed.subarray(next, next + count), filled)
    else for (let i = 0; i < count; i++) out[filled + i] = out[filled + i - offset] ?? 0
    filled += count
    at = isLiteral ? next + count : next
  }
  if (filled < length) throw new Damage('a block has Snappy data that is cut off')
  return out
}

interface Element {
  readonly count: number
  readonly offset: number
  /** Behind the tag and its numbers. */
  readonly next: number
}

function literalAt(packed: Uint8Array, at: number): Element {
  const short = (packed[at] ?? 0) >> 2
  const extra = short < 60 ? 0 : short - 59
  const count = extra === 0 ? short + 1 : number(packed, at + 1, extra) + 1
  return { count, offset: 0, next: at + 1 + extra }
}

function copyAt(packed: Uint8Array, at: number): Element {
  const tag = packed[at] ?? 0
  if ((tag & 3) === 1)
    return { count: ((tag >> 2) & 7) + 4, offset: ((tag >> 5) << 8) | (packed[at + 1] ?? 0), next: at + 2 }
  const width = (tag & 3) === 2 ? 2 : 4
  return { count: (tag >> 2) + 1, offset: number(packed, at + 1, width), next: at + 1 + width }
}

function number(packed: Uint8Array, at: number, bytes: number): number {
  let value = 0
  for (let i = bytes - 1; i >= 0; i--) value = value * 256 + (packed[at + i] ?? 0)
  return value
}

function lengthOf(packed: Uint8Array): { readonly length: number; readonly from: number } {
  let length = 0
  for (let i = 0; i < 5; i++) {
    const byte = packed[i] ?? 0
    length += (byte & 0x7f) * 2 ** (7 * i)
    if (byte < 0x80) return { length, from: i + 1 }
  }
  throw new Damage('a block does not begin as Snappy does')
}

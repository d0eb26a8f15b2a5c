/** Codecs of blocks. What a block unpacks to is bounded before it is made: a kilobyte may claim gigabytes. */
import { inflateRawSync } from 'node:zlib'
import { Damage } from './cursor.js'
import { unsnappy } from './snappy.js'

/** Bytes of a block, packed and unpacked. Writers close one after some 16 KiB to 4 MiB. */
export const blockBytesMax = 64 * 1024 * 1024

export type Unpack = (packed: Uint8Array) => Uint8Array

/** Null for a codec that is not known. */
export function codecNamed(name: string): Unpack | null {
  switch (name) {
    case 'null':
      return packed => packed
    case 'deflate':
      return inflate
    case 'snappy':
      // Four bytes of CRC-32 of what was packed stand behind it.
      return packed => unsnappy(packed.subarray(0, Math.max(0, packed.length - 4)), blockBytesMax)
    default:
      return null
  }
}

function inflate(packed: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(packed, { maxOutputLength: blockBytesMax })
  } catch (cause) {
    throw new Damage(`a block cannot be inflated to at most ${blockBytesMax} bytes`, { cause })
  }
}

/**
 * Bytes of a file of lines, unpacked where it is packed. What a file is packed with is told by its first bytes, so
 * a wrong extension does no harm; an extension without the bytes is a damaged file, not lines of noise.
 *
 * Memory stays flat however much a file expands: both decoders answer pieces of at most 256 KiB and are fed only
 * when the reader asks. There is no limit on the ratio, since the user named the file.
 */
import { type Files } from '../../base/index.js'
import { damaged } from '../io-error.js'
import { GzipBytes } from './gzip-bytes.js'
import { type Input } from './inputs.js'
import { type Bytes } from './pieces.js'
import { WatchedFile } from './watched-file.js'
import { ZstdBytes } from './zstd-bytes.js'

export type Coding = 'plain' | 'gzip' | 'zstd'

export function openBytes(input: Input, files: Files): Bytes {
  const coding = codingOf(input)
  const file = new WatchedFile(input, files)
  switch (coding) {
    case 'plain':
      return file
    case 'gzip':
      return new GzipBytes(file)
    case 'zstd':
      return new ZstdBytes(file)
  }
}

/** What a file is packed with, by its first bytes. */
export function codingAt([a, b, c, d]: Uint8Array): Coding {
  if (a === 0x1f && b === 0x8b) return 'gzip'
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd) return 'zstd'
  if (b === 0x2a && c === 0x4d && d === 0x18 && a !== undefined && a >> 4 === 5) return 'zstd'
  return 'plain'
}

/** Throws a ConnectorError (ANB4002) where the name promises what the bytes are not. */
export function codingOf(input: Input): Coding {
  if (input.stat.bytes === 0) return 'plain'
  const coding = codingAt(input.head)
  if (coding !== 'plain') return coding
  const packed = /\.(gz|gzip|zst)$/i.exec(input.name)
  if (packed === null) return 'plain'
  const expected = packed[1]?.toLowerCase() === 'zst' ? 'zstd' : 'gzip'
  throw damaged(input.name, `is named ${packed[0]} but does not begin as ${expected} does`)
}

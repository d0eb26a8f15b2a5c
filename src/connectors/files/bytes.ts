/**
 * Bytes of a file of lines, unpacked where it is packed. What a file is packed with is told by its first bytes, so
 * a wrong extension does no harm; an extension without the bytes is a damaged file, not lines of noise.
 *
 * Nobody can begin in the middle of a packed file: to go on in one, what lies before the place is unpacked again and let go.
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

/** Unpacked and let go before others get a turn. Bytes. */
const turnBytes = 4 * 1024 * 1024

/** Opens a file behind `at` bytes of its content. `turn` lets others run: what is packed may be long. */
export async function openBytesAt(input: Input, files: Files, at: number, turn: () => Promise<void>): Promise<Bytes> {
  const bytes = openBytes(input, files)
  try {
    const missing = bytes instanceof WatchedFile ? bytes.seek(at) : await passOver(bytes, at, turn)
    if (missing > 0) throw damaged(input.name, `ends ${missing} bytes before byte ${at}, where to go on`)
    return bytes
  } catch (cause) {
    bytes.close()
    throw cause
  }
}

/** Answers how many bytes there were too few. */
async function passOver(bytes: Bytes, count: number, turn: () => Promise<void>): Promise<number> {
  const space = new Uint8Array(256 * 1024)
  let [left, untilTurn] = [count, turnBytes]
  while (left > 0) {
    const got = await bytes.read(space.subarray(0, Math.min(left, space.length)))
    if (got === 0) break
    left -= got
    untilTurn -= got
    if (untilTurn > 0) continue
    untilTurn = turnBytes
    await turn()
  }
  return left
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
  if (input.bytes === 0) return 'plain'
  const coding = codingAt(input.head)
  if (coding !== 'plain') return coding
  const packed = /\.(gz|gzip|zst)$/i.exec(input.name)
  if (packed === null) return 'plain'
  const expected = packed[1]?.toLowerCase() === 'zst' ? 'zstd' : 'gzip'
  throw damaged(input.name, `is named ${packed[0]} but does not begin as ${expected} does`)
}

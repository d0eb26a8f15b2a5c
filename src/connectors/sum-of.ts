/** The check sum of the first bytes of a file, to know it again. */
import { crc32 } from 'node:zlib'
import { type Files } from '../base/index.js'
import { reading } from './io-error.js'

const readAtOnce = 1 << 20

/** Of all of it where it has fewer. @throws ConnectorError ANB4001 */
export function sumOf(files: Files, path: string, bytes: number): number {
  return reading(path, () => {
    const file = files.open(path, 'read')
    try {
      const piece = new Uint8Array(Math.min(bytes, readAtOnce))
      let sum = 0
      for (let at = 0; at < bytes; ) {
        const read = file.read(piece.subarray(0, bytes - at), at)
        if (read === 0) break
        sum = crc32(piece.subarray(0, read), sum)
        at += read
      }
      return sum
    } finally {
      file.close()
    }
  })
}

/** The first bytes of a file as a digest: they tell it from another one of its name when a run goes on. */
import { createHash } from 'node:crypto'
import { type OpenFile, shape } from '../../base/index.js'

/** More of a file is not looked at again. Bytes. */
export const prefixMax = 64 * 1024

export type Prefix = { readonly bytes: number; readonly sha256: string }
export const prefixShape = shape.object({ bytes: shape.whole, sha256: shape.string })

/** Grows with what is read of a file from its first byte on. */
export class GrowingPrefix {
  private readonly hash = createHash('sha256')
  private bytes = 0
  private known: Prefix | null = null

  /** The bytes of the file from `at` on; those that are known already may come again. */
  add(bytes: Uint8Array, at: number): void {
    const wanted = at > this.bytes ? bytes.subarray(0, 0) : bytes.subarray(this.bytes - at, prefixMax - at)
    if (wanted.length === 0) return
    this.hash.update(wanted)
    this.bytes += wanted.length
    this.known = null
  }

  get value(): Prefix {
    this.known ??= { bytes: this.bytes, sha256: this.hash.copy().digest('hex') }
    return this.known
  }
}

/** That of the first `bytes` bytes, fewer where the file is shorter. */
export function prefixOf(file: OpenFile, bytes: number): GrowingPrefix {
  const prefix = new GrowingPrefix()
  const space = new Uint8Array(Math.min(prefixMax, bytes))
  for (let at = 0; at < space.length; ) {
    const got = file.read(space.subarray(at), at)
    if (got === 0) break
    prefix.add(space.subarray(at, at + got), at)
    at += got
  }
  return prefix
}

export const isSame = (a: Prefix, b: Prefix): boolean => a.bytes === b.bytes && a.sha256 === b.sha256

/** For an error: what was expected and what is there. */
export function differing(name: string, expected: Prefix, found: Prefix): string {
  const [wanted, got] = [expected, found].map(({ sha256 }) => sha256.slice(0, 16))
  return `file "${name}" begins with other bytes: expected ${expected.bytes} bytes with the digest ${wanted}, found ${found.bytes} with ${got}`
}

/**
 * Gzip, by the threads of zlib: while the reader works on one piece the next one is unpacked.
 *
 * The stream flows into a queue of ours and is never iterated: a Node stream that fails drops what it still holds,
 * so how many rows come before a damaged place would be chance. It is fed 32 KiB at a time, which bounds what one
 * step can become (gzip expands at most 1,032 times).
 */
import { type Gunzip, createGunzip } from 'node:zlib'
import { damaged } from '../io-error.js'
import { type Bytes, Pieces } from './pieces.js'
import { type WatchedFile } from './watched-file.js'

const feedBytes = 32 * 1024
/** Fed ahead of the reader up to this much. */
const aheadBytes = 1024 * 1024

export class GzipBytes implements Bytes {
  private readonly gunzip: Gunzip = createGunzip({ chunkSize: 256 * 1024 })
  private readonly pieces = new Pieces()
  private state: 'ready' | 'feeding' | 'ending' | 'ended' = 'ready'
  private failure: unknown = null
  private wake: () => void = () => undefined

  constructor(private readonly file: WatchedFile) {
    this.gunzip.on('data', (piece: Uint8Array) => this.pieces.add(piece))
    this.gunzip.on('error', cause => {
      const isCut = cause.message === 'unexpected end of file'
      const what = isCut ? 'is cut off: its gzip data ends' : 'has damaged gzip data'
      this.fail(damaged(file.input.name, `${what} at or before byte ${file.position}`, cause))
    })
    this.gunzip.on('end', () => {
      this.state = 'ended'
      this.wake()
    })
  }

  get position(): number {
    return this.file.position
  }

  async read(space: Uint8Array): Promise<number> {
    for (;;) {
      this.feed()
      if (this.pieces.bytes > 0) return this.pieces.take(space)
      if (this.failure !== null) throw this.failure
      if (this.state === 'ended') return 0
      await new Promise<void>(resolve => {
        this.wake = resolve
      })
    }
  }

  close(): void {
    this.file.close()
    this.gunzip.destroy()
  }

  private feed(): void {
    if (this.state !== 'ready' || this.failure !== null || this.pieces.bytes >= aheadBytes) return
    try {
      const block = new Uint8Array(feedBytes)
      const length = this.file.read(block)
      this.state = length === 0 ? 'ending' : 'feeding'
      if (length === 0) this.gunzip.end()
      else this.gunzip.write(block.subarray(0, length), () => this.fed())
    } catch (cause) {
      this.fail(cause)
    }
  }

  private fed(): void {
    if (this.state === 'feeding') this.state = 'ready'
    this.feed()
    this.wake()
  }

  private fail(cause: unknown): void {
    this.failure ??= cause
    this.wake()
  }
}

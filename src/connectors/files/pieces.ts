/** Pieces: what a decoder of packed bytes answers, and the queue in which they wait until the reader has room. */
export interface Bytes {
  /** Fills the start of `space`, at least one byte; 0 at the end. A promise only where it must wait. */
  read(space: Uint8Array): number | Promise<number>
  /** Bytes of the file that were read, for progress. */
  readonly position: number
  /** Can be called twice. */
  close(): void
}

/** Pieces that were unpacked and not yet taken. */
export class Pieces {
  /** Bytes that wait. */
  bytes = 0
  private readonly waiting: Uint8Array[] = []

  add(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.waiting.push(piece)
    this.bytes += piece.length
  }

  /** Moves as much as fits to the start of `space`. */
  take(space: Uint8Array): number {
    let filled = 0
    while (filled < space.length) {
      const piece = this.waiting[0]
      if (piece === undefined) break
      const part = piece.subarray(0, space.length - filled)
      space.set(part, filled)
      filled += part.length
      if (part.length === piece.length) this.waiting.shift()
      else this.waiting[0] = piece.subarray(part.length)
    }
    this.bytes -= filled
    return filled
  }
}

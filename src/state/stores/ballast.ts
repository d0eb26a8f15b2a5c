/**
 * Ballast: a file of real bytes that is given back when the disk is nearly full, so that the epochs under way can still be
 * written and the job can stop, or go on when somebody has made room.
 */
import { open, rm, stat } from 'node:fs/promises'

/** Only so much of what is free: a small disk is for state. */
const shareOfFree = 8

export class Ballast {
  constructor(
    private readonly path: string,
    private readonly bytes: number,
  ) {}

  /** Makes the file where it is not there and the disk has room for several of them. */
  async reserve(freeBytes: number): Promise<void> {
    if (this.bytes === 0 || freeBytes < shareOfFree * this.bytes || (await this.there())) return
    const file = await open(this.path, 'w', 0o600)
    try {
      const piece = new Uint8Array(1 << 20)
      for (let at = 0; at < this.bytes; at += piece.length) {
        await file.write(piece, 0, Math.min(piece.length, this.bytes - at), at)
      }
    } finally {
      await file.close()
    }
  }

  async giveBack(): Promise<void> {
    await rm(this.path, { force: true })
  }

  private async there(): Promise<boolean> {
    const found = await stat(this.path).catch(() => null)
    return found !== null && found.size >= this.bytes
  }
}

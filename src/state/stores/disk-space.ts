/** Before the disk is full: the ballast goes, and intake should stop until there is room again. */
import { type StorePlace } from './key-value.js'

/** Free bytes below which a disk is nearly full. */
export const freeBytesMin = 64 << 20

/** How often a disk with little room is looked at. */
const lookMs = 1_000

export class DiskSpace {
  isLow = false

  constructor(
    private readonly place: StorePlace,
    private readonly pause: (ms: number) => Promise<void>,
    private readonly freeMin = freeBytesMin,
  ) {}

  async look(): Promise<void> {
    const free = await this.place.freeBytes()
    const wasLow = this.isLow
    this.isLow = free < this.freeMin
    if (this.isLow && !wasLow) await this.place.giveBack()
    if (!this.isLow && wasLow) await this.place.reserve()
  }

  /** Settles once there is room again, or nobody waits for it any more. */
  async roomAgain(isOver: () => boolean): Promise<void> {
    while (this.isLow && !isOver()) {
      await this.pause(lookMs)
      await this.look()
    }
  }
}

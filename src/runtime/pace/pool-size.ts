/**
 * Pool size: how many workers the load is worth, for a pool that may be between two sizes.
 *
 * One more where for a second work waited that no worker could take, and those that there are had their hands full. One fewer where
 * for ten seconds the others could have done all of it at little more than half their time. Between the two lies a wide gap, so that a
 * change is never what asks for the next one: after a worker more all are at 80 % at most of n/(n+1), after one fewer at 60 %.
 *
 * Pure: it is told how long what was so, and never reads a clock.
 */
export interface Load {
  /** Milliseconds for which all of this was so. */
  readonly ms: number
  /** Workers that had a call. */
  readonly busy: number
  /** Workers that could have had one. */
  readonly active: number
  /** Work waited that none of them could take. */
  readonly starved: boolean
}

const lookMs = 1_000
/** Of a look: how much of it work waited in vain, and how busy the workers were. */
const growStarved = 0.5
const growBusy = 0.8
/** How busy those that stay may be made by one that goes. */
const shrinkBusy = 0.6
const shrinkLooks = 10

export class PoolSize {
  private passedMs = 0
  private starvedMs = 0
  private busyMs = 0
  private activeMs = 0
  private looksAtEase = 0

  /** Workers to add: 1, 0 or -1. The caller knows the limits, and how many are on their way. */
  observe({ ms, busy, active, starved }: Load): number {
    // A host that stood still for a minute has seen one long look, not sixty.
    const part = Math.min(ms, lookMs)
    this.passedMs += part
    this.busyMs += busy * part
    this.activeMs += active * part
    if (starved) this.starvedMs += part
    if (this.passedMs < lookMs) return 0
    const change = this.verdict(active)
    if (change !== 0) this.looksAtEase = 0
    this.passedMs = 0
    this.starvedMs = 0
    this.busyMs = 0
    this.activeMs = 0
    return change
  }

  private verdict(active: number): number {
    const starved = this.starvedMs / this.passedMs
    const busyShare = this.activeMs === 0 ? 0 : this.busyMs / this.activeMs
    const atEase = active > 1 && this.busyMs / this.passedMs <= shrinkBusy * (active - 1)
    this.looksAtEase = atEase ? this.looksAtEase + 1 : 0
    if (starved >= growStarved && busyShare >= growBusy) return 1
    return this.looksAtEase >= shrinkLooks ? -1 : 0
  }
}

/**
 * Lane turns: which calls a shadow takes that has no time for all of them. Calls of lanes come in a steady order, so one that took
 * whatever comes when it is free could meet the same lanes for ever, and would never see the keys of the others. So the lane that
 * was left out most often since it was last taken goes first; while others wait for it they are left out, and catch up.
 */
export class LaneTurns {
  /** Calls that were left out since the last one that was taken. */
  private readonly leftOut = new Map<number, number>()

  /** A call of this lane came. Answers whether it is taken. */
  takes(lane: number, isFree: boolean): boolean {
    const own = this.leftOut.get(lane) ?? 0
    const isTurn = isFree && own >= Math.max(0, ...this.leftOut.values())
    this.leftOut.set(lane, isTurn ? 0 : own + 1)
    return isTurn
  }
}

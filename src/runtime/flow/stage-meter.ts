/** What a stage counts of itself: rows by the batch, calls, and the time in which it was busy or back-pressured. */
export class StageMeter {
  rowsIn = 0
  rowsOut = 0
  /** Rows that a call answered or that were given up. */
  rowsSettled = 0
  /** By the reason, rows that died of a call. */
  readonly dead = new Map<string, number>()
  calls = 0
  /** Calls that are at a worker now. */
  callsOut = 0
  busyMs = 0
  backPressuredMs = 0

  granted(): void {
    this.calls += 1
    this.callsOut += 1
  }

  /** A call came back, or its worker is gone. */
  ended(): void {
    this.callsOut -= 1
  }

  died(reason: string): void {
    this.dead.set(reason, (this.dead.get(reason) ?? 0) + 1)
  }

  /** As Flink has it, each moment is one of three: a call is out, the output has no room for what waits, or nothing is to do. */
  passed(ms: number, isBlocked: () => boolean): void {
    if (this.callsOut > 0) this.busyMs += ms
    else if (isBlocked()) this.backPressuredMs += ms
  }
}

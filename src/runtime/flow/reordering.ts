/**
 * Reordering: what the lanes of a keyed stage give back, put into the order of its input again. Only where a union
 * below needs it: a lane that is ahead then waits for the others, with its results in memory.
 */
import { Edge, type Output } from './edge.js'
import { merged } from './merge.js'
import { type Place, type RowOrder } from './row-order.js'
import { type Emission } from './ticket.js'

export class Reordering {
  /** By output and lane. */
  private readonly held: readonly (readonly Edge[])[]

  constructor(
    private readonly outputs: readonly Output[],
    lanes: number,
    private readonly order: RowOrder,
  ) {
    this.held = outputs.map(() => Array.from({ length: lanes }, () => new Edge()))
  }

  /** Rows that are held. */
  get rows(): number {
    return this.held.reduce((n, lanes) => lanes.reduce((m, lane) => m + lane.rows, n), 0)
  }

  add(lane: number, { output, rows }: Emission): void {
    if (this.outputs[output]?.used === true) this.held[output]?.[lane]?.push(rows)
  }

  /** Emits what stands before the first row that a lane has still to do. */
  release(bound: Place): void {
    this.held.forEach((lanes, output) => {
      const rows = merged(
        lanes.map(lane => lane.takeBefore(bound, this.order)),
        this.order,
      )
      if (rows !== null) this.outputs[output]?.emit(rows)
    })
  }
}

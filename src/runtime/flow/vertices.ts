/** The vertices that need no worker: sources, sinks, select and union. Each moves what it can and says whether it did. */
import { type Batch, type Loan, type Selection, select } from '../../batch/index.js'
import { Edge, Output } from './edge.js'
import { type EpochGate } from './gate.js'
import { merged } from './merge.js'
import { type UnionOrder } from './ordering.js'
import { type Place, type RowOrder, firstOf } from './row-order.js'
import { type Rows, concatRows, rowBytes, rowCount } from './rows.js'

export class SourceVertex {
  readonly output = new Output()
  polling = false
  ended = false
  /** No row that it gives later stands before this place. */
  front: Place

  constructor(
    readonly index: number,
    readonly id: string,
    order: RowOrder,
  ) {
    this.front = order.beforeSource(index)
  }
}

/** Small batches are written together up to this many rows: a file does not care, and each write has a price. */
const rowsPerWrite = { most: 65_536, together: 8_192 } as const

export class SinkVertex {
  readonly input: Edge
  busy = false
  finishing = false
  finished = false
  rows = 0
  /** That it was given and shows at a commit. */
  heldBytes = 0
  private writing: Loan | undefined

  constructor(
    readonly index: number,
    readonly id: string,
    private readonly holds: boolean,
    private readonly gate: EpochGate,
  ) {
    this.input = new Edge(gate)
  }

  /** What is written next; null where nothing waits or the sink is busy. */
  next(): Batch | null {
    if (this.busy) return null
    const parts = this.input.take(rowsPerWrite)
    if (parts.length === 0) return null
    for (const part of parts) this.gate.pass(part.fresh)
    const rows = concatRows(parts)
    this.rows += rowCount(rows)
    if (this.holds) this.heldBytes += rowBytes(rows)
    this.busy = true
    this.writing = rows.loan
    return rows.batch
  }

  /** Everything was written, and nothing will come. */
  get ended(): boolean {
    return this.input.ended && !this.busy
  }

  /** The sink has read what `next` answered. */
  written(): void {
    this.busy = false
    this.writing?.release()
    this.writing = undefined
  }
}

export class SelectVertex {
  readonly input: Edge
  readonly output = new Output()
  private readonly selection: readonly Selection[]
  private ended = false

  constructor(
    readonly id: string,
    columns: readonly { readonly from: string; readonly to: string }[],
    gate: EpochGate,
  ) {
    this.input = new Edge(gate, { demand: () => this.output.demand })
    this.selection = columns.map(({ from, to }) => (from === to ? from : { [from]: to }))
  }

  advance(): boolean {
    let moved = false
    while (this.output.room) {
      const rows = this.input.shift()
      if (rows === null) break
      this.output.emit({ ...rows, batch: select(rows.batch, this.selection) })
      moved = true
    }
    if (!this.ended && this.input.ended) {
      this.ended = true
      this.output.end()
      return true
    }
    return moved
  }
}

/** Rows of all inputs, in the order that `ordering` found. (Event time, where all sides declare it, comes with it.) */
export class UnionVertex {
  readonly inputs: readonly Edge[]
  readonly output = new Output()
  private ended = false

  constructor(
    readonly id: string,
    inputs: number,
    private readonly columns: readonly string[],
    private readonly by: UnionOrder,
    private readonly order: RowOrder,
    private readonly gate: EpochGate,
  ) {
    this.inputs = Array.from(
      { length: inputs },
      () => new Edge(gate, by === 'place' ? { wholeRows: true } : { demand: () => this.output.demand }),
    )
  }

  front(order: RowOrder): Place {
    return firstOf(this.inputs.map(input => input.front(order)))
  }

  advance(): boolean {
    const moved = this.by === 'place' ? this.mergeInputs() : this.drainInputs()
    if (!this.ended && this.inputs.every(i => i.ended)) {
      this.ended = true
      this.output.end()
      return true
    }
    return moved
  }

  private mergeInputs(): boolean {
    if (!this.output.room) return false
    const known = firstOf(this.inputs.map(input => input.known(this.order)))
    const runs = this.inputs.map(input => input.takeBefore(known, this.order).map(rows => this.passed(rows)))
    const rows = merged(runs, this.order)
    if (rows === null) return false
    this.output.emit(rows)
    return true
  }

  /** Rows of several polls become one batch. */
  private passed(rows: Rows): Rows {
    this.gate.pass(rows.fresh)
    return this.project(rows)
  }

  private project(rows: Rows): Rows {
    return { ...rows, batch: select(rows.batch, this.columns) }
  }

  private drainInputs(): boolean {
    let moved = false
    for (const input of this.inputs) {
      while (this.output.room) {
        const rows = input.shift()
        if (rows === null) break
        this.output.emit(this.project(rows))
        moved = true
      }
      if (this.by === 'declared' && !input.ended) break
    }
    return moved
  }
}

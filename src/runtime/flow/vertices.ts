/** The vertices that need no worker: sources, sinks, select and union. Each moves what it can and says whether it did. */
import { type Batch, type Selection, select } from '../../batch/index.js'
import { Edge, Output } from './edge.js'
import { concatRows, rowCount } from './rows.js'

export class SourceVertex {
  readonly output = new Output()
  polling = false
  ended = false

  constructor(
    readonly index: number,
    readonly id: string,
  ) {}
}

/** Small batches are written together up to this many rows: a file does not care, and each write has a price. */
const rowsPerWrite = 65_536

export class SinkVertex {
  readonly input = new Edge()
  busy = false
  finishing = false
  finished = false
  rows = 0

  constructor(
    readonly index: number,
    readonly id: string,
  ) {}

  /** What is written next; null where nothing waits or the sink is busy. */
  next(): Batch | null {
    if (this.busy || this.input.rows === 0) return null
    const rows = concatRows(this.input.take(rowsPerWrite))
    this.rows += rowCount(rows)
    this.busy = true
    return rows.batch
  }
}

export class SelectVertex {
  readonly input = new Edge()
  readonly output = new Output()
  private readonly selection: readonly Selection[]
  private ended = false

  constructor(
    readonly id: string,
    columns: readonly { readonly from: string; readonly to: string }[],
  ) {
    this.selection = columns.map(({ from, to }) => (from === to ? from : { [from]: to }))
  }

  advance(): boolean {
    let moved = false
    while (this.output.room) {
      const rows = this.input.shift()
      if (rows === null) break
      this.output.emit({ batch: select(rows.batch, this.selection), origin: rows.origin })
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

/**
 * Bounded inputs follow each other in the order of declaration; where one is unbounded, rows come as they
 * arrive. (Sides with event time are interleaved by it; that comes with event time.)
 */
export class UnionVertex {
  readonly inputs: readonly Edge[]
  readonly output = new Output()
  private ended = false

  constructor(
    readonly id: string,
    inputs: number,
    private readonly columns: readonly string[],
    private readonly bounded: boolean,
  ) {
    this.inputs = Array.from({ length: inputs }, () => new Edge())
  }

  advance(): boolean {
    let moved = false
    for (const input of this.inputs) {
      while (this.output.room) {
        const rows = input.shift()
        if (rows === null) break
        this.output.emit({ batch: select(rows.batch, this.columns), origin: rows.origin })
        moved = true
      }
      if (this.bounded && !input.ended) break
    }
    if (!this.ended && this.inputs.every(i => i.ended)) {
      this.ended = true
      this.output.end()
      return true
    }
    return moved
  }
}

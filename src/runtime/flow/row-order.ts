/**
 * The order of rows: one line in which all rows of bounded sources stand, whatever the batches in which they travel.
 *
 * First the rows of one source, in the order of its splits and of the positions in them; then those of the next. The
 * rows of `at_end` stand behind all rows that its stage could have seen. What has one source row behind it stands in
 * one place. A union of branches that share a source gives its rows in this order: the only one that needs no more room
 * than what is under way, since a branch that is ahead waits for rows that have been read already.
 */
import { type Rows } from './rows.js'
import { type Origin, positionOf, splitOf } from './origin.js'

export interface Place {
  /** Rank of the source, then of the split in it, as one number. */
  readonly split: number
  readonly position: number
}

/** Before every row. */
export const beforeAll: Place = { split: -1, position: 0 }
/** Behind every row. */
export const behindAll: Place = { split: Number.POSITIVE_INFINITY, position: 0 }

export const isBefore = (a: Place, b: Place): boolean =>
  a.split < b.split || (a.split === b.split && a.position < b.position)

export const firstOf = (places: readonly Place[]): Place => places.reduce((a, b) => (isBefore(b, a) ? b : a), behindAll)

/** Numbers of splits, and of stages behind them, below one rank. */
const perSource = 2 ** 40
const ends = 2 ** 39

export class RowOrder {
  /** By the number of the split in origins. */
  private readonly splits: number[] = []

  /**
   * @param ranks of the sources, by their index
   * @param lastRanks for each stage, by its number, the highest rank of a source that it reads
   */
  constructor(
    private readonly ranks: readonly number[],
    private readonly lastRanks: readonly number[],
  ) {}

  /** Bounded sources stand one behind the other: those of lower rank first. */
  rankOf(source: number): number {
    return this.ranks[source] ?? 0
  }

  /** Before every row of the source, and behind those of the sources before it. */
  beforeSource(source: number): Place {
    return { split: this.rankOf(source) * perSource, position: 0 }
  }

  /** The place of a row that a source gave. Splits have ascending numbers in the order in which a source opens them. */
  ofSource(source: number, split: number, position: number): Place {
    const ranked = (this.ranks[source] ?? 0) * perSource + split
    this.splits[split] = ranked
    return { split: ranked, position }
  }

  /** The place of the rows of `at_end` of a stage. */
  ofEnd(stage: number): Place {
    return { split: (this.lastRanks[stage] ?? 0) * perSource + ends + stage, position: 0 }
  }

  of(origin: Origin, row: number): Place {
    const split = splitOf(origin, row)
    // See `endOrigin`: no source row stands behind it, and the number says which stage made it.
    if (split < 0) return this.ofEnd(-1 - split)
    return { split: this.splits[split] ?? 0, position: positionOf(origin, row) }
  }

  /** The places of all rows, as columns. */
  allOf({ batch, origin }: Rows): { readonly splits: Float64Array; readonly positions: Float64Array } {
    const splits = new Float64Array(batch.rows)
    const positions = new Float64Array(batch.rows)
    for (let row = 0; row < batch.rows; row += 1) {
      const split = splitOf(origin, row)
      splits[row] = split < 0 ? this.ofEnd(-1 - split).split : (this.splits[split] ?? 0)
      positions[row] = split < 0 ? 0 : positionOf(origin, row)
    }
    return { splits, positions }
  }

  /** How many of these rows, which are in order, stand before `bound`. */
  countBefore({ batch, origin }: Rows, bound: Place): number {
    let low = 0
    let high = batch.rows
    while (low < high) {
      const middle = (low + high) >> 1
      if (isBefore(this.of(origin, middle), bound)) low = middle + 1
      else high = middle
    }
    return low
  }
}

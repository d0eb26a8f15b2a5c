/** Merge: several runs of rows, each in the order of rows, become one. */
import { type RowOrder } from './row-order.js'
import { type Rows, concatRows, rowCount, takeRows } from './rows.js'

/** Of rows in one place those of the earlier run come first. One batch, so that no queue gets more than it has room for. */
export function merged(all: readonly (readonly Rows[])[], order: RowOrder): Rows | null {
  const runs = all.filter(run => run.length > 0)
  if (runs.length === 0) return null
  const rows = concatRows(runs.flat())
  if (runs.length === 1) return rows
  const lengths = runs.map(run => run.reduce((n, part) => n + rowCount(part), 0))
  return takeRows(rows, mergedIndex(rows, lengths, order))
}

/** The rows of `all`, which are runs in order of these lengths, one behind the other. */
function mergedIndex(all: Rows, lengths: readonly number[], order: RowOrder): Int32Array {
  const { splits, positions } = order.allOf(all)
  const isBefore = (a: number, b: number): boolean => {
    const ahead = (splits[a] ?? 0) - (splits[b] ?? 0)
    return ahead < 0 || (ahead === 0 && (positions[a] ?? 0) < (positions[b] ?? 0))
  }
  const heads = lengths.map((_, run) => lengths.slice(0, run).reduce((sum, length) => sum + length, 0))
  const ends = lengths.map((length, run) => (heads[run] ?? 0) + length)
  const index = new Int32Array(rowCount(all))
  for (let at = 0; at < index.length; at += 1) {
    let first = -1
    for (let run = 0; run < heads.length; run += 1) {
      const head = heads[run] ?? 0
      if (head < (ends[run] ?? 0) && (first < 0 || isBefore(head, heads[first] ?? 0))) first = run
    }
    const taken = heads[first] ?? 0
    index[at] = taken
    heads[first] = taken + 1
  }
  return index
}

/**
 * Poll size: how many rows a source gives at once.
 *
 * An epoch takes polls whole, so a poll of many slow calls makes a cut wait for all of them. Where calls are slow a poll has
 * a share of a call for each lane, the same number of shares fill one, and so the lanes take their calls of the same polls.
 */
import { type BatchSize } from './batch-size.js'

/** Where calls are quick. */
const quickRows = 8_192
/** Keys fall unevenly into lanes: so full are the calls that as many polls make in every lane. */
const filled = 0.9

/** @param first the stages that sources give their rows to, each with its lanes */
export function pollSize(
  first: readonly { readonly size: BatchSize; readonly lanes: number }[],
  rowsMax: number,
): number {
  const slow = first
    .filter(({ size }) => size.isSlow)
    .map(({ size, lanes }) => shareOf(filled * lanes * size.rows, rowsMax))
  if (slow.length > 0) return Math.min(...slow)
  return Math.min(rowsMax, Math.max(quickRows, ...first.map(({ size }) => size.rows)))
}

const shareOf = (rows: number, rowsMax: number): number => Math.max(1, Math.floor(rows / Math.ceil(rows / rowsMax)))

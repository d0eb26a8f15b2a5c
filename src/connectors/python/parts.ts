/**
 * Parts: the rows of an epoch as the calls of a sink get them. Where an epoch is cut depends on its rows alone, so that the same
 * key always means the same rows; the limits are for ever for the same reason.
 */
import { type Batch, concat, ipcSize, ipcTemplate, slice } from '../../batch/index.js'
import { type Schema } from '../../schema/index.js'

const rowsMax = 65_536
const bytesMax = 16 << 20

/** Each has a row; one that is larger than the limit is a row alone, or as few as its batch could be cut to. */
export function* partsOf(schema: Schema, batches: Iterable<Batch>): Iterable<Batch> {
  const sizes = ipcTemplate(schema)
  let held: Batch[] = []
  let rows = 0
  let bytes = 0
  for (const batch of batches) {
    for (const piece of piecesOf(batch, ipcSize(sizes, batch))) {
      const size = ipcSize(sizes, piece)
      if (held.length > 0 && (rows + piece.rows > rowsMax || bytes + size > bytesMax)) {
        yield concat(held)
        held = []
        rows = 0
        bytes = 0
      }
      held.push(piece)
      rows += piece.rows
      bytes += size
    }
  }
  if (held.length > 0) yield concat(held)
}

function* piecesOf(batch: Batch, bytes: number): Iterable<Batch> {
  const fits = Math.max(1, Math.min(rowsMax, Math.floor((batch.rows * bytesMax) / bytes)))
  for (let from = 0; from < batch.rows; from += fits) yield slice(batch, from, Math.min(batch.rows, from + fits))
}

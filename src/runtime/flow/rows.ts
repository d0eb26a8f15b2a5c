/**
 * Rows: a batch, where its rows come from, and the memory that they lie in. What flows along the edges of the topology.
 *
 * The loan goes with the rows: a function here that `consumes` rows takes their loan over, the others only read.
 */
import {
  type Batch,
  type Loan,
  type Memory,
  Slab,
  byteLength,
  concat,
  joinedBytes,
  slice,
  takeInto,
  takenBytes,
} from '../../batch/index.js'
import { type Fresh } from './gate.js'
import { type Origin, concatOrigins, originBytes, sliceOrigin, takeOrigin } from './origin.js'

export interface Rows {
  readonly batch: Batch
  readonly origin: Origin
  /** Undefined: the memory is left to the garbage collector. */
  readonly loan?: Loan | undefined
  /** Which poll gave them; undefined once something was done with them that their epoch has to hold (see `gate`). */
  readonly fresh?: Fresh | undefined
}

export const rowCount = (rows: Rows): number => rows.batch.rows
export const rowBytes = (rows: Rows): number => byteLength(rows.batch)

/** Rows [from, to), to look at while `rows` are held. */
export function sliceRows({ batch, origin, fresh }: Rows, from: number, to: number): Rows {
  return { batch: slice(batch, from, to), origin: sliceOrigin(origin, from, to), fresh }
}

/** Rows before `at` and from it on. Consumes `rows`. */
export function splitRows(rows: Rows, at: number): readonly [Rows, Rows] {
  const { loan } = rows
  loan?.keep()
  return [
    { ...sliceRows(rows, 0, at), loan },
    { ...sliceRows(rows, at, rowCount(rows)), loan },
  ]
}

/** A copy of some rows, where they came from included. */
export function takeRows(rows: Rows, at: Int32Array, memory?: Memory): Rows {
  const slab = new Slab(takenBytes(rows.batch, at.length) + originBytes(at.length), memory)
  const batch = takeInto(slab, rows.batch, at)
  return { batch, origin: takeOrigin(rows.origin, at, slab), loan: slab.loan, fresh: rows.fresh }
}

/** Rows end to end, which no longer know their polls. Consumes the parts. */
export function concatRows(parts: readonly Rows[], memory?: Memory): Rows {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return { batch: only.batch, origin: only.origin, loan: only.loan }
  const batches = parts.map(p => p.batch)
  const origins = parts.map(p => ({ origin: p.origin, rows: p.batch.rows }))
  const rows = batches.reduce((n, b) => n + b.rows, 0)
  const slab = new Slab(joinedBytes(batches) + originBytes(rows), memory)
  const joined = { batch: concat(batches, slab), origin: concatOrigins(origins, slab), loan: slab.loan }
  for (const part of parts) part.loan?.release()
  return joined
}

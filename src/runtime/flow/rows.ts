/** Rows: a batch and where its rows come from. What flows along the edges of the topology. */
import { type Batch, byteLength, concat, slice, take } from '../../batch/index.js'
import { type Origin, concatOrigins, sliceOrigin, takeOrigin } from './origin.js'

export interface Rows {
  readonly batch: Batch
  readonly origin: Origin
}

export const rowCount = (rows: Rows): number => rows.batch.rows
export const rowBytes = (rows: Rows): number => byteLength(rows.batch)

export function sliceRows(rows: Rows, from: number, to: number): Rows {
  if (from === 0 && to === rows.batch.rows) return rows
  return { batch: slice(rows.batch, from, to), origin: sliceOrigin(rows.origin, from, to) }
}

export const takeRows = (rows: Rows, at: Int32Array): Rows => ({
  batch: take(rows.batch, at),
  origin: takeOrigin(rows.origin, at),
})

export function concatRows(parts: readonly Rows[]): Rows {
  const [only] = parts
  if (only !== undefined && parts.length === 1) return only
  return {
    batch: concat(parts.map(p => p.batch)),
    origin: concatOrigins(parts.map(p => ({ origin: p.origin, rows: p.batch.rows }))),
  }
}

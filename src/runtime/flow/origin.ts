/**
 * Origin: where each row of a batch comes from (split and position), so that a dead letter can name the line.
 * Rows that come as a run cost nothing; only what was taken out of order carries an array.
 */
import { Slab } from '../../batch/index.js'

export type Origin =
  | { readonly kind: 'run'; readonly split: number; readonly first: number }
  | { readonly kind: 'each'; readonly split: Int32Array; readonly position: Float64Array }

/** Rows of `at_end`: no source row stands behind them, only their stage is known. */
export const endOrigin = (stage: number): Origin => ({ kind: 'run', split: -1 - stage, first: 0 })

export const splitOf = (origin: Origin, row: number): number =>
  origin.kind === 'run' ? origin.split : (origin.split[row] ?? -1)

export const positionOf = (origin: Origin, row: number): number =>
  origin.kind === 'run' ? origin.first + row : (origin.position[row] ?? -1)

export function sliceOrigin(origin: Origin, from: number, to: number): Origin {
  if (origin.kind === 'run') return { ...origin, first: origin.first + from }
  return { kind: 'each', split: origin.split.subarray(from, to), position: origin.position.subarray(from, to) }
}

/** Bytes that `takeOrigin` takes of a slab for so many rows. */
export const originBytes = (rows: number): number => 12 * rows + 16

function places(rows: number, slab = new Slab(originBytes(rows))): { split: Int32Array; position: Float64Array } {
  return { split: slab.takeInt32(rows), position: slab.takeFloat64(rows) }
}

export function takeOrigin(origin: Origin, rows: Int32Array, slab?: Slab): Origin {
  if (origin.kind === 'run' && origin.split < 0) return origin
  const { split, position } = places(rows.length, slab)
  if (origin.kind === 'run') {
    split.fill(origin.split)
    for (let i = 0; i < rows.length; i += 1) position[i] = origin.first + (rows[i] ?? 0)
  } else {
    for (let i = 0; i < rows.length; i += 1) {
      const row = rows[i] ?? 0
      split[i] = origin.split[row] ?? -1
      position[i] = origin.position[row] ?? -1
    }
  }
  return { kind: 'each', split, position }
}

export function concatOrigins(
  parts: readonly { readonly origin: Origin; readonly rows: number }[],
  slab?: Slab,
): Origin {
  const run = asRun(parts)
  if (run !== null) return run
  const total = parts.reduce((n, p) => n + p.rows, 0)
  const { split, position } = places(total, slab)
  let at = 0
  for (const { origin, rows } of parts) {
    if (origin.kind === 'run') {
      split.fill(origin.split, at, at + rows)
      for (let i = 0; i < rows; i += 1) position[at + i] = origin.first + i
    } else {
      split.set(origin.split, at)
      position.set(origin.position, at)
    }
    at += rows
  }
  return { kind: 'each', split, position }
}

/** Runs that follow each other are one run. */
function asRun(parts: readonly { readonly origin: Origin; readonly rows: number }[]): Origin | null {
  const head = parts[0]?.origin
  if (head?.kind !== 'run') return null
  let next = head.first
  for (const { origin, rows } of parts) {
    if (origin.kind !== 'run' || origin.split !== head.split || (origin.split >= 0 && origin.first !== next))
      return null
    next += rows
  }
  return head
}

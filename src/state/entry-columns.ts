/** Small work on columns of entries. */
import { type Column, bitAt, bytesOf, makeColumn, noNulls } from '../batch/index.js'

/** All of so many values were written. */
export function everything(rows: number): ReadonlyMap<string, Uint8Array> {
  return new Map([['value', new Uint8Array((rows + 7) >> 3).fill(255)]])
}

export const int32Column = (values: Int32Array): Column =>
  makeColumn({ kind: 'int32' }, values.length, noNulls, { offsets: null, values: bytesOf(values), children: [] })

/** Rows that are not null. */
export function rowsThere({ validity, length }: Column): Int32Array {
  const all = Int32Array.from({ length }, (_, row) => row)
  return validity === null ? all : all.filter(row => bitAt(validity, row) === 1)
}

/** Offsets of lists without the items whose bit is 1. */
export function without(offsets: Int32Array, gone: Uint8Array): Int32Array {
  const left = new Int32Array(offsets.length)
  for (let i = 1; i < offsets.length; i++) {
    let kept = 0
    for (let j = offsets[i - 1] ?? 0; j < (offsets[i] ?? 0); j++) kept += 1 - bitAt(gone, j)
    left[i] = (left[i - 1] ?? 0) + kept
  }
  return left
}

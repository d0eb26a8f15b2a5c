/** Packed rows: byte strings one behind the other, so that thousands of keys or rows are two arrays. Row i is bytes [ends[i - 1], ends[i]). */
export interface PackedRows {
  readonly bytes: Uint8Array
  readonly ends: Uint32Array
}

export const startOf = (ends: Uint32Array, row: number): number => (row === 0 ? 0 : (ends[row - 1] ?? 0))

/** Each row as a view: what databases take. */
export function viewsOf({ bytes, ends }: PackedRows): Uint8Array[] {
  const views: Uint8Array[] = []
  let from = 0
  for (const end of ends) {
    views.push(bytes.subarray(from, end))
    from = end
  }
  return views
}

/** Rows [from, to), or as far as there are any: the same bytes. */
export function slicedRows({ bytes, ends }: PackedRows, from: number, to: number): PackedRows {
  const start = startOf(ends, from)
  const some = ends.slice(from, to)
  for (let i = 0; i < some.length; i++) some[i] = (some[i] ?? 0) - start
  return { bytes: bytes.subarray(start, start + (some.at(-1) ?? 0)), ends: some }
}

/** Some rows, in this order. */
export function packedOf({ bytes, ends }: PackedRows, rows: Int32Array): PackedRows {
  const some = new Uint32Array(rows.length)
  let end = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0
    end += (ends[row] ?? 0) - startOf(ends, row)
    some[i] = end
  }
  const copies = new Uint8Array(end)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] ?? 0
    copyBytes(copies, startOf(some, i), bytes, startOf(ends, row), ends[row] ?? 0)
  }
  return { bytes: copies, ends: some }
}

/** Bytes [from, to) of `source`. By hand where they are few: a call of `set` costs more than 32 bytes. */
export function copyBytes(target: Uint8Array, at: number, source: Uint8Array, from: number, to: number): void {
  if (to - from > 32) target.set(source.subarray(from, to), at)
  else for (let b = from; b < to; b++) target[at + b - from] = source[b] ?? 0
}

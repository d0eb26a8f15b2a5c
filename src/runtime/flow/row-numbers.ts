/** Row numbers: the slots of some rows, and the rows that are left without some. */
export const takeSlots = (slots: Int32Array, rows: Int32Array): Int32Array => {
  const out = new Int32Array(rows.length)
  for (let i = 0; i < rows.length; i += 1) out[i] = slots[rows[i] ?? 0] ?? 0
  return out
}

/** Rows 0..n-1 without those listed (ascending). */
export function without(n: number, rows: Int32Array): Int32Array {
  const left = new Int32Array(n - rows.length)
  let at = 0
  let next = 0
  for (let i = 0; i < n; i += 1)
    if (next < rows.length && rows[next] === i) next += 1
    else {
      left[at] = i
      at += 1
    }
  return left
}

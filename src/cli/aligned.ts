/** A table of texts whose columns stand below each other; `r` in `sides` sets a column to the right. Two blanks stand between them. */
export function aligned(rows: readonly (readonly string[])[], sides: string): readonly string[] {
  const widths = [...sides].map((_, at) => Math.max(0, ...rows.map(row => (row[at] ?? '').length)))
  return rows.map(row =>
    [...sides]
      .map((side, at) => {
        const [cell = '', width = 0] = [row[at], widths[at]]
        return side === 'r' ? cell.padStart(width) : cell.padEnd(width)
      })
      .join('  ')
      .trimEnd(),
  )
}

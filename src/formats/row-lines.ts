/**
 * Row lines: which line each row of a batch came from. Rows nearly always come from consecutive lines, so
 * only the places where that breaks are kept, and the list of all numbers is made when there is one.
 */
export class RowLines {
  /** Pairs of (row, line): from this row on, lines count up from this number. */
  private readonly breaks: number[] = []
  private expected = -1

  /** `rows` rows from `row` on came from the lines from `line` on. */
  add(row: number, line: number, rows: number): void {
    if (line !== this.expected) this.breaks.push(row, line)
    this.expected = line + rows
  }

  first(otherwise: number): number {
    return this.breaks[1] ?? otherwise
  }

  /** Null where line `first() + i` is row i's. */
  numbers(rows: number): Float64Array | null {
    if (this.breaks.length <= 2) return null
    const lines = new Float64Array(rows)
    for (let i = 0; i < this.breaks.length; i += 2) {
      const from = this.breaks[i] ?? 0
      const to = this.breaks[i + 2] ?? rows
      const line = this.breaks[i + 1] ?? 0
      for (let row = from; row < to; row++) lines[row] = line + row - from
    }
    return lines
  }
}

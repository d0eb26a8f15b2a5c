/**
 * A test as a table: what happens, and what is so after it, one line after the other.
 *
 *   tell(`
 *     at   event      ->  does
 *      0   start          spawn 1
 *    100   ready 1        spawn 2      // the spare waits for the first one
 *   `, (event, atMs) => [...])
 *
 * The first line names the columns. Cells stand two blanks apart, `.` is nothing, `//` begins a remark. `at` is
 * milliseconds and may be left out of the whole table.
 */
import { expect } from 'vitest'

/** Answers the cells behind the arrow; '' is written as `.` in the table. */
export type Happens = (event: string, atMs: number) => readonly string[]

export function tell(text: string, happens: Happens): void {
  const [head = [], ...lines] = text
    .split('\n')
    .map(line => line.replace(/\/\/.*$/, '').trim())
    .filter(line => line !== '')
    .map(line => line.split(/\s{2,}/))
  const timed = head[0] === 'at'
  const want = lines.map(cells => cells.join('  '))
  const got = lines.map(cells => {
    const [at = '0', event = ''] = timed ? cells : ['0', ...cells]
    const said = happens(event, Number(at)).map(cell => (cell === '' ? '.' : cell))
    return [...(timed ? [at] : []), event, ...said].join('  ')
  })
  expect(got).toEqual(want)
}

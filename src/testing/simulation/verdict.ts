/** The verdict on one simulated run: what came out against what had to, in sentences. */
import { type DeadLetter } from '../../runtime/index.js'
import { type Expected, letterText } from './oracle.js'
import { type Job } from './job.js'
import { type Due, type Row } from './rows.js'

export interface Came {
  readonly sinks: ReadonlyMap<string, readonly Row[]>
  readonly letters: readonly DeadLetter[]
  readonly rowsIn: number
  readonly rowsDead: number
}

export function judge(job: Job, expected: Expected, came: Came): readonly string[] {
  const wrong: string[] = []
  for (const [sink, order] of job.order) {
    const want = expected.sinks.get(sink) ?? []
    const got = came.sinks.get(sink) ?? []
    wrong.push(...judgeSink(sink, want, got, order))
  }
  const letters = came.letters.map(textOf).toSorted()
  const difference = firstDifference(expected.letters, letters)
  if (difference !== null) wrong.push(`dead letters: ${difference}`)
  if (came.rowsIn !== expected.rowsIn) wrong.push(`rows_in: expected ${expected.rowsIn}, got ${came.rowsIn}`)
  if (came.rowsDead !== expected.rowsDead) wrong.push(`rows_dead: expected ${expected.rowsDead}, got ${came.rowsDead}`)
  return wrong
}

/** A job that stopped: nothing came that should not have, and in order as far as it came. */
export function judgePart(job: Job, expected: Expected, came: Came): readonly string[] {
  const wrong: string[] = []
  for (const [sink, order] of job.order) {
    const want = grouped(expected.sinks.get(sink) ?? [], order)
    for (const [key, got] of grouped(came.sinks.get(sink) ?? [], order)) {
      const texts = got.map(rowText)
      const whole = isWhole(got, order)
      const all = settled(want.get(key) ?? [], got, whole).map(rowText)
      const due = whole ? all.slice(0, got.length) : texts.filter(text => all.includes(text))
      const difference = firstDifference(due, texts)
      if (difference !== null) wrong.push(`${sink}, key ${key}: ${difference}`)
    }
  }
  const letters = new Set(expected.letters)
  const strange = came.letters.map(textOf).find(text => !letters.has(text))
  return strange === undefined ? wrong : [...wrong, `dead letter that should not be: ${strange}`]
}

export function textOf(letter: DeadLetter): string {
  const { operator, source, position, error, row } = letter
  const id = typeof row === 'string' ? '' : (row['id'] ?? row['k'] ?? '')
  return letterText({ operator, source, position, code: error.code, id })
}

/** Rows of one sink: the same rows, and in order within each value of the key columns, or all of them. */
function judgeSink(
  sink: string,
  want: readonly Due[],
  got: readonly Row[],
  order: readonly string[] | null,
): readonly string[] {
  const wanted = grouped(want, order)
  const came = grouped(got, order)
  for (const name of new Set([...wanted.keys(), ...came.keys()])) {
    const rows = came.get(name) ?? []
    const whole = isWhole(want, order)
    const [due, texts] = [settled(wanted.get(name) ?? [], rows, whole).map(rowText), rows.map(rowText)]
    const difference = whole ? firstDifference(due, texts) : firstDifference(due.toSorted(), texts.toSorted())
    if (difference !== null) return [`${sink}${name === '' ? '' : `, key ${name}`}: ${difference}`]
  }
  return []
}

function grouped<T extends Due>(
  rows: readonly T[],
  order: readonly string[] | null,
): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>()
  for (const row of rows) {
    const name = order?.map(column => String(row[column] ?? '-')).join('|') ?? ''
    const group = groups.get(name) ?? []
    groups.set(name, group)
    group.push(row)
  }
  return groups
}

/** A summary may lack a column of the key: then only which rows came is compared. */
const isWhole = ([first]: readonly Due[], order: readonly string[] | null): boolean =>
  first === undefined || order === null || order.every(column => column in first)

/** What is due, with what came where that is one of the things that a cell may be. */
function settled(want: readonly Due[], got: readonly Row[], whole: boolean): readonly Row[] {
  if (whole) return want.map((row, i) => filled(row, got[i]))
  const rows = want.map(row => filled(row, undefined))
  const left = new Set(want.keys())
  // The longest can be those of one key only; what is short may be what is left of many.
  for (const row of got.toSorted((a, b) => rowText(b).length - rowText(a).length)) {
    const text = rowText(row)
    const at = [...left].find(i => rowText(filled(want[i] ?? {}, row)) === text)
    if (at === undefined) continue
    left.delete(at)
    rows[at] = row
  }
  return rows
}

function filled(due: Due, row: Row | undefined): Row {
  if (isSure(due)) return due
  const cells: Record<string, Row[string]> = {}
  for (const [name, cell] of Object.entries(due)) cells[name] = isPattern(cell) ? cellOf(cell, row?.[name]) : cell
  return cells
}

const isSure = (due: Due): due is Row => !Object.values(due).some(isPattern)

const isPattern = (cell: Due[string]): cell is RegExp => cell instanceof RegExp

const cellOf = (pattern: RegExp, cell: Row[string] | undefined): Row[string] =>
  cell !== undefined && pattern.test(String(cell)) ? cell : String(pattern)

/** A row as text, columns by name. */
export function rowText(row: Row): string {
  return Object.keys(row)
    .sort()
    .map(name => `${name}=${typeof row[name] === 'bigint' ? `${row[name]}n` : JSON.stringify(row[name])}`)
    .join(' ')
}

function firstDifference(want: readonly string[], got: readonly string[]): string | null {
  const at = want.findIndex((text, i) => text !== got[i])
  if (at < 0 && got.length <= want.length) return null
  const i = at < 0 ? want.length : at
  return `${want.length} expected, ${got.length} came; number ${i}: expected ${want[i] ?? 'nothing'}, got ${got[i] ?? 'nothing'}`
}

/** The verdict on one simulated run: what came out against what had to, in sentences. */
import { type DeadLetter } from '../../runtime/index.js'
import { type Expected, letterText } from './oracle.js'
import { type Job } from './job.js'
import { type Row } from './rows.js'

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
      const difference = firstDifference((want.get(key) ?? []).slice(0, got.length), got)
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
  want: readonly Row[],
  got: readonly Row[],
  order: readonly string[] | null,
): readonly string[] {
  const wanted = grouped(want, order)
  const came = grouped(got, order)
  for (const name of new Set([...wanted.keys(), ...came.keys()])) {
    const difference = firstDifference(wanted.get(name) ?? [], came.get(name) ?? [])
    if (difference !== null) return [`${sink}${name === '' ? '' : `, key ${name}`}: ${difference}`]
  }
  return []
}

function grouped(rows: readonly Row[], order: readonly string[] | null): ReadonlyMap<string, readonly string[]> {
  const groups = new Map<string, string[]>()
  const [first] = rows
  // A summary may lack a column of the key: then only which rows came is compared.
  const whole = first === undefined || order === null || order.every(c => c in first)
  for (const row of rows) {
    const name = order === null ? '' : order.map(c => String(row[c] ?? '-')).join('|')
    const list = groups.get(name) ?? []
    groups.set(name, list)
    list.push(rowText(row))
  }
  if (!whole) for (const list of groups.values()) list.sort()
  return groups
}

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

/** Rows as text in columns, for tests that read as tables. */
import { type Json } from '../../batch/index.js'
import { type DataType, type Schema } from '../../schema/index.js'

const left: readonly DataType['kind'][] = ['utf8', 'binary', 'list', 'struct', 'map', 'timestamp', 'date32', 'bool']

/** Names first, two spaces between columns, numbers to the right, a dot for null; no space at the end of a line. */
export function tableText(schema: Schema, rows: readonly Readonly<Record<string, Json>>[]): string {
  const columns = schema.fields.map(({ name, type }) => {
    const cells = [name, ...rows.map(row => cellText(row[name] ?? null))]
    const width = Math.max(...cells.map(cell => cell.length))
    return cells.map(cell => (left.includes(type.kind) ? cell.padEnd(width) : cell.padStart(width)))
  })
  return Array.from({ length: rows.length + 1 }, (_, line) =>
    columns
      .map(cells => cells[line] ?? '')
      .join('  ')
      .trimEnd(),
  ).join('\n')
}

function cellText(value: Json): string {
  if (value === null) return '.'
  return typeof value === 'string' ? value : JSON.stringify(value)
}

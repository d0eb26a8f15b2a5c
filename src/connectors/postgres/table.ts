/** Looks at the table before the first row: whether it is there, holds the columns, and has the key. */
import type pg from 'pg'
import { ConnectorError } from '../../base/index.js'
import { type Schema, formatType } from '../../schema/index.js'
import { createTable, quoted, quotedTable, tableType } from './types.js'

interface Target {
  readonly table: string
  readonly schema: Schema
  readonly key: readonly string[]
}

interface FoundColumn {
  readonly name: string
  readonly type: string
  /** A row that does not give it is refused. */
  readonly needed: boolean
}

const columnsQuery = `
  SELECT attname AS name, format_type(atttypid, atttypmod) AS type,
    attnotnull AND NOT atthasdef AND attidentity = '' AND attgenerated = '' AS needed
  FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`

/** The sets of columns that are unique over all rows of the table. */
const keysQuery = `
  SELECT array_agg(attname::text) AS key FROM pg_index
  JOIN pg_attribute ON attrelid = indrelid AND attnum = ANY(indkey)
  WHERE indrelid = to_regclass($1) AND indisunique AND indpred IS NULL AND indexprs IS NULL
  GROUP BY indexrelid`

/** Throws a ConnectorError (ANB4030) with the statements that make the table fit. */
export async function checkTable(client: pg.Client, target: Target): Promise<void> {
  const { table, schema, key } = target
  const name = quotedTable(table)
  const { rows: columns } = await client.query<FoundColumn>(columnsQuery, [name])
  if (columns.length === 0) {
    throw misfit(`table ${table} is not there`, [], [createTable(table, schema.fields, key)])
  }
  const faults = schema.fields.flatMap(field => columnFault(target, field, columns))
  const given = new Set(schema.fields.map(field => field.name))
  const needed = columns.filter(column => column.needed && !given.has(column.name))
  for (const column of needed) {
    const mend = `ALTER TABLE ${name} ALTER ${quoted(column.name)} DROP NOT NULL`
    faults.push({ what: `column "${column.name}" of the table must be given, and the job does not have it`, mend })
  }
  if (key.length > 0 && !(await hasKey(client, name, key))) {
    const mend = `ALTER TABLE ${name} ADD UNIQUE (${key.map(quoted).join(', ')})`
    faults.push({ what: `no unique index of the table has just the columns ${key.join(', ')}`, mend })
  }
  if (faults.length === 0) return
  const what = faults.map(fault => fault.what)
  throw misfit(
    `table ${table} does not fit the rows: ${what[0]}`,
    what,
    faults.map(fault => fault.mend),
  )
}

function columnFault(
  { table }: Target,
  { name, type }: Schema['fields'][number],
  columns: readonly FoundColumn[],
): { what: string; mend: string }[] {
  const wanted = tableType(type)
  const found = columns.find(column => column.name === name)
  const own = wanted?.own ?? 'text'
  if (found === undefined) {
    const mend = `ALTER TABLE ${quotedTable(table)} ADD ${quoted(name)} ${own}`
    return [{ what: `column "${name}" is not there`, mend }]
  }
  if (wanted === null || wanted.wider.test(found.type)) return []
  const mend = `ALTER TABLE ${quotedTable(table)} ALTER ${quoted(name)} TYPE ${own}`
  return [{ what: `column "${name}" is ${found.type}, which does not hold every ${formatType(type)}`, mend }]
}

async function hasKey(client: pg.Client, name: string, key: readonly string[]): Promise<boolean> {
  const { rows } = await client.query<{ key: readonly string[] }>(keysQuery, [name])
  const wanted = JSON.stringify([...key].sort())
  return rows.some(row => JSON.stringify([...row.key].sort()) === wanted)
}

function misfit(message: string, what: readonly string[], mend: readonly string[]): ConnectorError {
  return new ConnectorError('ANB4030', message, {
    detail: what.length > 1 ? `${what.join('; ')}.` : '',
    hint: `run ${mend.join('; ')}`,
  })
}

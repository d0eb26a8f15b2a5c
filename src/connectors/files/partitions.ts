/**
 * Partitions: rows go to a folder named by the values of some columns, `dt=2026-01-01/country=DE/`, as Hive, Spark and
 * DuckDB read them; the columns are not in the files then.
 */
import { type Batch, type Column, type Json, jsonAt, select, take } from '../../batch/index.js'
import { ConnectorError, invariant } from '../../base/index.js'

/** What stands for a null, and for an empty text, which no folder can be named by. */
const nullName = '__HIVE_DEFAULT_PARTITION__'
/** File systems take names of 255 bytes. */
const nameBytesMax = 240

export interface Partition {
  /** Empty, or relative and with a slash at its end. */
  readonly folder: string
  readonly batch: Batch
}

/** The rows of a batch by folder, in the order in which each folder comes first; without columns all rows together. */
export function partitions(batch: Batch, columns: readonly string[]): readonly Partition[] {
  if (columns.length === 0 || batch.rows === 0) return [{ folder: '', batch }]
  const kept = batch.schema.fields.map(field => field.name).filter(name => !columns.includes(name))
  const rows = select(batch, kept)
  const byFolder = rowsByFolder(batch, columns)
  const [only] = byFolder.keys()
  if (byFolder.size === 1 && only !== undefined) return [{ folder: only, batch: rows }]
  return [...byFolder].map(([folder, indexes]) => ({ folder, batch: take(rows, Int32Array.from(indexes)) }))
}

function rowsByFolder(batch: Batch, columns: readonly string[]): ReadonlyMap<string, readonly number[]> {
  const named = columns.map(name => namer(name, batch))
  const found = new Map<string, number[]>()
  for (let row = 0; row < batch.rows; row++) {
    let folder = ''
    for (const nameAt of named) folder += nameAt(row)
    const rows = found.get(folder)
    if (rows === undefined) found.set(folder, [row])
    else rows.push(row)
  }
  return found
}

/** Names the folder of each row for one column; equal values are named once. */
function namer(name: string, batch: Batch): (row: number) => string {
  const column: Column | undefined = batch.columns[batch.schema.fields.findIndex(field => field.name === name)]
  invariant(column !== undefined, 'the plan knows the columns of a partition')
  const known = new Map<Json, string>()
  return row => {
    const value = jsonAt(column, row)
    const folder = known.get(value)
    if (folder !== undefined) return folder
    const made = folderName(name, value)
    known.set(value, made)
    return made
  }
}

function folderName(name: string, value: Json): string {
  const text = value === null || value === '' ? nullName : escaped(String(value))
  const folder = `${escaped(name)}=${text}`
  if (Buffer.byteLength(folder) > nameBytesMax) {
    const shown = JSON.stringify(String(value).slice(0, 40))
    throw new ConnectorError('ANB4003', `a folder cannot be named by ${shown}... in column "${name}"`, {
      detail: `Its name would have ${Buffer.byteLength(folder)} bytes, at most ${nameBytesMax} are allowed.`,
      hint: 'choose a column of few short values in partitionBy',
    })
  }
  return `${folder}/`
}

const special: ReadonlySet<string> = new Set('"#%\'*/:=?\\{[]^\u007f')

/** As Hive does: what means something in a path is written as % and two hexadecimal digits. */
function escaped(text: string): string {
  if (text === nullName) return `%5F${text.slice(1)}`
  return Array.from(text, character =>
    character < ' ' || special.has(character)
      ? `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
      : character,
  ).join('')
}

/** Columns in and out of a batch: project, rename, add. No byte is copied. */
import { invariant } from '../base/index.js'
import { type DataType, type Schema, byteWidth, childrenOf, withFields } from '../schema/index.js'
import { bitmapBytes } from './bits.js'
import { type Batch, type Column } from './column.js'
import { hasOffsets, noBytes } from './views.js'

/** A column by its name, or by its old name to its new ones: `select(b, ['a', { b: 'c' }])` is a, and b as c. */
export type Selection = string | Readonly<Record<string, string>>

/** The named columns in the order in which they are named; a name that is not there is a programming error. */
export function select(batch: Batch, selection: readonly Selection[]): Batch {
  const pairs = selection.flatMap(s => (typeof s === 'string' ? [[s, s] as const] : Object.entries(s)))
  const picked = pairs.map(([from, to]) => {
    const index = batch.schema.fields.findIndex(f => f.name === from)
    const field = batch.schema.fields[index]
    const column = batch.columns[index]
    invariant(field !== undefined && column !== undefined, `batch has a column "${from}"`)
    return { field: from === to ? field : { ...field, name: to }, column }
  })
  return { schema: { fields: picked.map(p => p.field) }, rows: batch.rows, columns: picked.map(p => p.column) }
}

/** `base` with the columns of `added`, which has as many rows: the same name replaces in its place, others come last. */
export function withColumns(base: Batch, added: Batch): Batch {
  invariant(base.rows === added.rows, `as many rows are added (${added.rows}) as there are (${base.rows})`)
  const schema = withFields(base.schema, added.schema)
  const columns = schema.fields.map(field => {
    const column = columnNamed(added, field.name) ?? columnNamed(base, field.name)
    invariant(column !== undefined, `a batch has a column "${field.name}"`)
    return column
  })
  return { schema, rows: base.rows, columns }
}

export const columnNamed = (batch: Batch, name: string): Column | undefined =>
  batch.columns[batch.schema.fields.findIndex(f => f.name === name)]

/** A batch of 0 rows. */
export function emptyBatch(schema: Schema): Batch {
  return { schema, rows: 0, columns: schema.fields.map(f => nullColumn(f.type, 0)) }
}

/** A column of `length` nulls. */
export function nullColumn(type: DataType, length: number): Column {
  const width = type.kind === 'bool' ? bitmapBytes(length) : byteWidth(type) * length
  return {
    type,
    length,
    nullCount: length,
    validity: length === 0 ? null : new Uint8Array(bitmapBytes(length)),
    offsets: hasOffsets(type) ? new Int32Array(length + 1) : null,
    values: width === 0 ? noBytes : new Uint8Array(width),
    children: childrenOf(type).map(child => nullColumn(child, type.kind === 'struct' ? length : 0)),
  }
}

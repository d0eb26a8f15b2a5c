/** What every batch promises about its buffers (src/batch/column.ts), whoever made it. */
import { type Batch, type Column, bitmapBytes, countOnes, textsAreUtf8, valueBytes } from '../../../src/batch/index.js'
import { type DataType, childrenOf, formatType } from '../../../src/schema/index.js'

/** The first promise that is broken, or null. */
export function brokenPromise(batch: Batch): string | null {
  for (const [c, field] of batch.schema.fields.entries()) {
    const column = batch.columns[c]
    if (column === undefined) return `column ${c} is missing`
    if (column.length !== batch.rows) return `column ${c} has another length`
    const broken = brokenColumn(column, field.type)
    if (broken !== null) return `${field.name}: ${broken}`
  }
  return batch.columns.length === batch.schema.fields.length ? null : 'too many columns'
}

function brokenColumn(column: Column, type: DataType): string | null {
  if (formatType(column.type) !== formatType(type)) return 'another type'
  return brokenValidity(column) ?? brokenValues(column) ?? brokenChildren(column)
}

function brokenValidity({ validity, nullCount, length }: Column): string | null {
  if (validity === null) return nullCount === 0 ? null : 'nulls without a validity'
  if (validity.length !== bitmapBytes(length)) return 'validity of another length'
  if (countOnes(validity, length) !== countOnes(validity, validity.length * 8)) return 'bits after the last one'
  return length - countOnes(validity, length) === nullCount && nullCount > 0 ? null : 'another null count'
}

function brokenValues(column: Column): string | null {
  const { type, length, offsets, values } = column
  if ((values.byteOffset & 7) !== 0) return 'values are not aligned'
  const fixed = valueBytes(type, length)
  if (fixed !== undefined && offsets === null) return values.length === fixed ? null : 'values of another length'
  if (offsets === null) return 'offsets are missing'
  if ((offsets.byteOffset & 3) !== 0 || offsets.length !== length + 1) return 'offsets of another length'
  if (offsets[0] !== 0) return 'offsets do not begin at 0'
  for (let i = 0; i < length; i++) if ((offsets[i] ?? 0) > (offsets[i + 1] ?? 0)) return 'offsets descend'
  const end = offsets[length] ?? 0
  if (column.children.length > 0) return column.children[0]?.length === end ? null : 'items of another number'
  if (values.length < end) return 'values are too short'
  return type.kind === 'utf8' && !textsAreUtf8(values, offsets) ? 'not UTF-8' : null
}

function brokenChildren(column: Column): string | null {
  const types = childrenOf(column.type)
  if (types.length !== column.children.length) return 'another number of children'
  for (const [c, type] of types.entries()) {
    const child = column.children[c]
    if (child === undefined) return 'a child is missing'
    if (column.type.kind === 'struct' && child.length !== column.length) return 'a member of another length'
    const broken = brokenColumn(child, type)
    if (broken !== null) return broken
  }
  return null
}

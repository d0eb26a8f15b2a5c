/** Columns of a batch as columns of a table: the type to make, and the types that hold every value of it. */
import { type DataType, type Field } from '../../schema/index.js'

interface TableType {
  /** For CREATE TABLE. */
  readonly own: string
  /** As `format_type` writes those that hold every value too. */
  readonly wider: RegExp
}

const texts = /^(text|character varying.*|character\(.*|uuid|json|jsonb)$/

export function tableType(type: DataType): TableType | null {
  switch (type.kind) {
    case 'bool':
      return { own: 'boolean', wider: /^boolean$/ }
    case 'int8':
    case 'int16':
    case 'uint8':
      return { own: 'smallint', wider: /^(smallint|integer|bigint|numeric)$/ }
    case 'int32':
    case 'uint16':
      return { own: 'integer', wider: /^(integer|bigint|numeric)$/ }
    case 'int64':
    case 'uint32':
    case 'duration':
      return { own: 'bigint', wider: /^(bigint|numeric)$/ }
    case 'uint64':
      return { own: 'numeric', wider: /^numeric(\(2\d,0\))?$/ }
    case 'float32':
      return { own: 'real', wider: /^(real|double precision)$/ }
    case 'float64':
      return { own: 'double precision', wider: /^double precision$/ }
    case 'decimal128': {
      const own = `numeric(${type.precision},${type.scale})`
      return { own, wider: new RegExp(`^numeric(\\(${type.precision},${type.scale}\\))?$`) }
    }
    case 'utf8':
      return { own: 'text', wider: texts }
    case 'binary':
      return { own: 'bytea', wider: /^bytea$/ }
    case 'date32':
      return { own: 'date', wider: /^date$/ }
    case 'timestamp':
      return type.tz === null
        ? { own: 'timestamp', wider: /^timestamp without time zone$/ }
        : { own: 'timestamptz', wider: /^timestamp with time zone$/ }
    default:
      return null
  }
}

export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`

/** `"shop"."bills"` of `shop.bills`. */
export const quotedTable = (table: string): string => table.split('.').map(quoted).join('.')

/** The statement that makes a table for these columns. */
export function createTable(table: string, fields: readonly Field[], key: readonly string[]): string {
  const columns = fields.map(({ name, type }) => `${quoted(name)} ${tableType(type)?.own ?? 'text'}`)
  const primary = key.length === 0 ? [] : [`PRIMARY KEY (${key.map(quoted).join(', ')})`]
  return `CREATE TABLE ${quotedTable(table)} (${[...columns, ...primary].join(', ')})`
}

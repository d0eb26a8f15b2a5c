/**
 * May rows of a Parquet file be read under the declared schema? Only where no value can change: the same type, or
 * a wider one; seconds also from milliseconds. A file with more columns than declared is fine.
 */
import { type PlanFault } from '../../base/index.js'
import { type DataType, type Field, type Schema, type TimeUnit, formatType, parseType } from '../../schema/index.js'
import { type TableFooter } from '../contract.js'

/** All faults of one file, empty where it fits. */
export function faultsOf(name: string, footer: TableFooter, declared: Schema): readonly PlanFault[] {
  const types = new Map(footer.schema)
  const names = footer.schema.map(([column]) => column)
  return declared.fields.flatMap(field => {
    const found = types.get(field.name)
    const isTwice = names.indexOf(field.name) !== names.lastIndexOf(field.name)
    const what = isTwice ? `column "${field.name}" stands twice in the file` : misfit(field, found)
    // Without rows no type is known: pandas and pyarrow write such a column as one of nulls, which no value contradicts.
    if (what === null || (found === null && footer.rows === 0)) return []
    const hint = `declare what the file has, or write the schema anew with: npx anabranch types --from ${name}`
    return [{ code: 'ANB1018', message: what, place: `file "${name}"`, hint } as const]
  })
}

function misfit(field: Field, found: string | null | undefined): string | null {
  const declared = formatType(field.type)
  const expected = `column "${field.name}" is declared as ${declared}`
  if (found === undefined) return `${expected}, but the file does not have it`
  if (found === null) return `${expected}, but the file has a type that Anabranch has no name for`
  return widens(parseType(found), field.type) ? null : `${expected}, but the file has ${found}`
}

/** Every value of `from` is a value of `to`. */
export function widens(from: DataType, to: DataType): boolean {
  if (formatType(from) === formatType(to)) return true
  switch (to.kind) {
    case 'timestamp':
      return from.kind === 'timestamp' && readable(from.unit, to.unit) && (from.tz === null) === (to.tz === null)
    case 'duration':
      return from.kind === 'duration' && finer(from.unit, to.unit)
    case 'decimal128':
      if (from.kind !== 'decimal128') return false
      return to.scale >= from.scale && to.precision - to.scale >= from.precision - from.scale
    case 'list':
      return from.kind === 'list' && widens(from.item, to.item)
    case 'map':
      return from.kind === 'map' && widens(from.key, to.key) && widens(from.value, to.value)
    case 'struct':
      return from.kind === 'struct' && sameMembers(from.fields, to.fields)
    default:
      return (wider[from.kind] ?? []).includes(to.kind)
  }
}

const wider: Partial<Record<DataType['kind'], readonly DataType['kind'][]>> = {
  int8: ['int16', 'int32', 'int64', 'float32', 'float64'],
  int16: ['int32', 'int64', 'float32', 'float64'],
  int32: ['int64', 'float64'],
  uint8: ['uint16', 'uint32', 'uint64', 'int16', 'int32', 'int64', 'float32', 'float64'],
  uint16: ['uint32', 'uint64', 'int32', 'int64', 'float32', 'float64'],
  uint32: ['uint64', 'int64', 'float64'],
  float32: ['float64'],
}

const unitOrder: readonly TimeUnit[] = ['s', 'ms', 'us', 'ns']
const finer = (from: TimeUnit, to: TimeUnit): boolean => unitOrder.indexOf(from) <= unitOrder.indexOf(to)

/** Parquet knows no seconds: what was written as such is there in milliseconds, and each value is checked when it is read. */
const readable = (from: TimeUnit, to: TimeUnit): boolean => finer(from, to) || (from === 'ms' && to === 's')

function sameMembers(from: readonly Field[], to: readonly Field[]): boolean {
  return (
    from.length === to.length &&
    from.every((f, i) => {
      const other = to[i]
      return other !== undefined && f.name === other.name && widens(f.type, other.type)
    })
  )
}

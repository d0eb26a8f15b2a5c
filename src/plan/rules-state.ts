/** Rules for what a keyed function keeps: values and the members of lists and maps are flat, and entries are named by a column. */
import { type DataType, formatType } from '../schema/index.js'
import { type FunctionRef } from './nodes.js'
import { columnOf } from './schemas.js'

const isFlat = ({ kind }: DataType): boolean => kind !== 'list' && kind !== 'struct' && kind !== 'map'

/** A message for each fault. `types` are those that could be read. */
export function stateFaults(fn: FunctionRef, types: ReadonlyMap<string, DataType>, title: string): readonly string[] {
  return [...types].flatMap(([name, type]) => {
    const what = `state column "${name}" of ${title}`
    const options = columnOf(fn.state, name)?.[2]
    const keep = options?.keep
    if (keep === undefined || keep.as === 'value')
      return isFlat(type) ? [] : [`${what} is a ${type.kind}, which cannot be kept as state`]
    const parts = type.kind === 'list' ? [type.item] : type.kind === 'map' ? [type.key, type.value] : []
    if (type.kind !== keep.as) return [`${what} is kept as a ${keep.as}, but its type is ${formatType(type)}`]
    const nested = parts.find(part => !isFlat(part))
    if (nested !== undefined)
      return [`${what} has members of type ${formatType(nested)}, which cannot be kept as state`]
    if (options?.default !== undefined) return [`${what} is a ${keep.as}, which begins empty and has no default`]
    return keep.as === 'map' && type.kind === 'map' ? namingFaults(fn, keep.entries, type.key, what) : []
  })
}

function namingFaults(fn: FunctionRef, column: string, key: DataType, what: string): readonly string[] {
  if (column === 'all') return []
  const named = columnOf(fn.inputs, column)
  if (named === undefined) return [`${what} has its entries named by column "${column}", which is not among the inputs`]
  if (named[1].replaceAll(' ', '') === formatType(key).replaceAll(' ', '')) return []
  return [`${what} has keys of type ${formatType(key)}, but column "${column}", which names them, is ${named[1]}`]
}

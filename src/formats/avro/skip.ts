/** Walks over values that nobody asked for, and says how few bytes a value may take. */
import { type Cursor, Damage } from './cursor.js'
import { type AvroType, depthMax } from './types.js'

/** Items without bytes that one list may claim: five bytes of a stranger must not become a million items. */
export const hollowItemsMax = 65_536

/** Bytes that a value of the type takes at least; a type that holds itself takes some. */
export function bytesMin(type: AvroType, depth = 0): number {
  if (depth > depthMax) return 1
  switch (type.kind) {
    case 'null':
      return 0
    case 'float':
      return 4
    case 'double':
      return 8
    case 'fixed':
      return type.size
    case 'record':
      return type.fields.reduce((sum, field) => sum + bytesMin(field.type, depth + 1), 0)
    default:
      return 1
  }
}

/** Counts the items of a list or map block by block, and refuses what cannot be there. */
export function eachItem(cursor: Cursor, itemBytes: number, item: () => void): number {
  let items = 0
  for (let count = cursor.size(); count !== 0; count = cursor.size()) {
    if (count < 0) {
      cursor.size()
      count = -count
    }
    items += count
    if (itemBytes === 0 ? items > hollowItemsMax : count > cursor.left / itemBytes) {
      throw new Damage(`a list claims ${count} items that its block has no room for`)
    }
    for (let i = 0; i < count; i++) item()
  }
  return items
}

export function skip(cursor: Cursor, type: AvroType, depth = 0): void {
  if (depth > depthMax) throw new Damage(`values are nested deeper than ${depthMax}`)
  switch (type.kind) {
    case 'null':
      return
    case 'boolean':
      cursor.take(1)
      return
    case 'int':
    case 'long':
      if (Number.isNaN(cursor.short())) cursor.long()
      return
    case 'enum':
      cursor.size()
      return
    case 'float':
    case 'double':
    case 'fixed':
      cursor.take(bytesMin(type))
      return
    case 'bytes':
    case 'string':
      cursor.sized()
      return
    case 'array':
      eachItem(cursor, bytesMin(type.items), () => skip(cursor, type.items, depth + 1))
      return
    case 'map':
      eachItem(cursor, 1 + bytesMin(type.values), () => {
        cursor.sized()
        skip(cursor, type.values, depth + 1)
      })
      return
    case 'union':
      skip(cursor, branchOf(type.branches, cursor.size()), depth + 1)
      return
    case 'record':
      for (const field of type.fields) skip(cursor, field.type, depth + 1)
  }
}

export function branchOf<T>(branches: readonly T[], index: number): T {
  const branch = branches[index]
  if (branch === undefined) throw new Damage(`a union of ${branches.length} types has a value of type ${index}`)
  return branch
}

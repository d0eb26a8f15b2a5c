/**
 * What a state schema declares, by how it is kept: values, which are columns of the state table; lists and maps, which have
 * entries of their own. And the schemas in which lists and maps travel, one row a key each.
 */
import { type DataType, type Field, type Keep, type Schema, fieldNamed, schemaToJson } from '../schema/index.js'
import { invariant } from '../base/index.js'

export interface ListField {
  readonly name: string
  readonly item: DataType
  readonly keep: Keep & { readonly as: 'list' }
}
export interface MapField {
  readonly name: string
  readonly key: DataType
  readonly value: DataType
  readonly keep: Keep & { readonly as: 'map' }
}

export interface DeclaredState {
  readonly values: Schema
  readonly lists: readonly ListField[]
  readonly maps: readonly MapField[]
}

export function declaredState(schema: Schema): DeclaredState {
  const isValue = ({ keep }: Field): boolean => keep === undefined || keep.as === 'value'
  const lists = schema.fields.flatMap(({ name, type, keep }): ListField[] => {
    if (keep?.as !== 'list') return []
    invariant(type.kind === 'list', 'the plan holds the column of a list to its type')
    return [{ name, item: type.item, keep }]
  })
  const maps = schema.fields.flatMap(({ name, type, keep }): MapField[] => {
    if (keep?.as !== 'map') return []
    invariant(type.kind === 'map', 'the plan holds the column of a map to its type')
    return [{ name, key: type.key, value: type.value, keep }]
  })
  return { values: { fields: schema.fields.filter(isValue) }, lists, maps }
}

/**
 * Whether state of the first columns becomes that of the others where it is, in memory: lists, maps and times of expiry are as they
 * were or new. So only values are laid out anew, and entries, of which a key may have many, stay where they are.
 */
export function goesOnInPlace(from: Schema, to: Schema): boolean {
  const isKept = ({ keep }: Field): boolean => keep !== undefined
  const isNew = ({ name, alias }: Field): boolean =>
    !from.fields.some(each => each.name === name || each.name === alias)
  const isIn = (schema: Schema, field: Field): boolean => {
    const same = fieldNamed(schema, field.name)
    return same !== undefined && textOf(same) === textOf(field)
  }
  const stays = from.fields.filter(isKept).every(field => isIn(to, field))
  return stays && to.fields.filter(isKept).every(field => isNew(field) || isIn(from, field))
}

const textOf = (field: Field): string => JSON.stringify(schemaToJson({ fields: [field] }))

/** Lists that the transform reads, whole: the table LIST of a call. */
export const listsSent = ({ lists }: DeclaredState): Schema => ({
  fields: lists.filter(list => list.keep.reads).map(({ name, item }) => ({ name, type: { kind: 'list', item } })),
})

/** Entries of maps: the table MAP of a call. */
export const mapsSent = ({ maps }: DeclaredState): Schema => ({
  fields: maps.map(({ name, key, value }) => ({ name, type: { kind: 'map', key, value } })),
})

/** What became of lists: emptied first, then appended to. The table LIST of a reply. */
export const listsChanged = ({ lists }: DeclaredState): Schema => ({
  fields: lists.map(({ name, item }) => ({ name, type: struct({ clear, entries: { kind: 'list', item } }) })),
})

/** What became of maps: emptied first, then entries removed, then set. The table MAP of a reply. */
export const mapsChanged = ({ maps }: DeclaredState): Schema => ({
  fields: maps.map(({ name, key, value }) => ({
    name,
    type: struct({ clear, removed: { kind: 'list', item: key }, entries: { kind: 'map', key, value } }),
  })),
})

const clear: DataType = { kind: 'bool' }
const struct = (members: Readonly<Record<string, DataType>>): DataType => ({
  kind: 'struct',
  fields: Object.entries(members).map(([name, type]) => ({ name, type })),
})

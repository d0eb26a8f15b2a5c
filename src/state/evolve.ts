/**
 * Evolution: state that was stored under other columns than the code declares now. A column that is new begins with its
 * default, one that is gone is dropped, a wider type takes the narrower one's values, a declared alias renames. Anything
 * else is refused before a row is read, with everything that does not fit.
 */
import { StateError, invariant } from '../base/index.js'
import { type Batch, type Column, columnOf, take } from '../batch/index.js'
import { type Field, type Schema, fieldNamed, formatType, sameType } from '../schema/index.js'
import { type StateForm, describeColumns } from './block-schema.js'
import { type StoredRows } from './restore.js'
import { isWider, widen } from './widen.js'

/** New name of a state column to the name that it was stored under. */
export type Aliases = Readonly<Record<string, string>>

/** Rows as they were stored to rows as they are declared. */
export type Evolve = <R extends Pick<StoredRows, 'state'>>(rows: R) => R

/** What was stored is what is declared. */
export const asStored: Evolve = rows => rows

/** The aliases that a schema declares. */
export const aliasesOf = ({ fields }: Schema): Aliases =>
  Object.fromEntries(fields.flatMap(({ name, alias }) => (alias === undefined ? [] : [[name, alias]])))

/**
 * @throws StateError ANB6016: another key, another number of key groups, or columns that do not fit; all of them.
 */
export function planEvolution(operator: string, from: StateForm, to: StateForm, aliases: Aliases = {}): Evolve {
  checkKey(operator, from, to)
  const sources = to.state.fields.map(field => sourceOf(from.state, field, aliases))
  const faults = to.state.fields.flatMap((field, c) => faultOf(field, sources[c]))
  if (faults.length > 0) {
    throw new StateError('ANB6016', `operator "${operator}": ${faults[0]}`, {
      detail: [...faults.slice(1), `Stored: ${describeColumns(from.state)}.`].join('\n'),
    })
  }
  const same =
    from.state.fields.length === to.state.fields.length &&
    to.state.fields.every(
      (field, c) =>
        from.state.fields[c]?.name === field.name &&
        sources[c] === from.state.fields[c] &&
        sameType(field.type, sources[c]?.type ?? field.type),
    )
  return same ? asStored : rows => ({ ...rows, state: evolved(rows.state, to.state, sources) })
}

/** Rows of the first form as rows of the last one, step by step: each has defaults and names of before of its own. */
export function evolveThrough(operator: string, forms: readonly StateForm[], state: Batch): Batch {
  return forms.reduce((rows, to, i) => {
    const from = forms[i - 1]
    return from === undefined ? rows : planEvolution(operator, from, to, aliasesOf(to.state))({ state: rows }).state
  }, state)
}

function checkKey(operator: string, from: StateForm, to: StateForm): void {
  const [stored, declared] = [describeColumns(from.key), describeColumns(to.key)]
  if (stored !== declared) {
    throw new StateError('ANB6016', `operator "${operator}" is keyed by ${declared}, but its state by ${stored}`, {
      hint: 'key by the stored columns, or give the operator another id to begin with no state',
    })
  }
  if (from.keyGroups !== to.keyGroups) {
    throw new StateError(
      'ANB6016',
      `operator "${operator}" has ${to.keyGroups} key groups, but its state ${from.keyGroups}`,
      { hint: `set keyGroups: ${from.keyGroups}; lanes and workers may change freely` },
    )
  }
  if (from.nullKeys !== to.nullKeys) {
    const words = (nullKeys: boolean): string => (nullKeys ? "'group'" : "'dead-letter' or 'drop'")
    throw new StateError(
      'ANB6016',
      `operator "${operator}" has nullKeys ${words(to.nullKeys)}, but its state was stored with ${words(from.nullKeys)}`,
    )
  }
}

const sourceOf = (stored: Schema, { name }: Field, aliases: Aliases): Field | undefined =>
  fieldNamed(stored, name) ?? (Object.hasOwn(aliases, name) ? fieldNamed(stored, aliases[name] ?? name) : undefined)

function faultOf(field: Field, source: Field | undefined): readonly string[] {
  const { name, type } = field
  if (source === undefined) {
    const fits = field.required !== true || field.default !== undefined
    return fits ? [] : [`state column "${name}" is new and required, but has no default`]
  }
  if (sameType(source.type, type) || isWider(source.type, type)) return []
  return [`state column "${name}" is declared ${formatType(type)}, but stored as ${formatType(source.type)}`]
}

function evolved(stored: Batch, to: Schema, sources: readonly (Field | undefined)[]): Batch {
  const columns = to.fields.map((field, c): Column => {
    const source = sources[c]
    if (source === undefined) return constant(field, stored.rows)
    const column = stored.columns[stored.schema.fields.findIndex(({ name }) => name === source.name)]
    invariant(column !== undefined, 'a stored column has a field')
    return sameType(source.type, field.type) ? column : widen(column, field.type)
  })
  return { schema: to, rows: stored.rows, columns }
}

function constant(field: Field, rows: number): Column {
  const one: Batch = { schema: { fields: [field] }, rows: 1, columns: [columnOf(field.type, [field.default ?? null])] }
  const [column] = take(one, new Int32Array(rows)).columns
  invariant(column !== undefined, 'one column was taken')
  return column
}

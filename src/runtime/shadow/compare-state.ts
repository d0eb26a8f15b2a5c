/**
 * Comparing state: what two codes made of the keys of one call. Both had the same before it, so that what they left is what they
 * changed. Of lists and maps the changes themselves are compared.
 */
import { type Batch, type Column, type Value, bitAt, columnOf, jsonRow, select } from '../../batch/index.js'
import { type StageVertex } from '../../plan/index.js'
import { type DataType, type Schema, schemaFromJson } from '../../schema/index.js'
import { collectionSchemas, declaredState } from '../../state/index.js'
import { type Answered, type NewState, type Work } from '../flow/index.js'
import { compareColumn, compareColumns, type ColumnTerms } from './compare-columns.js'
import { type StateChange } from './evolved-state.js'
import { type StageTally, type TableTally } from './tally.js'

export interface Compared {
  readonly work: Work
  readonly old: Answered
  readonly new: Answered
}

export interface CompareTerms {
  /** Of the new code. */
  readonly vertex: StageVertex
  readonly change: StateChange
  readonly tolerance: number
  readonly tally: StageTally
}

/** Of the operator that stands at this place among those of the stage that have keys. */
export function compareState(call: Compared, index: number, terms: CompareTerms): void {
  const [old, next] = [call.old.state[index], call.new.state[index]]
  const { grouping, piece, stage } = call.work
  const operator = old === undefined ? undefined : terms.vertex.operators[old.operator]
  if (old === undefined || next === undefined || operator === undefined || grouping === null) return
  const table = terms.tally.table('state', operator.id)
  const { uniq, order, starts } = grouping
  const kept = keptOf([old, next], uniq.length, table)
  const isAll = kept.length === uniq.length
  const names = stage.vertex.key?.columns ?? []
  const of = (pair: number): ReturnType<typeof jsonRow> =>
    jsonRow(select(piece.rows.batch, names), order[starts[kept[pair] ?? 0] ?? 0] ?? 0)
  const pairs = { count: kept.length, a: isAll ? null : kept, b: isAll ? null : kept }
  const columns: ColumnTerms = { pairs, tolerance: terms.tolerance, table, of }
  compareValues([old, next], terms.change, columns)
  compareChanges([old, next], schemaFromJson(operator.fn.state), columns)
}

/** Keys that both codes keep; the others are counted. */
function keptOf([old, next]: readonly [NewState, NewState], keys: number, table: TableTally): Int32Array {
  const kept: number[] = []
  for (let key = 0; key < keys; key += 1) {
    const [isGone, isGoneNow] = [isCleared(old, key), isCleared(next, key)]
    if (!isGone && !isGoneNow) kept.push(key)
    else if (!isGone) table.missing += 1
    else if (!isGoneNow) table.more += 1
  }
  table.compared += kept.length
  return Int32Array.from(kept)
}

const isCleared = ({ clear }: NewState, key: number): boolean => clear !== null && bitAt(clear, key) === 1

function compareValues([old, next]: readonly [NewState, NewState], change: StateChange, terms: ColumnTerms): void {
  const evolution = change.get(old.operator)
  const added = evolution?.added ?? []
  const before = evolution === undefined ? old.state : evolution.evolve(old.state)
  for (const name of added) terms.table.note('added', name)
  for (const name of evolution?.gone ?? []) terms.table.note('gone', name)
  const common = next.state.schema.fields.flatMap(({ name }) => (added.includes(name) ? [] : [name]))
  compareColumns([select(before, common), select(next.state, common)], terms)
  const expiring = common.filter(name => old.written.has(name) || next.written.has(name))
  for (const name of expiring) {
    const [was, is] = [old, next].map(({ written, state }) => bitsOf(written.get(name), state.rows))
    if (was !== undefined && is !== undefined) compareColumn(`${name} (written)`, [was, is], terms)
  }
}

const bitsOf = (bits: Uint8Array | undefined, length: number): Column =>
  columnOf(
    { kind: 'bool' },
    Array.from({ length }, (_, i) => bits !== undefined && bitAt(bits, i) === 1),
  )

function compareChanges([old, next]: readonly [NewState, NewState], state: Schema, terms: ColumnTerms): void {
  const { listsBack, mapsBack } = collectionSchemas(declaredState(state))
  for (const [kind, schema] of [['lists', listsBack] as const, ['maps', mapsBack] as const]) {
    const [was, is] = [old.changes?.[kind] ?? null, next.changes?.[kind] ?? null]
    if (was === null && is === null) continue
    const rows = (was ?? is)?.rows ?? 0
    compareColumns([was ?? unchanged(schema, rows), is ?? unchanged(schema, rows)], terms)
  }
}

function unchanged(schema: Schema, rows: number): Batch {
  const nothing = (type: DataType): Value =>
    type.kind === 'struct'
      ? Object.fromEntries(type.fields.map(f => [f.name, f.type.kind === 'bool' ? false : []]))
      : null
  const columnOfNothing = (type: DataType): Column =>
    columnOf(
      type,
      Array.from({ length: rows }, () => nothing(type)),
    )
  return { schema, rows, columns: schema.fields.map(({ type }) => columnOfNothing(type)) }
}

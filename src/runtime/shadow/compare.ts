/**
 * Comparing: what two codes answered to one call. Rows of an output meet by the row of the call that they were made of, state by its
 * key, columns by their name.
 */
import { jsonRow, select } from '../../batch/index.js'
import { type Answered, type GivenRows, type Work, rowCount } from '../flow/index.js'
import { type Pairs } from './columns.js'
import { compareColumns } from './compare-columns.js'
import { type CompareTerms, type Compared, compareState } from './compare-state.js'
import { type ShadowExample } from './report.js'
import { type StageTally, type TableTally } from './tally.js'

export function compareCall(call: Compared, terms: CompareTerms): void {
  const { work } = call
  compareDead(call, terms.tally)
  const outputs = [null, ...terms.vertex.operators.flatMap(o => o.sides)]
  outputs.forEach((side, output) => {
    if (side === null && work.ticket.call.kind === 'end') return
    const table = side === null ? terms.tally.table('rows', terms.vertex.id) : terms.tally.table('side', side.name)
    compareRows(call, output, table, terms.tolerance)
  })
  call.old.state.forEach((_, i) => compareState(call, i, terms))
  const rows = work.ticket.call.kind === 'rows' ? rowCount(work.piece.rows) : 0
  terms.tally.took(rows, { old: call.old.us, new: call.new.us })
}

function compareDead({ old, new: next }: Compared, tally: StageTally): void {
  const before = new Set(old.dead.map(dead => dead.row))
  const after = new Set(next.dead.map(dead => dead.row))
  for (const row of before) tally.dead[after.has(row) ? 'both' : 'onlyOld'] += 1
  for (const { row, message } of next.dead) if (!before.has(row)) tally.died(message)
}

const noRows = (output: number): GivenRows => ({
  output,
  batch: { schema: { fields: [] }, rows: 0, columns: [] },
  parent: null,
})

function compareRows(call: Compared, output: number, table: TableTally, tolerance: number): void {
  const of = ({ given }: Answered): GivenRows => given.find(one => one.output === output) ?? noRows(output)
  const [old, next] = [of(call.old), of(call.new)]
  const { pairs, missing, more } = pairsOf(old, next)
  table.compared += pairs.count
  table.missing += missing
  table.more += more
  const rowOf = (pair: number): number => {
    const row = pairs.a?.[pair] ?? pair
    return old.parent?.[row] ?? row
  }
  if (old.batch.rows > 0 && next.batch.rows > 0)
    compareColumns([old.batch, next.batch], { pairs, tolerance, table, of: pair => inputOf(call.work, rowOf(pair)) })
}

/** Rows that were made of one row of the call meet in their order. */
export function pairsOf(
  old: Pick<GivenRows, 'parent' | 'batch'>,
  next: Pick<GivenRows, 'parent' | 'batch'>,
): { readonly pairs: Pairs; readonly missing: number; readonly more: number } {
  const [m, n] = [old.batch.rows, next.batch.rows]
  const most = Math.min(m, n)
  if (old.parent === null && next.parent === null)
    return { pairs: { count: most, a: null, b: null }, missing: m - most, more: n - most }
  const [a, b] = [new Int32Array(most), new Int32Array(most)]
  let [i, j, count] = [0, 0, 0]
  while (i < m && j < n) {
    const [of, other] = [old.parent?.[i] ?? i, next.parent?.[j] ?? j]
    if (of === other) {
      a[count] = i
      b[count] = j
      count += 1
    }
    if (of <= other) i += 1
    if (other <= of) j += 1
  }
  return { pairs: { count, a, b }, missing: m - count, more: n - count }
}

/** The columns that a row was sent with: its key, and what the running code reads. */
function inputOf({ stage, ticket, piece }: Work, row: number): ShadowExample['of'] {
  const { batch } = piece.rows
  if (ticket.call.kind === 'end') return jsonRow(batch, row)
  const { key, shipped } = stage.vertex
  const names = new Set([...(key?.columns ?? []), ...shipped.fields.map(field => field.name)])
  return jsonRow(select(batch, [...names]), row)
}

/** Columns of two batches whose rows meet: what differs goes to the tally of their table. */
import { type Batch, type Column, columnNamed, jsonAt } from '../../batch/index.js'
import { sameType } from '../../schema/index.js'
import { type Pairs, eachDifference } from './columns.js'
import { type ShadowExample } from './report.js'
import { type TableTally } from './tally.js'

export interface ColumnTerms {
  readonly pairs: Pairs
  readonly tolerance: number
  readonly table: TableTally
  /** What a row was called with. */
  of(pair: number): ShadowExample['of']
}

/** By name; what only one of them has, or has with another type, is noted. */
export function compareColumns([old, next]: readonly [Batch, Batch], terms: ColumnTerms): void {
  const { table } = terms
  for (const { name } of next.schema.fields) if (columnNamed(old, name) === undefined) table.note('added', name)
  for (const { name, type } of old.schema.fields) {
    const [a, b] = [columnNamed(old, name), columnNamed(next, name)]
    if (a === undefined || b === undefined) table.note('gone', name)
    else if (!sameType(type, b.type)) table.note('retyped', name)
    else compareColumn(name, [a, b], terms)
  }
}

export function compareColumn(name: string, [a, b]: readonly [Column, Column], terms: ColumnTerms): void {
  const column = terms.table.column(name)
  const { pairs } = terms
  eachDifference(a, b, terms, pair => {
    column.differs(() => ({
      of: terms.of(pair),
      old: jsonAt(a, pairs.a?.[pair] ?? pair),
      new: jsonAt(b, pairs.b?.[pair] ?? pair),
    }))
  })
}

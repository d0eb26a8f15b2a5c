/** Cases and the rows that they are about. */
import { type Batch, batchFromRows, jsonRowsOf } from '../../batch/index.js'
import { type Schema } from '../../schema/index.js'

/** One demand of a contract. `run` rejects, with what was expected and what came, where it is not met. */
export interface Case {
  readonly name: string
  readonly run: () => Promise<void>
}

/** A row of the suites: `n` is int32, `word` is utf8. */
export interface NumberedRow {
  readonly n: number
  readonly word: string
}

export const numberedSchema: Schema = {
  fields: [
    { name: 'n', type: { kind: 'int32' } },
    { name: 'word', type: { kind: 'utf8' } },
  ],
}

export const numberedRows = (from: number, to: number): readonly NumberedRow[] =>
  Array.from({ length: to - from }, (_, i) => ({ n: from + i, word: `word ${from + i}` }))

export const numberedBatch = (rows: readonly NumberedRow[]): Batch =>
  batchFromRows(
    numberedSchema,
    rows.map(row => ({ ...row })),
  )

/** Rows of batches as JSON has them. */
export const rowsIn = (batches: readonly Batch[]): readonly object[] => batches.flatMap(jsonRowsOf)

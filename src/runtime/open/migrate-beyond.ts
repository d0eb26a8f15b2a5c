/**
 * Migrating what may be larger than memory: all rows of an operator through its migration, some at a time, into new entries
 * beyond memory that lie beside what is stored (`stores/generations.ts`). What is stored counts until the first epoch of the new
 * code is written, so a start that dies or is refused on the way has changed nothing.
 */
import { type Batch, bitmapBytes } from '../../batch/index.js'
import { type Base, type EpochRecord } from '../../checkpoint/index.js'
import { type Schema } from '../../schema/index.js'
import { type ColdChanges, type PlacedRows, type StateForm, StoredOperator, encodeRows } from '../../state/index.js'
import { migratedRowsMax } from './migrating.js'

export interface MigratedOperator {
  readonly operator: string
  /** That it is stored in. */
  readonly form: StateForm
  /** The values that it declares now. */
  readonly to: Schema
  migrate(rows: Batch): Promise<Batch>
}

/** Where it goes. */
export interface MigrationPlace {
  makeAnew(operator: string): Promise<void>
  writeCold(changes: readonly ColdChanges[]): Promise<unknown>
}

/** Memory holds what blocks have, which is what memory had before; of the rest a few thousand rows. */
export async function migrateBeyond(
  base: Pick<Base, 'restore' | 'restoreBeyond'> & { readonly record: Pick<EpochRecord, 'epoch'> },
  store: MigrationPlace,
  { operator, form, to, migrate }: MigratedOperator,
): Promise<void> {
  const ofBlocks = new StoredOperator(operator, form)
  await base.restore(operator, (each, rows) => ofBlocks.takeRows(each, rows), { hot: true })
  await store.makeAnew(operator)
  const put = async ({ places, state }: PlacedRows): Promise<void> => {
    if (state.rows === 0) return
    const rows = encodeRows(await migrate(state))
    const none = { gone: new Uint8Array(bitmapBytes(state.rows)), before: new Uint32Array(state.rows) }
    const { epoch } = base.record
    await store.writeCold([{ operator, form: { ...form, state: to }, epoch, ...places, rows, ...none }])
  }
  await base.restoreBeyond(operator, (each, rows) => put(ofBlocks.others(each, rows)))
  const slots = ofBlocks.slotsByGroup
  for (let from = 0; from < slots.length; from += migratedRowsMax)
    await put(ofBlocks.placedRows(slots.subarray(from, from + migratedRowsMax)))
}

/**
 * Restoring a savepoint: some thousand rows of an operator at a time, through a migration where one is declared, into memory as far
 * as there is room, and the others beyond it at once. No store has anything of them yet, so all are written as the job declares them.
 */
import { type Batch } from '../../batch/index.js'
import { type Base, type EpochRecord } from '../../checkpoint/index.js'
import { type Schema } from '../../schema/index.js'
import { type SavedRows, type StateForm } from '../../state/index.js'
import { type Engine } from '../flow/index.js'
import { type BeyondKeeper } from './beyond-keeper.js'

export interface SavedTerms {
  readonly operator: string
  /** Null: they are as they are stored, in columns that may evolve. */
  readonly migration: { readonly to: Schema; migrate(rows: Batch): Promise<Batch> } | null
  /** Null: all state is in memory. */
  readonly beyond: Pick<BeyondKeeper, 'writeCold' | 'settleSaved'> | null
  /** The run ends, whatever is restored. */
  readonly signal?: AbortSignal
}

export async function restoreSaved(
  base: Pick<Base, 'saved'> & { readonly record: Pick<EpochRecord, 'epoch'> },
  state: Pick<Engine['state'], 'admit' | 'coldSides'>,
  { operator, migration, beyond, signal }: SavedTerms,
): Promise<void> {
  const { epoch } = base.record
  let written = Promise.resolve()
  const take = async (stored: StateForm, page: SavedRows): Promise<void> => {
    signal?.throwIfAborted()
    const form = migration === null ? stored : { ...stored, state: migration.to }
    const rows = migration === null ? page : { ...page, state: await migration.migrate(page.state) }
    const goes = state.admit(operator, form, rows, epoch)
    if (beyond === null) return
    if (goes !== null) {
      await written
      written = beyond.writeCold([goes])
      // The next page is read meanwhile; who takes it hears why this one was not written.
      written.catch(() => undefined)
    }
    for (const side of state.coldSides) await beyond.settleSaved(side, epoch)
  }
  await base.saved?.(operator, take)
  await written
}

/** The stored state of one operator, in tables of its own. */
import { type Batch } from '../batch/index.js'
import { KeyDigest, type StateForm, StoredOperator, expectKeys, hex } from '../state/index.js'
import { type StateStore } from '../state/stores/index.js'
import { aligned } from './aligned.js'

/** What is stored of an operator. Its keys are those that were written, where that version counted them. */
export interface StoredRows {
  readonly stored: StoredOperator
  readonly keys: KeyDigest
  readonly isCounted: boolean
}

/** @throws StateError ANB6019 where the keys are not those that were written */
export async function storedRows(store: StateStore, operator: string, form: StateForm): Promise<StoredRows> {
  const stored = new StoredOperator(operator, form)
  const keys = new KeyDigest(form.keyGroups)
  const snapshot = await store.snapshot()
  if (snapshot === null) return { stored, keys, isCounted: true }
  try {
    await snapshot.restore(operator, block => stored.take(block))
  } finally {
    snapshot.release()
  }
  stored.countInto(keys)
  const { digests, epoch, path: place } = snapshot
  if (digests !== null)
    expectKeys({ operator, place, epoch }, digests.get(operator) ?? new KeyDigest(form.keyGroups), keys)
  return { stored, keys, isCounted: digests !== null }
}

/** Key groups that have keys, with their digests. */
export function keyGroupsOf({
  keys,
}: StoredRows): readonly { readonly group: number; readonly keys: number; readonly digest: string }[] {
  return [...keys.keys].flatMap((count, group) =>
    count === 0 ? [] : [{ group, keys: count, digest: hex(keys, group) }],
  )
}

export const keyGroupsText = (rows: StoredRows): string =>
  aligned(
    [
      ['key group', 'keys', 'digest'],
      ...keyGroupsOf(rows).map(each => [String(each.group), String(each.keys), each.digest]),
    ],
    'rrl',
  ).join('\n')

/** Key and state columns side by side; a state column that has the name of a key column is called `state.<name>`. */
export function joined({ keys, state }: { readonly keys: Batch; readonly state: Batch }): Batch {
  const taken = new Set(keys.schema.fields.map(({ name }) => name))
  const fields = state.schema.fields.map(field => ({
    name: taken.has(field.name) ? `state.${field.name}` : field.name,
    type: field.type,
  }))
  return {
    schema: { fields: [...keys.schema.fields, ...fields] },
    rows: keys.rows,
    columns: [...keys.columns, ...state.columns],
  }
}

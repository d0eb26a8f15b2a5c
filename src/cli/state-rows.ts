/** The stored state of one operator, in tables of its own. */
import { type Batch } from '../batch/index.js'
import { type StateForm, StoredOperator } from '../state/index.js'
import { type StateStore } from '../state/stores/index.js'

export async function storedOperator(store: StateStore, operator: string, form: StateForm): Promise<StoredOperator> {
  const stored = new StoredOperator(operator, form)
  await store.restore(operator, block => stored.take(block))
  return stored
}

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

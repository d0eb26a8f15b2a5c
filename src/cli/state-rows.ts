/** The stored state of one operator, in tables of its own. */
import { type Batch } from '../batch/index.js'
import { KeyIndex, OperatorState, type StateForm, StateTable } from '../state/index.js'
import { type StateStore } from '../state/stores/index.js'

export interface StoredOperator {
  readonly operator: string
  readonly form: StateForm
  /** Slots that have state, in the order of their key bytes. */
  readonly slots: Int32Array
  /** The slot of a key, one row of the key columns; undefined where it has no state. */
  slotOf(key: Batch): number | undefined
  rowsOf(slots: Int32Array): { readonly keys: Batch; readonly state: Batch }
}

export async function storedOperator(store: StateStore, operator: string, form: StateForm): Promise<StoredOperator> {
  const { key, keyGroups, nullKeys } = form
  const index = new KeyIndex({ key, keyGroups, nullKeys })
  const table = new StateTable(form.state)
  const into = new OperatorState({ operator, form, index, table })
  await store.restore(operator, block => into.restore(block))
  return {
    operator,
    form,
    slots: index.sorted(table.presentSlots()),
    slotOf: row => index.resolve(row).find(slot => table.present(slot)),
    rowsOf: slots => ({ keys: index.keysOf(slots), state: table.gather(slots).state }),
  }
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

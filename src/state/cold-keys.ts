/** Keys as they lie beyond memory, in an index again. */
import { type Column } from '../batch/index.js'
import { type StateForm } from './block-schema.js'
import { type ColdKeys } from './cold.js'
import { decodeKeys } from './key-decoder.js'
import { type KeyIndex } from './key-index.js'
import { packedOf, viewsOf } from './packed.js'

/** The slots of these keys, or of those that have them where they are of entries; `rows`: of these of them. */
export const slotsOfCold = (index: KeyIndex, form: StateForm, cold: ColdKeys, rows?: Int32Array): Int32Array =>
  ownersOfCold(index, form, cold, rows).slots

/** As `slotsOfCold`, with the own keys of entries. */
export function ownersOfCold(
  index: KeyIndex,
  form: StateForm,
  { keys }: ColdKeys,
  rows?: Int32Array,
): { readonly slots: Int32Array; readonly own: Column | null } {
  const views = viewsOf(rows === undefined ? keys : packedOf(keys, rows))
  const { key, nullKeys } = form
  const columns = decodeKeys(key, views.length, nullKeys, i => views[i] ?? new Uint8Array(0))
  const owner = index.key
  const owners = { schema: owner, rows: views.length, columns: columns.slice(0, owner.fields.length) }
  return { slots: index.resolve(owners), own: columns[owner.fields.length] ?? null }
}

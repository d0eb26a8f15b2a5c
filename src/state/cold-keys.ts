/** Keys as they lie beyond memory, in an index again. */
import { type Column } from '../batch/index.js'
import { type StateForm } from './block-schema.js'
import { type ColdKeys } from './cold.js'
import { decodeKeys } from './key-decoder.js'
import { type KeyIndex } from './key-index.js'
import { packedOf } from './packed.js'

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
  const some = rows === undefined ? keys : packedOf(keys, rows)
  const columns = decodeKeys(form.key, some, form.nullKeys)
  const owner = index.key
  const owners = { schema: owner, rows: some.ends.length, columns: columns.slice(0, owner.fields.length) }
  return { slots: index.resolve(owners), own: columns[owner.fields.length] ?? null }
}

/** Keys as they lie beyond memory, in an index again. */
import { type StateForm } from './block-schema.js'
import { type ColdKeys } from './cold.js'
import { decodeKeys } from './key-decoder.js'
import { type KeyIndex } from './key-index.js'
import { packedOf, viewsOf } from './packed.js'

/** The slots of these keys, or of those that have them where they are of entries; `rows`: of these of them. */
export function slotsOfCold(index: KeyIndex, form: StateForm, { keys }: ColdKeys, rows?: Int32Array): Int32Array {
  const views = viewsOf(rows === undefined ? keys : packedOf(keys, rows))
  const { key, nullKeys } = form
  const columns = decodeKeys(key, views.length, nullKeys, i => views[i] ?? new Uint8Array(0))
  const owner = index.key
  return index.resolve({ schema: owner, rows: views.length, columns: columns.slice(0, owner.fields.length) })
}

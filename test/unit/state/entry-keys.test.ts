/** Entries of lists and maps are the same keys to the store, whoever makes their bytes. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { batchFromRows, columnOf } from '../../../src/batch/index.js'
import { EntryState } from '../../../src/state/entry-state.js'
import { EntryTable } from '../../../src/state/entry-table.js'
import { KeyIndex } from '../../../src/state/index.js'
import { anyValue, flatType, schemaOf, someValue } from '../batch/arbitrary.js'

const cases = fc
  .record({ key: schemaOf(flatType, 3), type: flatType, nullKeys: fc.boolean() })
  .chain(({ key, type, nullKeys }) => {
    const owner = fc.record(
      Object.fromEntries(key.fields.map(f => [f.name, nullKeys ? anyValue(f.type) : someValue(f.type)])),
    )
    const rows = fc.array(fc.record({ owner, entry: someValue(type) }), { minLength: 1, maxLength: 12 })
    return fc.record({ key: fc.constant(key), type: fc.constant(type), nullKeys: fc.constant(nullKeys), rows })
  })

it('the bytes of an entry are those of its columns, put together from its owner and its own', () => {
  fc.assert(
    fc.property(cases, ({ key, type, nullKeys, rows }) => {
      const index = new KeyIndex({ key, keyGroups: 16, nullKeys })
      const owners = index.resolve(
        batchFromRows(
          key,
          rows.map(({ owner }) => owner),
        ),
      )
      const entries = new EntryTable({ key: type, value: { kind: 'int64' }, ttl: undefined, clock: { wallMs: 0 } })
      const state = new EntryState({ operator: 'o/m', owner: { key, keyGroups: 16, nullKeys }, index, entries })
      const keys = columnOf(
        type,
        rows.map(({ entry }) => entry),
      )
      const slots = entries.slotsOf(owners, keys)
      expect(state.packedKeys(slots)).toEqual(state.coldKeysOf({ owners, keys }).keys)
      expect(entries.ownersOf(slots)).toEqual(owners)
    }),
    { numRuns: 300 },
  )
})

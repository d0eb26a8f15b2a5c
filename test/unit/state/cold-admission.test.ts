/** Which rows of a block come into memory at a start that has no room for all of its keys. */
import { expect, it } from 'vitest'
import { batchFromRows, bitAt, rowsOf } from '../../../src/batch/index.js'
import { ColdAdmission } from '../../../src/state/cold-admission.js'
import { KeyIndex } from '../../../src/state/key-index.js'
import { type StoredRows } from '../../../src/state/index.js'

const key = { fields: [{ name: 'user', type: { kind: 'utf8' } }] } as const
const state = { fields: [{ name: 'n', type: { kind: 'int64' } }] } as const
const users = ['ann', 'bob', 'cid', 'dan']

const block: StoredRows = {
  epoch: 7,
  bytes: 400,
  keys: batchFromRows(
    key,
    users.map(user => ({ user })),
  ),
  state: batchFromRows(
    state,
    users.map((_, n) => ({ n: BigInt(n) })),
  ),
  deleted: Uint8Array.of(0b0010),
  beyond: Uint32Array.of(11, 22, 33, 44),
}

it('keeps the rows of keys that memory has, with what is known of them beyond it, and lets the others pass', () => {
  const index = new KeyIndex({ key, keyGroups: 16, nullKeys: false })
  index.resolve(batchFromRows(key, [{ user: 'dan' }, { user: 'bob' }]))
  index.takeFresh()
  const { stays, goes } = new ColdAdmission(index, { admits: () => false }).admitBlock(block)
  const seen = (rows: StoredRows | null): unknown =>
    rows === null
      ? null
      : rowsOf(rows.keys).map(({ user }, i) => [
          user,
          rowsOf(rows.state)[i]?.['n'],
          bitAt(rows.deleted, i),
          rows.beyond?.[i],
        ])
  expect(seen(stays)).toEqual([
    ['bob', 1n, 1, 22],
    ['dan', 3n, 0, 44],
  ])
  expect(seen(goes)).toEqual([
    ['ann', 0n, 0, 11],
    ['cid', 2n, 0, 33],
  ])
  expect([stays.bytes, index.size]).toEqual([400, 2])
})

/** Which rows come into memory at a start: a key is wholly there, with all that comes of it later, or wholly beyond. */
import { describe, expect, test } from 'vitest'
import { batchFromRows, bitAt, rowsOf } from '../../../src/batch/index.js'
import { schemaFromJson } from '../../../src/schema/index.js'
import { KeyIndex, type SavedRows, type StoredRows } from '../../../src/state/index.js'
import { ColdAdmission } from '../../../src/state/cold-admission.js'
import { countsByUser as form } from './rows-of-state.js'

/** Room for so many keys. */
class Admitting {
  private readonly index = new KeyIndex({ ...form, dense: true })
  readonly admission: ColdAdmission

  constructor(room: number) {
    const { index } = this
    index.takeFresh()
    this.admission = new ColdAdmission(index, { admits: more => index.size + more <= room })
  }

  /** Users whose rows stay; the others go beyond memory. */
  stay(operator: string, ...users: readonly string[]): readonly unknown[] {
    const { stays, goes } = this.admission.admit(operator, savedOf(users))
    if (stays !== null) this.index.resolve(stays.keys)
    this.index.takeFresh()
    const [there, gone] = [stays, goes].map(rows => (rows === null ? [] : rowsOf(rows.keys).map(({ user }) => user)))
    expect([...(there ?? []), ...(gone ?? [])].toSorted()).toEqual([...users].toSorted())
    return there ?? []
  }

  get size(): number {
    return this.index.size
  }
}

function savedOf(users: readonly string[]): SavedRows {
  return {
    epoch: 0,
    bytes: 0,
    keys: batchFromRows(
      form.key,
      users.map(user => ({ user })),
    ),
    state: batchFromRows(
      schemaFromJson([['n', 'int64']]),
      users.map(() => ({ n: 1n })),
    ),
    deleted: new Uint8Array(Math.ceil(users.length / 8)),
    groups: new Uint16Array(users.length),
  }
}

describe('rows of a savepoint', () => {
  test('stay while there is room, and go when one page has none, though a smaller one would have', () => {
    const memory = new Admitting(3)
    expect(memory.stay('count', 'ann', 'bob')).toEqual(['ann', 'bob'])
    expect(memory.stay('count', 'cid', 'dan')).toEqual([])
    expect(memory.stay('count', 'eve')).toEqual([])
  })

  test('of an operator that comes later stay where their keys are in memory, and go where they are not', () => {
    const memory = new Admitting(2)
    memory.stay('count', 'ann', 'bob')
    memory.stay('count', 'cid')
    expect(memory.stay('other', 'cid', 'bob', 'dan')).toEqual(['bob'])
    expect(memory.stay('other', 'ann')).toEqual(['ann'])
    expect(memory.size).toBe(2)
  })

  test('none comes into memory any more once some keys have left it', () => {
    const memory = new Admitting(9)
    memory.stay('count', 'ann')
    memory.admission.close()
    expect(memory.stay('count', 'bob')).toEqual([])
    expect(memory.stay('other', 'bob', 'ann')).toEqual(['ann'])
  })
})

test('of a block that has no room the rows of keys that memory has stay, with what is known of them beyond it', () => {
  const index = new KeyIndex({ ...form, dense: true })
  index.resolve(savedOf(['dan', 'bob']).keys)
  index.takeFresh()
  const users = ['ann', 'bob', 'cid', 'dan']
  const block = { ...savedOf(users), epoch: 7, bytes: 400, deleted: Uint8Array.of(0b0010) }
  const rows = { ...block, beyond: Uint32Array.of(11, 22, 33, 44) }
  const { stays, goes } = new ColdAdmission(index, { admits: () => false }).admitBlock(rows)
  const seen = ({ keys, deleted, beyond }: StoredRows): unknown =>
    rowsOf(keys).map(({ user }, i) => [user, bitAt(deleted, i), beyond?.[i]])
  expect(seen(stays)).toEqual([
    ['bob', 1, 22],
    ['dan', 0, 44],
  ])
  expect(goes === null ? null : seen(goes)).toEqual([
    ['ann', 0, 11],
    ['cid', 0, 33],
  ])
  expect([stays.epoch, stays.bytes, index.size]).toEqual([7, 400, 2])
})

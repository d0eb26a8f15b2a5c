/** Keys whose values expire, one call after the other: what a call is told of them, and what its answer leaves. */
import { expect, test } from 'vitest'
import { BufferPool, type Value, batchFromRows, bitAt, rowsOf } from '../../../src/batch/index.js'
import { KeyedState } from '../../../src/runtime/flow/keyed.js'
import { type Schema } from '../../../src/schema/index.js'

const int64 = { kind: 'int64' } as const
const utf8 = { kind: 'utf8' } as const
const ttl = { ms: 1_000, update: 'on_create_and_write', visibility: 'never_return_expired' } as const
const input: Schema = { fields: [{ name: 'user', type: utf8 }] }
const stays: Schema = { fields: [{ name: 'n', type: int64 }] }
const expires: Schema = {
  fields: [
    { name: 'latest', type: int64, keep: { as: 'value', ttl } },
    { name: 'known', type: { kind: 'map', key: utf8, value: int64 }, keep: { as: 'map', entries: 'all' } },
  ],
}

/** One key of one operator. */
class Key {
  readonly clock = { wallMs: 10_000 }
  private readonly keyed: KeyedState
  private readonly slots: Int32Array

  /** @param beside what it keeps beside a value that expires and a map */
  constructor(private readonly beside: Schema = { fields: [] }) {
    const state = { fields: [...beside.fields, ...expires.fields] }
    this.keyed = new KeyedState({
      columns: ['user'],
      nullKeys: 'dead-letter',
      keyGroups: 16,
      lanes: 1,
      operators: new Map([[0, { id: 'count', state }]]),
      input,
      clock: this.clock,
      budgetBytes: null,
      memory: new BufferPool(1 << 20),
    })
    this.slots = this.keyed.route(batchFromRows(input, [{ user: 'a' }])).slots
  }

  /** What a call is sent. */
  get sent(): { readonly latest: Value | undefined; readonly isNew: boolean } {
    const { state: values, isNew } = this.keyed.gather(0, this.slots)
    return { latest: rowsOf(values)[0]?.['latest'], isNew: bitAt(isNew, 0) === 1 }
  }

  get entries(): Value | undefined {
    return rowsOf(this.keyed.collections.get(0)?.gather(this.slots, null).maps ?? batchFromRows(input, []))[0]?.[
      'known'
    ]
  }

  get isStored(): boolean {
    return this.keyed.table(0).present(this.slots[0] ?? 0)
  }

  /** `entries` are put into the map. */
  answered(latest: Value, of: { readonly written: boolean; readonly entries?: readonly Value[] }): void {
    const values = { fields: [...this.beside.fields, { name: 'latest', type: int64 }] }
    const schema = this.keyed.collections.get(0)?.schemas.mapsBack ?? values
    const maps = batchFromRows(schema, [{ known: { clear: false, removed: [], entries: of.entries ?? [] } }])
    this.keyed.apply(this.slots, {
      operator: 0,
      state: batchFromRows(values, [{ latest }]),
      clear: null,
      written: of.written ? new Map([['latest', Uint8Array.of(1)]]) : new Map(),
      changes: { lists: null, maps },
    })
  }

  sweep(): void {
    this.keyed.sweep()
  }
}

test('a key of which a map is left is not a new one, though all of its values have expired', () => {
  const key = new Key()
  expect(key.sent).toEqual({ latest: null, isNew: true })
  key.answered(1n, { written: true, entries: [['x', 2n]] })
  key.clock.wallMs += 1_000
  expect(key.sent).toEqual({ latest: null, isNew: false })
  key.sweep()
  expect(key.sent).toEqual({ latest: null, isNew: false })
  expect(key.entries).toEqual([['x', 2n]])
})

test('a value that a sweep took away while a call was out does not come back with its answer', () => {
  const key = new Key(stays)
  key.answered(1n, { written: true })
  const { latest = null } = key.sent
  expect(latest).toBe(1n)
  key.clock.wallMs += 1_000
  key.sweep()
  key.answered(latest, { written: false })
  expect(key.sent).toEqual({ latest: null, isNew: false })
})

test('a key whose values expire, and of which none was ever written, takes no room', () => {
  const key = new Key()
  key.answered(null, { written: false })
  expect([key.sent.isNew, key.isStored]).toEqual([true, false])
  key.answered(null, { written: true })
  expect([key.sent.isNew, key.isStored]).toEqual([false, true])
})

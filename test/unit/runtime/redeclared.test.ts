/** An operator goes on with other state columns while its state stays where it is: what stays, what begins, and what the next epoch writes. */
import { describe, expect, test } from 'vitest'
import { BufferPool, type Value, batchFromRows, rowsOf } from '../../../src/batch/index.js'
import { KeyedState } from '../../../src/runtime/flow/keyed.js'
import { type Field, type Schema } from '../../../src/schema/index.js'
import { goesOnInPlace } from '../../../src/state/index.js'

const int64 = { kind: 'int64' } as const
const utf8 = { kind: 'utf8' } as const
const ttl = { ms: 1_000, update: 'on_create_and_write', visibility: 'never_return_expired' } as const
const input: Schema = { fields: [{ name: 'user', type: utf8 }] }

const n: Field = { name: 'n', type: int64 }
const latest: Field = { name: 'latest', type: int64, keep: { as: 'value', ttl } }
const log: Field = { name: 'log', type: { kind: 'list', item: int64 }, keep: { as: 'list', reads: true } }
const known: Field = {
  name: 'known',
  type: { kind: 'map', key: utf8, value: int64 },
  keep: { as: 'map', entries: 'all' },
}
const more: Field = { name: 'more', type: int64, default: 7 }
const extra: Field = { name: 'extra', type: { kind: 'list', item: utf8 }, keep: { as: 'list', reads: true } }
const names: Field = { ...known, name: 'names' }
const kept: Schema = { fields: [n, latest, log, known] }

/** Two keys of one operator, with two items and one entry each. */
class Keys {
  readonly clock = { wallMs: 10_000 }
  private readonly keyed: KeyedState
  private readonly slots: Int32Array
  private epoch = 0

  constructor() {
    this.keyed = new KeyedState({
      columns: ['user'],
      nullKeys: 'dead-letter',
      keyGroups: 16,
      lanes: 1,
      operators: new Map([[0, { id: 'count', state: kept }]]),
      input,
      clock: this.clock,
      budgetBytes: null,
      memory: new BufferPool(1 << 20),
    })
    this.slots = this.keyed.route(batchFromRows(input, [{ user: 'a' }, { user: 'b' }])).slots
    this.answered({ n: 1n, latest: 2n }, { log: [3n, 4n] }, { known: [['x', 5n]] })
  }

  goesOnWith(...fields: readonly Field[]): void {
    this.keyed.fits(0, { fields })
    this.keyed.redeclare(0, { fields })
  }

  answered(
    values: Readonly<Record<string, Value>>,
    items: Readonly<Record<string, readonly Value[]>>,
    entries: Readonly<Record<string, readonly Value[]>>,
  ): void {
    const { keyed, slots } = this
    const schemas = keyed.collections.get(0)?.schemas ?? { listsBack: { fields: [] }, mapsBack: { fields: [] } }
    const fields = this.keyed.gather(0, slots).state.schema.fields
    const both = <T>(row: T): readonly T[] => [row, row]
    const lists = schemas.listsBack.fields.map(({ name }) => [name, { clear: false, entries: items[name] ?? [] }])
    const maps = schemas.mapsBack.fields.map(({ name }) => [
      name,
      { clear: false, removed: [], entries: entries[name] ?? [] },
    ])
    keyed.apply(slots, {
      operator: 0,
      state: batchFromRows({ fields }, both(values)),
      clear: null,
      written: new Map([['latest', Uint8Array.of(3)]]),
      changes: {
        lists: batchFromRows(schemas.listsBack, both(Object.fromEntries(lists))),
        maps: batchFromRows(schemas.mapsBack, both(Object.fromEntries(maps))),
      },
    })
  }

  /** What a call is sent of the first of them. */
  get sent(): Readonly<Record<string, unknown>> {
    const { keyed, slots } = this
    const { state } = keyed.gather(0, slots)
    const { lists, maps } = keyed.collections.get(0)?.gather(slots, null) ?? { lists: state, maps: state }
    return { ...rowsOf(state)[0], ...rowsOf(lists)[0], ...rowsOf(maps)[0] }
  }

  /** Rows that the next epoch writes, by what they are stored as. */
  get written(): Readonly<Record<string, number>> {
    this.epoch += 1
    const rows: Record<string, number> = {}
    for (const block of this.keyed.takeDirty(this.epoch))
      rows[block.operator] = (rows[block.operator] ?? 0) + block.rows
    return rows
  }
}

describe('an operator with lists, maps and values that expire', () => {
  // The job began again behind its last epoch: with 200,000 keys of a few items it stood still for seconds.
  test('gets a value with what it keeps, and the next epoch writes the values alone', () => {
    const keys = new Keys()
    expect(keys.written).toEqual({ count: 2, 'count/log': 4, 'count/known': 2 })
    keys.goesOnWith(n, latest, more, log, known)
    expect(keys.sent).toEqual({ n: 1n, latest: 2n, more: 7n, log: [3n, 4n], known: [['x', 5n]] })
    expect(keys.written).toEqual({ count: 2 })
    expect(keys.written).toEqual({})
  })

  test('gets a list and a map, which are empty, and nothing of what was kept is written anew', () => {
    const keys = new Keys()
    void keys.written
    keys.goesOnWith(extra, n, latest, names, log, known)
    expect(keys.sent).toEqual({ n: 1n, latest: 2n, log: [3n, 4n], known: [['x', 5n]], extra: [], names: [] })
    expect(keys.written).toEqual({})
    keys.answered({ n: 1n, latest: 2n }, { extra: ['e'] }, { names: [['y', 6n]] })
    expect(keys.sent).toMatchObject({ log: [3n, 4n], known: [['x', 5n]], extra: ['e'], names: [['y', 6n]] })
    expect(keys.written).toEqual({ count: 2, 'count/extra': 2, 'count/names': 2 })
  })

  test('has values that expire when they would have, and new ones that do', () => {
    const keys = new Keys()
    keys.clock.wallMs += 600
    keys.goesOnWith(n, latest, log, known, { ...latest, name: 'newer' })
    expect(keys.sent).toMatchObject({ n: 1n, latest: 2n, newer: null })
    keys.clock.wallMs += 400
    expect(keys.sent).toMatchObject({ n: 1n, latest: null })
  })
})

test.each<readonly [string, readonly Field[], boolean]>([
  ['a value more', [...kept.fields, more], true],
  ['a value less', [latest, log, known], true],
  ['a list, a map and a value that expires more', [...kept.fields, extra, names, { ...latest, name: 'newer' }], true],
  ['a list less', [n, latest, known], false],
  ['a map of other values', [n, latest, log, { ...known, type: { kind: 'map', key: utf8, value: utf8 } }], false],
  ['a list that is not read any more', [n, latest, { ...log, keep: { as: 'list', reads: false } }, known], false],
  ['another time of expiry', [n, { ...latest, keep: { as: 'value', ttl: { ...ttl, ms: 2_000 } } }, log, known], false],
  ['a value that stays from now on', [n, { name: 'latest', type: int64 }, log, known], false],
  ['a value that expires from now on', [{ ...latest, name: 'n' }, latest, log, known], false],
  ['a value that expires and has another name', [n, { ...latest, name: 'newer', alias: 'latest' }, log, known], false],
  [
    'a value that was kept under another name, and expires now',
    [{ ...latest, name: 'm', alias: 'n' }, latest, log, known],
    false,
  ],
])('state with %s: whether it becomes that where it is', (_, fields, goesOn) => {
  expect(goesOnInPlace(kept, { fields })).toBe(goesOn)
})

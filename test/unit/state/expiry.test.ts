/**
 * State that expires, in processing time, as Flink's does: a table a case, its clock moved by hand. `write 1` is a call that
 * reads and writes, `read` one that only reads; `sees` is what a call is sent, `.` where there is nothing, and a `*` behind it
 * where the key is new. `sweep` takes away what has expired; `holds` is what memory has then.
 */
import { describe, expect, test } from 'vitest'
import { batchFromRows, bitAt, rowsOf, setBit } from '../../../src/batch/index.js'
import { type Keep, type Schema, type Ttl } from '../../../src/schema/index.js'
import {
  Collections,
  Expiry,
  type StateClock,
  StateTable,
  declaredState,
  storedValues,
} from '../../../src/state/index.js'

const ttl = (update: Ttl['update'], visibility: Ttl['visibility'] = 'never_return_expired'): Ttl => ({
  ms: 10_000,
  update,
  visibility,
})
const slot = Int32Array.of(3)

/** One key of one kind of state. */
interface Driver {
  read(): string
  write(what: string): void
  sweep(): void
  holds(): number
}

function valueDriver(keep: Keep, clock: StateClock): Driver {
  const schema: Schema = { fields: [{ name: 'n', type: { kind: 'int64' }, default: 7, keep }] }
  const table = new StateTable(storedValues(schema))
  const expiry = Expiry.of(table, schema, clock)
  if (expiry === null) throw new TypeError('the value expires')
  return {
    read() {
      const { state, isNew } = expiry.gather(slot, true)
      return `${String(rowsOf(state)[0]?.['n'])}${bitAt(isNew, 0) === 1 ? '*' : ''}`
    },
    write(what) {
      const bits = new Uint8Array(1)
      if (what !== 'nothing') setBit(bits, 0)
      const rows = batchFromRows(schema, [{ n: what === 'nothing' ? 1n : BigInt(what) }])
      table.apply(slot, expiry.stamped(slot, rows, new Map([['n', bits]])), null)
    },
    sweep: () => void expiry.sweep(10_000),
    holds: () => table.presentSlots().length,
  }
}

function collectionDriver(kind: 'list' | 'map', time: Ttl, clock: StateClock): Driver {
  const int64 = { kind: 'int64' } as const
  const schema: Schema = {
    fields: [
      kind === 'list'
        ? { name: 'l', type: { kind, item: int64 }, keep: { as: kind, reads: true, ttl: time } }
        : { name: 'm', type: { kind, key: int64, value: int64 }, keep: { as: kind, entries: 'all', ttl: time } },
    ],
  }
  const collections = new Collections(declaredState(schema), { clock })
  const { listsBack, mapsBack } = collections.schemas
  const rows = { batch: { schema: { fields: [] }, rows: 0, columns: [] }, index: new Int32Array(0) }
  return {
    read() {
      const { lists, maps } = collections.gather(slot, rows)
      const found = kind === 'list' ? rowsOf(lists)[0]?.['l'] : rowsOf(maps)[0]?.['m']
      return Array.isArray(found) && found.length > 0 ? found.map(String).join(' ') : '.'
    },
    write(what) {
      const entries = what.split(' ').map(BigInt)
      const lists = kind === 'list' ? batchFromRows(listsBack, [{ l: { clear: false, entries } }]) : null
      const pairs = entries.map(each => [each, each * 10n])
      const maps =
        kind === 'map' ? batchFromRows(mapsBack, [{ m: { clear: false, removed: [], entries: pairs } }]) : null
      collections.apply(slot, { lists, maps }, null)
    },
    sweep() {
      for (const table of [...collections.lists, ...collections.maps]) table.entries.tidy()
    },
    holds: () => [...collections.lists, ...collections.maps].reduce((sum, table) => sum + table.entries.size, 0),
  }
}

function check(driver: (clock: StateClock) => Driver, table: string): void {
  const lines = table.trim().split('\n').slice(1)
  const clock: StateClock = { wallMs: 0 }
  const state = driver(clock)
  const ran = lines.map(line => {
    const [at = '', does = ''] = line.trim().split(/\s{2,}/)
    clock.wallMs = 1_000 * Number(at.replace('s', ''))
    const [verb = '', ...what] = does.split(' ')
    if (verb === 'sweep') {
      state.sweep()
      return [at, does, String(state.holds())]
    }
    const sees = state.read()
    if (verb === 'write') state.write(what.join(' '))
    return [at, does, sees]
  })
  expect(ran).toEqual(lines.map(line => line.trim().split(/\s{2,}/)))
}

describe('a value that lives for 10 s', () => {
  test('after it was written: reading does not keep it', () => {
    check(
      clock => valueDriver({ as: 'value', ttl: ttl('on_create_and_write') }, clock),
      `
      at    call           sees or holds
      0s    write 1        7*
      9s    read           1
      9.9s  write nothing  1
      10s   read           7*
      10s   sweep          0
      11s   write 2        7*
      20s   write 3        2
      29s   read           3
      30s   read           7*
      `,
    )
  })

  test('after it was read or written: both keep it', () => {
    check(
      clock => valueDriver({ as: 'value', ttl: ttl('on_read_and_write') }, clock),
      `
      at    call           sees or holds
      0s    write 1        7*
      9s    read           1
      18s   read           1
      28s   read           7*
      29s   sweep          0
      `,
    )
  })

  test('and is seen until it is taken away, where that is declared', () => {
    check(
      clock => valueDriver({ as: 'value', ttl: ttl('on_create_and_write', 'return_expired_if_not_cleaned_up') }, clock),
      `
      at    call           sees or holds
      0s    write 1        7*
      12s   read           1
      13s   sweep          0
      13s   read           7*
      `,
    )
  })
})

describe('entries that live for 10 s', () => {
  test('of a list go one by one, each by its own time', () => {
    check(
      clock => collectionDriver('list', ttl('on_create_and_write'), clock),
      `
      at    call           sees or holds
      0s    write 1        .
      4s    write 2 3      1
      9s    read           1 2 3
      10s   read           2 3
      10s   sweep          2
      14s   read           .
      14s   sweep          0
      15s   write 4        .
      16s   read           4
      `,
    )
  })

  test('of a map live anew where they are set again', () => {
    check(
      clock => collectionDriver('map', ttl('on_create_and_write'), clock),
      `
      at    call           sees or holds
      0s    write 1 2      .
      8s    write 2        1,10 2,20
      11s   read           2,20
      11s   sweep          1
      18s   read           .
      18s   sweep          0
      `,
    )
  })

  test('of a map live anew where they are sent, if that is declared', () => {
    check(
      clock => collectionDriver('map', ttl('on_read_and_write'), clock),
      `
      at    call           sees or holds
      0s    write 1        .
      9s    read           1,10
      18s   read           1,10
      28s   read           .
      28s   sweep          0
      `,
    )
  })
})

test('of a key some values expire and others stay, and the key with them', () => {
  const keep: Keep = { as: 'value', ttl: ttl('on_create_and_write') }
  const schema: Schema = {
    fields: [
      { name: 'stays', type: { kind: 'utf8' } },
      { name: 'goes', type: { kind: 'utf8' }, keep },
    ],
  }
  const clock: StateClock = { wallMs: 0 }
  const table = new StateTable(storedValues(schema))
  const expiry = Expiry.of(table, schema, clock)
  const rows = batchFromRows(schema, [{ stays: 'a', goes: 'b' }])
  if (expiry === null) throw new TypeError('a value expires')
  table.apply(slot, expiry.stamped(slot, rows, new Map([['goes', Uint8Array.of(1)]])), null)
  clock.wallMs = 10_000
  const { state, isNew } = expiry.gather(slot, true)
  expect([rowsOf(state), bitAt(isNew, 0)]).toEqual([[{ stays: 'a', goes: null }], 0])
  expiry.sweep(10_000)
  expect(rowsOf(table.gather(slot).state)).toEqual([{ stays: 'a', goes: null, 'goes (written)': null }])
})

test('what has expired is taken away a few slots at a time, all of it in the end', () => {
  const keep: Keep = { as: 'value', ttl: ttl('on_create_and_write') }
  const schema: Schema = { fields: [{ name: 'n', type: { kind: 'int64' }, keep }] }
  const clock: StateClock = { wallMs: 0 }
  const table = new StateTable(storedValues(schema))
  const expiry = Expiry.of(table, schema, clock)
  if (expiry === null) throw new TypeError('the value expires')
  const slots = Int32Array.from({ length: 1_000 }, (_, i) => i)
  const rows = batchFromRows(
    schema,
    Array.from(slots, n => ({ n: BigInt(n) })),
  )
  table.apply(slots, expiry.stamped(slots, rows, new Map([['n', new Uint8Array(125).fill(255)]])), null)
  clock.wallMs = 20_000
  table.takeDirty()
  expect(expiry.sweep(256)).toHaveLength(256)
  expect(table.presentSlots()).toHaveLength(744)
  expect(table.dirtyRows).toBe(256)
  for (let steps = 0; steps < 3; steps++) expiry.sweep(256)
  expect(table.presentSlots()).toHaveLength(0)
})

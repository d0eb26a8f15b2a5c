import { describe, expect, it } from 'vitest'
import { type SchemaJson, schemaFromJson } from '../../../src/schema/index.js'
import { type StateForm } from '../../../src/state/index.js'
import { KeyedRows, type Row, stored } from './rows-of-state.js'

const form = (state: SchemaJson, more: Partial<StateForm> = {}): StateForm => ({
  key: schemaFromJson([['user', 'utf8']]),
  state: schemaFromJson(state),
  keyGroups: 16,
  nullKeys: false,
  ...more,
})

/** The state of one user, stored under `from`, as code that declares `to` finds it. */
function evolved(from: StateForm, to: StateForm, row: Row): Row | undefined {
  const before = new KeyedRows('totals', from)
  before.set([{ key: { user: 'ann' }, state: row }])
  const after = new KeyedRows('totals', to)
  for (const block of before.take(1)) after.restore(stored(block))
  return after.all()['ann']
}

const refusal = (from: StateForm, to: StateForm): unknown => {
  try {
    new KeyedRows('totals', to).state.accept(from)
    return null
  } catch (error) {
    return error
  }
}

describe('state that was stored under other columns', () => {
  it('gets the default of a column that is new, or null', () => {
    const to = form([
      ['n', 'int64'],
      ['seen', 'bool', { default: true }],
      ['note', 'utf8'],
    ])
    expect(evolved(form([['n', 'int64']]), to, { n: 3n })).toEqual({ n: 3n, seen: true, note: null })
  })

  it('loses a column that is gone, and follows those that moved', () => {
    const from = form([
      ['a', 'int64'],
      ['b', 'utf8'],
      ['c', 'float64'],
    ])
    const to = form([
      ['c', 'float64'],
      ['a', 'int64'],
    ])
    expect(evolved(from, to, { a: 1n, b: 'x', c: 0.5 })).toEqual({ c: 0.5, a: 1n })
  })

  it('follows a declared alias to the new name', () => {
    const [from, to] = [form([['sum', 'float64']]), form([['total', 'float64']])]
    expect(evolved(from, form([['total', 'float64', { alias: 'sum' }]]), { sum: 2.5 })).toEqual({ total: 2.5 })
    expect(evolved(from, to, { sum: 2.5 })).toEqual({ total: null })
  })

  it.each([
    ['int8', 'int64', -5, -5n],
    ['int32', 'int64', -2147483648, -2147483648n],
    ['uint32', 'int64', 4294967295, 4294967295n],
    ['uint8', 'uint16', 255, 255],
    ['int32', 'float64', 7, 7],
    ['float32', 'float64', 0.5, 0.5],
    ['utf8', 'binary', 'ab', Uint8Array.of(97, 98)],
    ['int16', 'int32', null, null],
  ])('%s widens to %s', (from, to, value, wide) => {
    expect(evolved(form([['v', from]]), form([['v', to]]), { v: value })).toEqual({ v: wide })
  })

  it('is refused where a type is another one, with the column and both types', () => {
    const from = form([
      ['n', 'int64'],
      ['at', 'utf8'],
    ])
    const to = form([
      ['n', 'int32'],
      ['at', 'date32'],
    ])
    expect(refusal(from, to)).toMatchObject({
      code: 'ANB6016',
      message: 'operator "totals": state column "n" is declared int32, but stored as int64',
      detail: 'state column "at" is declared date32, but stored as utf8\nStored: n: int64, at: utf8.',
    })
  })

  it('is refused where a new column is required and has no default', () => {
    const to = form([['n', 'int64', { required: true }]])
    expect(refusal(form([['m', 'int64']]), to)).toMatchObject({
      code: 'ANB6016',
      message: 'operator "totals": state column "n" is new and required, but has no default',
    })
  })

  it('is refused under another key, another number of key groups or other null keys, with both', () => {
    const from = form([['n', 'int64']])
    const other = { ...from, key: schemaFromJson([['user', 'int64']]) }
    expect(refusal(from, other)).toMatchObject({
      code: 'ANB6016',
      message: 'operator "totals" is keyed by user: int64, but its state by user: utf8',
    })
    expect(refusal(from, { ...from, keyGroups: 64 })).toMatchObject({
      message: 'operator "totals" has 64 key groups, but its state 16',
    })
    expect(refusal(from, { ...from, nullKeys: true })).toMatchObject({
      message: `operator "totals" has nullKeys 'group', but its state was stored with 'dead-letter' or 'drop'`,
    })
  })
})

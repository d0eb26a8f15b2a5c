/** What one key's state may weigh on its way to a worker. */
import { describe, expect, test } from 'vitest'
import { type Batch, type Value, batchFromRows } from '../../../src/batch/index.js'
import { tooLarge } from '../../../src/runtime/flow/state-limit.js'
import { type Schema } from '../../../src/schema/index.js'

const int64 = { kind: 'int64' } as const
const utf8 = { kind: 'utf8' } as const
const key: Schema = { fields: [{ name: 'user', type: utf8 }] }
const state = (fields: Schema['fields'], rows: readonly Readonly<Record<string, Value>>[]): Batch =>
  batchFromRows({ fields }, rows)

/** Of keys u0, u1, ... with these batches. */
const judged = (batches: readonly Batch[], bytesMax: number): string | null =>
  tooLarge({ operator: 'sum', batches, keyOf: row => batchFromRows(key, [{ user: `u${row}` }]) }, bytesMax)?.message ??
  null

describe('state that travels', () => {
  const texts = state([{ name: 't', type: utf8 }], [{ t: 'abcd' }, { t: 'ä'.repeat(50) }, { t: null }])

  test('S12 is refused for the key that is heavier than one may be, by its bytes', () => {
    expect(judged([texts], 99)).toBe('state of operator "sum" for key {"user":"u1"} is 100 bytes')
    expect(judged([texts], 100)).toBe(null)
  })

  test('counts lists by their items, and all columns of a key together', () => {
    const lists = state([{ name: 'l', type: { kind: 'list', item: int64 } }], [{ l: [1n, 2n] }, { l: [] }, { l: [3n] }])
    expect(judged([texts, lists], 99)).toBe('state of operator "sum" for key {"user":"u1"} is 100 bytes')
    expect(judged([lists], 15)).toBe('state of operator "sum" for key {"user":"u0"} is 16 bytes')
    expect(judged([lists], 16)).toBe(null)
  })

  test('of fixed width is never too large, however many keys there are', () => {
    const numbers = state(
      [{ name: 'n', type: int64 }],
      Array.from({ length: 1_000 }, () => ({ n: 1n })),
    )
    expect(judged([numbers], 8)).toBe(null)
  })
})

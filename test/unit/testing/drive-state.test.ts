/** State of keys in a driven job: lists, maps, and what expires by the clock that the test moves. */
import { describe, expect, test } from 'vitest'
import { files, job as jobNamed, json } from 'anabranch'
import { drive } from 'anabranch/testing'
import shop from './shop.js'

const order = (item: string, qty: number): Readonly<Record<string, unknown>> => ({ item, price: 1, qty })
const lines = (table: string): string =>
  table
    .split('\n')
    .filter(line => line.trim() !== '')
    .map(line => line.slice(4))
    .join('\n')

describe('lists, maps and what expires', () => {
  const job = jobNamed('shop')
    .from(files('*.jsonl', json(shop.Order)), { id: 'orders' })
    .keyBy('item')
    .apply(shop.lately)
    .to(files.sink('out/', json()))
  const pairs = (value: unknown): readonly (readonly [bigint, bigint])[] =>
    value as readonly (readonly [bigint, bigint])[]
  /** Counts rows of a key and of a quantity, and remembers the quantities. */
  const remembering = drive(job).with(shop, {
    lately: (row, state) => {
      const qty = row.qty ?? 0n
      const quantities = state?.quantities as readonly bigint[] | undefined
      const byQty = new Map(pairs(state?.by_qty ?? []))
      const n = (state?.n ?? 0n) + 1n
      byQty.set(qty, (byQty.get(qty) ?? 0n) + 1n)
      const all = [...(quantities ?? []), qty]
      const out = { n, quantities: all, of_qty: byQty.get(qty) ?? 0n }
      return [out, { n, log: [qty], quantities: all, by_qty: [...byQty] }] as const
    },
  })

  test('are kept for an hour after they were written, each entry for itself', async () => {
    const t = await remembering.start()
    t.input({ orders: [order('rope', 2), order('rope', 3)] })
    t.clock.advance('50min')
    t.input({ orders: [order('rope', 2)] })
    t.clock.advance('20min')
    t.input({ orders: [order('rope', 3), order('rope', 2)] })
    t.clock.advance('2h')
    t.input({ orders: [order('rope', 2)] })
    t.finish()
    expect(t.text('out')).toBe(
      lines(`
    item  price  qty  n  quantities   of_qty
    rope      1    2  1  [2]               1
    rope      1    3  2  [2,3]             1
    rope      1    2  3  [2,3,2]           2
    rope      1    3  4  [2,3,2,3]         1
    rope      1    2  5  [2,3,2,3,2]       3
    rope      1    2  1  [2]               1`),
    )
  })
})

/** A first test of a job is short, and costs little. */
import { expect, test } from 'vitest'
import { drive } from 'anabranch/testing'
import job from '../../../examples/first/job.js'
import shop from '../../../examples/first/transforms.anabranch.js'

test('an order comes to its price times its quantity', async () => {
  const t = await drive(job)
    .with(shop, { bill: row => ({ total: Number(row.price) * Number(row.qty) }) })
    .input({ files: [{ item: 'rope', price: 4.5, qty: 2 }, '{"item": "nails", "qty": "many"}'] })
    .run()

  expect(t.output('bills').get(0)?.toJSON()).toEqual({ item: 'rope', price: 4.5, qty: 2n, total: 9 })
  expect(t.deadLetters.map(d => d.error.message)).toEqual(['column "qty": expected int64, got the string "many"'])
})

test('such a test costs less than 50 ms of a processor', async () => {
  const costs: number[] = []
  for (let run = 0; run < 5; run += 1) {
    const before = process.cpuUsage()
    const t = await drive(job)
      .with(shop, { bill: row => ({ total: Number(row.price) }) })
      .input({ files: [{ item: 'rope', price: 4.5, qty: 2 }] })
      .run()
    expect(t.output('bills').numRows).toBe(1)
    const { user, system } = process.cpuUsage(before)
    costs.push((user + system) / 1_000)
  }
  expect(Math.min(...costs)).toBeLessThan(50)
})

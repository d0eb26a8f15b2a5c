import assert from 'node:assert/strict'
import { test } from 'node:test'
import { drive } from 'anabranch/testing'
import job from '../job.js'
import shop from '../transforms.anabranch.js'

const driven = drive(job).input({ files: [{ item: 'rope', price: 4.5, qty: 2 }, '{"item": "nails", "qty": "many"}'] })

test('an order comes to its price times its quantity, and one without a number is a dead letter', async () => {
  const t = await driven.with(shop, { bill: row => ({ total: Number(row.price) * Number(row.qty) }) }).run()
  assert.equal(t.output('bills').get(0)?.total, 9)
  assert.deepEqual(t.counts, { rowsIn: 2, rowsOut: 1, rowsDead: 1 })
})

test('the Python code gives the same', async () => {
  const t = await driven.runPython()
  assert.equal(t.text('bills'), 'item  price  qty  total\nrope    4.5    2      9')
})

/** The job driver with real workers: the same test as with stand-ins, over the Python code itself. */
import { expect, test } from 'vitest'
import { drive } from '../../src/testing/index.js'
import first from '../../examples/first/job.js'
import flights from '../../examples/flights/job.js'

test('the Python code of a job runs over scripted input, and what dies is told', async () => {
  const t = await drive(first)
    .input({ files: [{ item: 'rope', price: 4.5, qty: 2 }, '{"item": "nails", "qty": "many"}'] })
    .runPython()

  expect(t.text('bills')).toBe('item  price  qty  total\nrope    4.5    2      9')
  expect(t.output('bills').getChild('qty')?.get(0)).toBe(2n)
  expect(t.deadLetters).toMatchObject([{ source: 'files', position: 2, error: { code: 'ANB2003' } }])
  expect(t.counts).toEqual({ rowsIn: 2, rowsOut: 1, rowsDead: 1 })
})

test('a job over Parquet with keyed state takes rows as objects, and its side output comes back typed', async () => {
  const flight = (delay: number): Readonly<Record<string, unknown>> => ({
    date: '2001-01-01T00:01:00',
    delay,
    distance: 337,
    origin: 'SFO',
    destination: 'LAX',
  })
  const t = await drive(flights)
    .input({ files: [flight(10), flight(20)] })
    .runPython()
  expect(t.deadLetters).toEqual([])
  expect(t.output('flights').getChild('nth')?.toArray()).toEqual(BigInt64Array.of(1n, 2n))
  expect(t.output('airports').get(0)?.toJSON()).toMatchObject({ origin: 'SFO', flights: 2n, mean_delay: 15 })
})

test('what is no fault of the data stops it with its own error', async () => {
  const strict = drive(first).input({ filez: [] })
  await expect(strict.runPython()).rejects.toThrow('the job has no source "filez"; it has "files"')
})

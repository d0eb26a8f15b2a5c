/** Formats under the command: what one job writes the next one reads, and lines are followed until Ctrl-C. */
import { appendFileSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { filesBelow } from '../support/connectors.js'
import { until } from '../support/fault-job.js'
import { type JobFolder, jobFolder } from '../support/job-folder.js'

const transforms = `
import anabranch as ab
import pyarrow.compute as pc

Order = ab.schema({"item": ab.utf8, "price": ab.float64, "qty": ab.int64, "at": ab.timestamp("ms", "UTC")})

@ab.transform(inputs={"price": ab.float64, "qty": ab.int64}, outputs={"total": ab.float64})
def bill(batch):
    return {"total": pc.multiply(batch["price"], batch["qty"])}
`
const orders = `at,item,price,qty
2026-01-01T00:00:00Z,"rope, long",4.5,2
2026-01-02T00:00:00.5Z,lamp,30,1
2026-01-02T00:00:00Z,nails,0.02,many
,"two
lines",1e2,
`

const job = (body: string): string => `
import { arrow, avro, csv, files, job, json, parquet } from 'anabranch'
import shop from './transforms.anabranch.js'

const Bill = { item: 'utf8', price: 'float64', qty: 'int64', at: 'timestamp[ms, UTC]', total: 'float64' } as const
${body}
`
const writes = job(`
export default job('writes')
  .from(files('orders.csv', csv(shop.Order)))
  .apply(shop.bill)
  .to(files.sink('as-csv/', csv.write({ delimiter: ';' })))
  .to(files.sink('as-avro/', avro()))
  .to(files.sink('as-arrow/', arrow()))
  .to(files.sink('as-parquet/', parquet(), { partitionBy: ['item'] }))
`)
const reads = job(`
const read = job('reads')
read.from(files('out/as-csv/*', csv(Bill, { delimiter: ';' }))).to(files.sink('from-csv/', json()))
read.from(files('out/as-avro/*', avro(Bill))).to(files.sink('from-avro/', json()))
read.from(files('out/as-arrow/*', arrow(Bill))).to(files.sink('from-arrow/', json()))
export default read
`)

test('CSV, Avro and Arrow that one job wrote the next one reads, and partitions lie in their folders', async () => {
  const folder = await jobFolder({
    'transforms.py': transforms,
    'orders.csv': orders,
    'job.ts': writes,
    'reads.ts': reads,
  })
  const run = await folder.run()
  expect(run.code, run.stderr).toBe(0)
  expect(run.json).toMatchObject({ rows_in: 4, rows_out: 12, rows_dead: 1 })
  expect(folder.deadLetters()).toMatchObject([
    { source: 'orders.csv', position: 4, row: '2026-01-02T00:00:00Z,nails,0.02,many' },
  ])
  expect(filesBelow(join(folder.path, 'out', 'as-parquet'))).toEqual([
    'item=lamp/part-00001.parquet',
    'item=rope, long/part-00000.parquet',
    'item=two%0Alines/part-00002.parquet',
  ])
  const again = await folder.cli('run', 'reads.ts', '--json', '--out', 'out/again')
  expect(again.code, again.stderr).toBe(0)
  const expected = [
    { item: 'rope, long', price: 4.5, qty: 2, at: '2026-01-01T00:00:00Z', total: 9 },
    { item: 'lamp', price: 30, qty: 1, at: '2026-01-02T00:00:00.500Z', total: 30 },
    { item: 'two\nlines', price: 100, qty: null, at: null, total: null },
  ]
  for (const sink of ['from-csv', 'from-avro', 'from-arrow'])
    expect(folder.rows(`again/${sink}`), sink).toEqual(expected)
})

test('a header that does not fit is a fault before the first row', async () => {
  const folder = await jobFolder({
    'transforms.py': transforms,
    'orders.csv': orders.replace('qty', 'quantity'),
    'job.ts': writes,
  })
  const run = await folder.run()
  expect(run.code).toBe(2)
  expect(run.stderr).toContain('column "qty" is declared, but the header names only "at", "item", "price", "quantity"')
})

describe('files that are followed', () => {
  const follows = job(`
export default job('follows')
  .from(files('in/*.jsonl', json(shop.Order), { tail: true }))
  .apply(shop.bill)
  .to(files.sink('bills/', json(), { roll: { bytes: 1 } }))
`)

  test('lines come out as they are written, over a rotation, until Ctrl-C', async () => {
    const folder = await jobFolder({
      'transforms.py': transforms,
      'in/a.jsonl': '{"item":"tea","price":2,"qty":3}\n',
      'job.ts': follows,
    })
    const started = folder.start([])
    await written(folder, ['tea'])
    const path = (name: string): string => join(folder.path, 'in', name)
    appendFileSync(path('a.jsonl'), '{"item":"oil","price":1,"qty":1}\n{"item":"sa')
    await written(folder, ['tea', 'oil'])
    appendFileSync(path('a.jsonl'), 'lt","price":1,"qty":1}\n')
    renameSync(path('a.jsonl'), path('a.1'))
    appendFileSync(path('a.jsonl'), '{"item":"nut","price":1,"qty":1}\n')
    await written(folder, ['tea', 'oil', 'salt', 'nut'])
    started.child.kill('SIGINT')
    const run = await started.ended
    expect(run.code, run.stderr).toBe(0)
    expect(run.json).toMatchObject({ rows_in: 4, rows_out: 4, rows_dead: 0, drained: true })
    appendFileSync(path('a.jsonl'), '{"item":"tar","price":1,"qty":1}\n')
    const next = folder.start([])
    await written(folder, ['tea', 'oil', 'salt', 'nut', 'tar'])
    next.child.kill('SIGINT')
    expect((await next.ended).json).toMatchObject({ rows_in: 5, rows_out: 5 })
  })

  // It was sealed behind the last epoch, and no row came for another one.
  test('a part that is old enough is shown although no row comes any more', async () => {
    const folder = await jobFolder({
      'transforms.py': transforms,
      'in/a.jsonl': '{"item":"tea","price":2,"qty":3}\n',
      'job.ts': follows
        .replace("job('follows')", "job('follows', { epoch: '100ms' })")
        .replace('bytes: 1 ', "ms: '400ms' "),
    })
    const started = folder.start([])
    await written(folder, ['tea'])
    started.child.kill('SIGINT')
    expect((await started.ended).code).toBe(0)
  })
})

/** Resolves when bills for exactly these items are visible. */
const written = (folder: JobFolder, items: readonly string[]): Promise<void> =>
  until(() => {
    const found = folder.rows('bills').map(row => String(row['item']))
    return items.toSorted().join() === found.toSorted().join()
  })

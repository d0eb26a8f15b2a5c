/** A sink of an outside system whose delivery is another one than in the run before, or that is asked before it is opened. */
import { expect, test } from 'vitest'
import { type Batch, batchFromRows, jsonRowsOf } from '../../../src/batch/index.js'
import { type Sink, type TransactionSink, loggedSink } from '../../../src/connectors/index.js'
import { type Delivery } from '../../../src/plan/index.js'
import { schemaFromJson } from '../../../src/schema/index.js'
import { Disk } from '../../support/disk.js'

const schema = schemaFromJson([['n', 'int32']])
const batch = (...numbers: readonly number[]): Batch =>
  batchFromRows(
    schema,
    numbers.map(n => ({ n })),
  )
const lineage = 'a1'
const start = { lineage, epoch: 0, prepared: null, marked: false }

/** A table with markers, as a database has them. */
class Table {
  readonly rows: unknown[] = []
  readonly markers = new Map<string, number>()
  asked = 0
  private readonly disk = new Disk()

  constructor() {
    this.disk.makeDirectory('/out')
  }

  sink(delivery: Delivery): Sink {
    return loggedSink({ to: this.transactions(), out: '/out', id: 'table', schema, delivery, files: this.disk })
  }

  private transactions(): TransactionSink {
    let of = ''
    return {
      place: 'table',
      open: async lineageNow => {
        of = lineageNow
        return { applied: this.markers.get(of) ?? 0 }
      },
      appliedIn: async before => {
        this.asked += 1
        return this.markers.get(before) ?? 0
      },
      apply: async (epoch, batches) => {
        if (epoch !== null && epoch <= (this.markers.get(of) ?? 0)) return
        for (const rows of batches) this.rows.push(...jsonRowsOf(rows).map(row => Object.values(row)[0]))
        if (epoch !== null) this.markers.set(of, epoch)
      },
      close: async () => undefined,
    }
  }
}

test('a sink that writes through has no marker, and nobody is asked for one', async () => {
  const table = new Table()
  table.markers.set(lineage, 5)
  expect(await table.sink('at-least-once').appliedIn?.(lineage)).toBe(0)
  expect(table.asked).toBe(0)
  expect(await table.sink('exactly-once').appliedIn?.(lineage)).toBe(5)
})

test('rows of an epoch that waited in the log go out where the sink writes through from now on', async () => {
  const table = new Table()
  const first = table.sink('exactly-once')
  await first.open(start)
  await first.write(batch(1, 2))
  const prepared = await first.prepare(1)
  await first.abort()
  const next = table.sink('at-least-once')
  await next.open({ ...start, epoch: 1, prepared })
  await next.commit(1, prepared)
  await next.write(batch(3))
  expect(table.rows).toEqual([1, 2, 3])
})

test('a sink that wrote through before has a marker from the epoch on behind which it does not', async () => {
  const table = new Table()
  const first = table.sink('at-least-once')
  await first.open(start)
  await first.write(batch(1, 2))
  const one = await first.prepare(1)
  await first.commit(1, one)
  await first.abort()
  const next = table.sink('exactly-once')
  expect(await next.open({ ...start, epoch: 1, prepared: one, marked: true })).toEqual({ applied: 1 })
  await next.write(batch(3))
  const two = await next.prepare(2)
  await next.abort()
  const last = table.sink('exactly-once')
  expect(await last.open({ ...start, epoch: 2, prepared: two, marked: true })).toEqual({ applied: 1 })
  await last.commit(2, two)
  expect(table.rows).toEqual([1, 2, 3])
})

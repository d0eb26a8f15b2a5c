/** Sinks of Python: wherever the machine dies, no row is missing, and a key that comes again means the same rows. */
import { describe, expect, test } from 'vitest'
import { type Batch, batchFromRows, jsonRowsOf } from '../../../src/batch/index.js'
import {
  type Prepared,
  type PythonPush,
  type Sink,
  loggedSink,
  noEpochs,
  pythonTransactions,
} from '../../../src/connectors/index.js'
import { partsOf } from '../../../src/connectors/python/parts.js'
import { type Schema, schemaFromJson } from '../../../src/schema/index.js'
import { epochSinkCases } from '../../../src/testing/index.js'
import { Disk, diedIn } from '../../support/disk.js'
import { runEpochs } from '../../support/epochs.js'

const schema = schemaFromJson([
  ['n', 'int32'],
  ['word', 'utf8'],
])
const batch = (from: number, to: number): Batch =>
  batchFromRows(
    schema,
    Array.from({ length: to - from }, (_, i) => ({ n: from + i, word: `word ${from + i}` })),
  )

/** A service that outlives every machine: it remembers keys, and refuses one that comes with other rows. */
class Service {
  readonly calls: string[] = []
  private readonly stored = new Map<string, string>()

  get rows(): readonly object[] {
    return [...this.stored.values()].flatMap(rows => JSON.parse(rows) as readonly object[])
  }

  readonly push: PythonPush = {
    open: async () => undefined,
    push: async (rows, key) => {
      const came = JSON.stringify(jsonRowsOf(rows))
      this.calls.push(key)
      expect(this.stored.get(key) ?? came, key).toBe(came)
      this.stored.set(key, came)
    },
    close: async () => undefined,
  }
}

function sinkTo({ push }: Service, files: Disk, of: Schema = schema): Sink {
  const random = { below: () => 0, hex: () => 'f00d' }
  const to = pythonTransactions({ place: 'push', push, schema: of, job: 'job', id: 'push', random })
  return loggedSink({ to, out: '/out', id: 'push', schema: of, delivery: 'exactly-once', files })
}

function started(): Disk {
  const disk = new Disk()
  disk.makeDirectory('/out')
  disk.syncDirectory('/')
  return disk
}

describe('the contract of epochs', () => {
  const cases = epochSinkCases(async () => {
    const service = new Service()
    const disk = started()
    const fields: Schema = schemaFromJson([
      ['n', 'int32'],
      ['word', 'utf8'],
    ])
    return { again: () => sinkTo(service, disk, fields), visible: async () => service.rows }
  })
  for (const { name, run } of cases) test(name, run)
})

describe.each(['kept', 'lost'] as const)('a machine that dies at any step, what was not synced is %s', power => {
  test('leaves no row out, and only the epoch that was under way comes again', async () => {
    for (let at = 1; ; at += 1) {
      const disk = started()
      const service = new Service()
      const epochs = [[batch(0, 3), batch(3, 5)], [batch(5, 6)], [], [batch(6, 9)]]
      const run = (): Promise<unknown> =>
        runEpochs(sinkTo(service, disk), { files: disk, store: '/store.json', epochs })
      disk.start(at, 'kept')
      const died = await diedIn(run)
      disk.start(1e9, power)
      if (died) await run()
      expect(service.rows).toEqual(jsonRowsOf(batch(0, 9)))
      expect([...new Set(service.calls)]).toEqual(['job/a1/push/1/1', 'job/a1/push/2/1', 'job/a1/push/4/1'])
      expect(service.calls.length).toBeLessThanOrEqual(died ? 4 : 3)
      if (!died) break
    }
  })
})

test('without epochs each batch is a call, with a key that no other run has', async () => {
  const service = new Service()
  const sink = sinkTo(service, started())
  await sink.open({ lineage: '', epoch: 0, prepared: null, marked: false })
  await sink.write(batch(0, 2))
  await sink.write(batch(2, 3))
  await sink.finish()
  expect(service.calls).toEqual(['job/f00d/push/1/1', 'job/f00d/push/2/1'])
})

describe('the parts of an epoch', () => {
  const sizes = (batches: readonly Batch[]): readonly number[] => [...partsOf(schema, batches)].map(part => part.rows)
  const wide = (count: number, length: number): Batch =>
    batchFromRows(
      schema,
      Array.from({ length: count }, (_, n) => ({ n, word: 'x'.repeat(length) })),
    )

  test('are of whole batches where these are small', () => {
    expect(sizes([batch(0, 10), batch(10, 40_000), batch(40_000, 80_000)])).toEqual([40_000, 40_000])
  })
  test('are of 65,536 rows where a batch has more', () => {
    expect(sizes([batch(0, 140_000)])).toEqual([65_536, 65_536, 8_928])
  })
  test('are of 16 MiB where rows are large', () => {
    expect(sizes([wide(40, 1 << 20)])).toEqual([15, 15, 10])
  })
  test('are one row where it alone is larger', () => {
    expect(sizes([wide(2, 20 << 20)])).toEqual([1, 1])
  })
  test('hold every row once, in order', () => {
    const rows = [...partsOf(schema, [batch(0, 70_000), batch(70_000, 70_001)])].flatMap(part => jsonRowsOf(part))
    expect(rows).toEqual(jsonRowsOf(batch(0, 70_001)))
  })
  test('of an epoch without rows are none', () => {
    expect(sizes([])).toEqual([])
  })
})

test('a start at a savepoint that died before its first epoch leaves known what was sent of the runs before it', async () => {
  const disk = started()
  const service = new Service()
  const first = sinkTo(service, disk)
  await first.open({ ...noEpochs, lineage: 'a1' })
  const prepared = await sent(first, 1)
  await sent(first, 2)
  await sinkTo(service, disk).open({ lineage: 'b2', epoch: 1, prepared, marked: false })
  const third = sinkTo(service, disk)
  expect([await third.appliedIn?.('a1'), await third.appliedIn?.('b2')]).toEqual([2, 0])
  await third.open({ lineage: 'c3', epoch: 1, prepared, marked: false })
  for (let epoch = 2; epoch < 4_000; epoch += 1) await sent(third, epoch)
  expect([await third.appliedIn?.('a1'), await third.appliedIn?.('c3')]).toEqual([2, 3_999])
})

async function sent(sink: Sink, epoch: number): Promise<Prepared> {
  const prepared = await sink.prepare(epoch)
  await sink.commit(epoch, prepared)
  return prepared
}

/** Files of a job with epochs: wherever the machine dies, and dies again while it goes on, every row is there once. */
import { tableFromIPC } from 'apache-arrow'
import { describe, expect, test } from 'vitest'
import { type Batch } from '../../../src/batch/index.js'
import { type Sink, type TableWork, filesSink, noEpochs } from '../../../src/connectors/index.js'
import { encoderOf } from '../../../src/formats/index.js'
import { type Delivery } from '../../../src/plan/index.js'
import { schemaToJson, withoutFields } from '../../../src/schema/index.js'
import {
  HandClock,
  type Row,
  batchOf,
  numbered,
  numberedRows,
  numberedSchema,
  refusal,
  rowsOfBytes,
  sinkFormat,
  standInParquet,
} from '../../support/connectors.js'
import { Died, Disk } from '../../support/disk.js'
import { keptOf, openAt, runEpochs } from '../../support/epochs.js'

type Kind = 'json' | 'csv' | 'avro' | 'parquet'
interface Kinds {
  readonly kind: Kind
  readonly partitionBy?: readonly string[]
  readonly delivery?: Delivery
  readonly bytes?: number
}

const store = '/store.json'

function sinkOn(
  disk: Disk,
  { kind, partitionBy = [], delivery = 'exactly-once', bytes = 60 }: Kinds,
  clock = new HandClock(),
): Sink {
  const format = sinkFormat(kind)
  const schema = withoutFields(numberedSchema, partitionBy)
  return filesSink({
    wantEpoch: () => undefined,
    job: 'numbers',
    out: '/out',
    path: 'rows/',
    format,
    roll: { bytes: kind === 'parquet' ? bytes * 10 : bytes, ms: 60_000 },
    delivery,
    partitionBy,
    schema,
    files: disk,
    clock,
    encoder: encoderOf(format, schema),
    tables: tablesOn(disk),
  })
}

/** What a process of ours would make of the stream, with JSON inside. */
const tablesOn = (disk: Disk): Pick<TableWork, 'write'> & TableWork => ({
  inspect: () => Promise.reject(new TypeError('nobody reads')),
  read: () => Promise.reject(new TypeError('nobody reads')),
  write: async ({ from, to }) => {
    const rows = tableFromIPC(disk.read(from))
      .toArray()
      .map((row: { toJSON(): Row }) => row.toJSON())
    const file = disk.open(to, 'create')
    file.append(standInParquet(schemaToJson(numberedSchema), [rows]))
    file.sync()
  },
})

/** Most crashes leave the same bytes. */
const known = new Map<string, readonly Row[]>()
function rowsOf(bytes: Buffer, kind: Kind): readonly Row[] {
  const key = `${kind} ${bytes.toString('latin1')}`
  const rows = known.get(key) ?? rowsIn(bytes, kind)
  known.set(key, rows)
  return rows
}

function rowsIn(bytes: Buffer, kind: Kind): readonly Row[] {
  if (kind === 'parquet') {
    const content = JSON.parse(bytes.subarray(4, bytes.length - 8).toString()) as {
      groups: readonly (readonly Row[])[]
    }
    return content.groups.flat()
  }
  if (kind === 'avro') return rowsOfBytes({ kind, schema: numbered }, bytes)
  const lines = bytes.toString().split(/\r?\n/).filter(Boolean)
  if (kind === 'json') return lines.map(line => JSON.parse(line) as Row)
  const [head, ...rows] = lines
  expect(head).toMatch(/^"?n"?,"?word"?$/)
  return rows.map(line => ({ n: Number.parseInt(line, 10) }))
}

/** Numbers of the rows that a reader finds, in the order of the files' names. */
const seen = (disk: Disk, kind: Kind): readonly unknown[] =>
  disk
    .below('/out/rows')
    .filter(path => path.includes('/part-'))
    .sort((a, b) => (a.replace(/.*part-/, '') < b.replace(/.*part-/, '') ? -1 : 1))
    .flatMap(path => rowsOf(disk.read(path), kind).map(row => row['n']))

const numbers = (from: number, to: number): readonly number[] => Array.from({ length: to - from }, (_, i) => from + i)
const batch = (from: number, to: number, words = 1e9): Batch =>
  batchOf(
    numberedSchema,
    numberedRows(from, to).map(({ n }) => ({ n, word: `w${Number(n) % words}` })),
  )
/** Five epochs: of one batch, of several that roll in between, of none. */
const epochsOf = (words?: number): readonly (readonly Batch[])[] =>
  [
    [[0, 3]],
    [
      [3, 5],
      [5, 9],
      [9, 10],
    ],
    [],
    [[10, 11]],
    [
      [11, 16],
      [16, 18],
    ],
  ].map(batches => batches.map(([from = 0, to = 0]) => batch(from, to, words)))
const rowsBehind = [0, 3, 10, 10, 11, 18] as const

/** Runs to the end or until the machine dies. */
async function survives(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run()
    return true
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    if (cause instanceof Died) return false
    throw error
  }
}

function fresh(): Disk {
  const disk = new Disk()
  disk.makeDirectory('/out')
  disk.syncDirectory('/')
  return disk
}

/** Dies at each step of a run in turn, then three times on its way to the end; answers how many steps a run has. */
async function everyCrash(
  of: Kinds,
  power: 'kept' | 'lost',
  check: (disk: Disk, at: number) => void,
  before: (disk: Disk) => Promise<void> = async () => undefined,
): Promise<number> {
  const epochs = epochsOf(of.partitionBy === undefined ? undefined : 3)
  for (let at = 1; ; at += 1) {
    const disk = fresh()
    await before(disk)
    disk.start(at, 'kept')
    const run = (): Promise<unknown> => runEpochs(sinkOn(disk, of), { files: disk, store, epochs })
    const whole = await survives(run)
    for (const again of whole ? [] : [(at * 7) % 23, (at * 13) % 41, 1e9]) {
      check(disk, at)
      disk.start(again + 1, power)
      if (await survives(run)) break
    }
    check(disk, at)
    const end = seen(disk, of.kind)
    expect(of.partitionBy === undefined ? end : [...end].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 18))
    expect(disk.below('/out/.staging')).toEqual([])
    if (whole) return at
  }
}

// Killed, what was written is there: F1. Without power, only what was synced is, names of files too: F2.
describe.each(['kept', 'lost'] as const)('F1 a machine that dies at any step, what was not synced is %s', power => {
  test.each<Kinds>([
    { kind: 'json' },
    { kind: 'csv' },
    { kind: 'avro' },
    { kind: 'parquet' },
    { kind: 'json', bytes: 1e9 },
    { kind: 'json', partitionBy: ['word'] },
  ])('$kind of $bytes bytes a part, by $partitionBy: every row once, and none that is not prepared', async of => {
    const steps = await everyCrash(of, power, disk => {
      const found = seen(disk, of.kind)
      const prepared = rowsBehind[keptOf(disk, store).prepared.length] ?? 0
      expect(new Set(found).size).toBe(found.length)
      expect(found.filter(n => Number(n) >= prepared)).toEqual([])
    })
    expect(steps).toBeGreaterThan(40)
  })

  test('over a finished run: a reader finds the rows of one of both, never of two', async () => {
    const earlier = async (disk: Disk): Promise<void> => {
      const first = sinkOn(disk, { kind: 'json' })
      await first.open(noEpochs)
      await first.write(batch(100, 110))
      await first.finish()
    }
    await everyCrash(
      { kind: 'json' },
      power,
      disk => {
        const kinds = new Set(seen(disk, 'json').map(n => Number(n) >= 100))
        // Names are replaced one after the other while the new run is published: then the manifest says so.
        const manifest = disk.readText('/out/state/sinks/rows.json')
        expect(kinds.size === 1 || manifest.includes('"publishing"')).toBe(true)
      },
      earlier,
    )
  })
})

describe('a run in epochs', () => {
  const run = (disk: Disk, epochs: readonly (readonly Batch[])[]) => ({ files: disk, store, epochs })

  test('shows no row before its epoch is committed, and each epoch as it comes', async () => {
    const disk = fresh()
    const sink = sinkOn(disk, { kind: 'json', bytes: 1 })
    await sink.open({ ...noEpochs, lineage: 'a1' })
    await sink.write(batch(0, 2))
    await sink.write(batch(2, 4))
    expect(seen(disk, 'json')).toEqual([])
    const first = await sink.prepare(1)
    await sink.write(batch(4, 6))
    expect(seen(disk, 'json')).toEqual([])
    await sink.commit(1, first)
    expect(seen(disk, 'json')).toEqual(numbers(0, 4))
    await sink.commit(1, first)
    await sink.commit(2, await sink.prepare(2))
    expect(seen(disk, 'json')).toEqual(numbers(0, 6))
    expect((await sink.finish()).map(file => file.rows)).toEqual([2, 2, 2])
  })

  test('at least once: a part is shown as soon as it is whole, and rows may come again after a crash', async () => {
    const disk = fresh()
    const of = { kind: 'json', bytes: 1, delivery: 'at-least-once' } as const
    const sink = sinkOn(disk, of)
    await sink.open({ ...noEpochs, lineage: 'a1' })
    await sink.write(batch(0, 2))
    expect(seen(disk, 'json')).toEqual(numbers(0, 2))
    await runEpochs(sinkOn(disk, of), run(disk, [[batch(0, 2)], [batch(2, 4)]]))
    expect([...new Set(seen(disk, 'json'))]).toEqual(numbers(0, 4))
  })

  test('at least once: no row is lost wherever it dies', async () => {
    const epochs = epochsOf()
    for (let at = 1; ; at += 1) {
      const disk = fresh()
      disk.start(at, 'kept')
      const of = { kind: 'json', bytes: 50, delivery: 'at-least-once' } as const
      const whole = await survives(() => runEpochs(sinkOn(disk, of), run(disk, epochs)))
      disk.start(1e9, 'lost')
      if (!whole) await runEpochs(sinkOn(disk, of), run(disk, epochs))
      expect([...new Set(seen(disk, 'json'))].sort((a, b) => Number(a) - Number(b))).toEqual(numbers(0, 18))
      if (whole) break
    }
  })

  test('a part goes on with its age', async () => {
    const disk = fresh()
    const clock = new HandClock()
    const first = sinkOn(disk, { kind: 'json', bytes: 1e9 }, clock)
    await first.open({ ...noEpochs, lineage: 'a1' })
    await first.write(batch(0, 2))
    clock.advance(50_000)
    const prepared = await first.prepare(1)
    await first.abort()
    const later = new HandClock()
    const next = sinkOn(disk, { kind: 'json', bytes: 1e9 }, later)
    await next.open({ lineage: 'a1', epoch: 1, prepared, marked: false })
    await next.commit(1, prepared)
    later.advance(9_999)
    await next.commit(2, await next.prepare(2))
    expect(seen(disk, 'json')).toEqual([])
    later.advance(1)
    await next.commit(3, await next.prepare(3))
    expect(seen(disk, 'json')).toEqual([0, 1])
  })

  test('a run that was stopped shows what it has, and the next one goes on behind it', async () => {
    const disk = fresh()
    const first = sinkOn(disk, { kind: 'json', bytes: 1e9 })
    await first.open({ ...noEpochs, lineage: 'a1' })
    await first.write(batch(0, 2))
    const prepared = await first.prepare(1)
    await first.commit(1, prepared)
    expect((await first.finish('unfinished')).map(file => file.rows)).toEqual([2])
    const next = sinkOn(disk, { kind: 'json', bytes: 1e9 })
    expect(await next.open({ lineage: 'a1', epoch: 1, prepared, marked: true })).toEqual({ applied: 1 })
    await next.write(batch(2, 5))
    await next.commit(2, await next.prepare(2))
    expect((await next.finish()).map(file => file.rows)).toEqual([2, 3])
    expect(seen(disk, 'json')).toEqual(numbers(0, 5))
  })

  test('a start from an older savepoint takes back what came after it, as far as nobody goes on with it', async () => {
    const disk = fresh()
    await survives(() => runEpochs(sinkOn(disk, { kind: 'json', bytes: 1 }), run(disk, [[batch(0, 2)], [batch(2, 4)]])))
    const { prepared } = keptOf(disk, store)
    const next = sinkOn(disk, { kind: 'json', bytes: 1 })
    const start = { lineage: 'b2', epoch: 1, prepared: prepared[0] ?? null, marked: false }
    expect(await next.open(start)).toEqual({ applied: 0 })
    await next.commit(1, start.prepared)
    expect(seen(disk, 'json')).toEqual([0, 1])
    await next.write(batch(7, 8))
    await next.commit(2, await next.prepare(2))
    await next.finish()
    expect(seen(disk, 'json')).toEqual([0, 1, 7])
  })

  test('a run that is refused before its sinks are open takes nothing from the one that it would have gone on with', async () => {
    const disk = fresh()
    const first = sinkOn(disk, { kind: 'json', bytes: 1e9 })
    await first.open({ ...noEpochs, lineage: 'a1' })
    await first.write(batch(0, 2))
    const prepared = await first.prepare(1)
    await first.abort()
    const before = disk.steps
    await sinkOn(disk, { kind: 'json', bytes: 1e9 }).abort()
    expect(disk.steps).toBe(before)
    const next = sinkOn(disk, { kind: 'json', bytes: 1e9 })
    await next.open({ lineage: 'a1', epoch: 1, prepared, marked: false })
    await next.commit(1, prepared)
    await next.finish()
    expect(seen(disk, 'json')).toEqual([0, 1])
  })

  test('a marker that is ahead of the state is told, and nothing is touched', async () => {
    const disk = fresh()
    await runEpochs(sinkOn(disk, { kind: 'json', bytes: 1 }), run(disk, [[batch(0, 2)], [batch(2, 4)]]))
    const before = disk.steps
    const { prepared } = keptOf(disk, store)
    const start = { lineage: 'a1', epoch: 1, prepared: prepared[0] ?? null, marked: true }
    expect(await sinkOn(disk, { kind: 'json' }).open(start)).toEqual({ applied: 2 })
    expect(disk.steps).toBe(before)
  })

  test.each([
    ['ANB6021', 'the marker', '/out/state/sinks/rows.epochs'],
    ['ANB6020', 'the list of what was shown', '/out/state/sinks/rows.json'],
    ['ANB6020', 'a staged part', '/out/.staging/rows/part-00000.jsonl'],
  ])('is refused with %s where %s is gone', async (code, _, path) => {
    const disk = fresh()
    const sink = sinkOn(disk, { kind: 'json', bytes: 1e9 })
    await sink.open({ ...noEpochs, lineage: 'a1' })
    await sink.write(batch(0, 2))
    const prepared = await sink.prepare(1)
    await sink.commit(1, prepared)
    await sink.abort()
    disk.remove(path)
    const start = { lineage: 'a1', epoch: 1, prepared, marked: true }
    const error = await refusal(() => sinkOn(disk, { kind: 'json', bytes: 1e9 }).open(start))
    expect([error.class, error.code]).toEqual(['StateError', code])
  })

  test('F3 a file that somebody put where a part will be stops the job, and stays', async () => {
    const disk = fresh()
    const sink = sinkOn(disk, { kind: 'json', bytes: 1 })
    await sink.open({ ...noEpochs, lineage: 'a1' })
    await sink.write(batch(0, 2))
    const prepared = await sink.prepare(1)
    disk.open('/out/rows/part-00000.jsonl', 'create').append(Buffer.from('mine\n'))
    expect((await refusal(() => sink.commit(1, prepared))).code).toBe('ANB4008')
    expect(disk.readText('/out/rows/part-00000.jsonl')).toBe('mine\n')
  })

  test('a prepared epoch that is not of this sink is refused', async () => {
    const start = { lineage: 'a1', epoch: 1, prepared: { rows: 1 }, marked: false }
    const error = await refusal(() =>
      openAt(sinkOn(fresh(), { kind: 'json' }), { files: fresh(), store, epochs: [] }).then(() =>
        sinkOn(fresh(), { kind: 'json' }).open(start),
      ),
    )
    expect(error.code).toBe('ANB6001')
  })
})

/** What every source keeps: the same rows for every limit, in order, with the place of each; an end that stays the end. */
import { deepStrictEqual, fail, ok, strictEqual } from 'node:assert/strict'
import { type Polled, type Source, type SourcePosition } from '../../connectors/index.js'
import { type Case, type NumberedRow, numberedRows, rowsIn } from './cases.js'

export interface SourceUnderTest {
  readonly source: Source
  /** Called after `open`: for a source that is fed from outside. */
  readonly feed?: () => Promise<void>
  /** Called when the case is over, however it ended. */
  readonly dispose?: () => Promise<void>
}
/** Makes a source over splits of the numbered rows; the same call twice is the same input. */
export type MakeSource = (splits: readonly (readonly NumberedRow[])[]) => Promise<SourceUnderTest>

const splits = [numberedRows(0, 700), numberedRows(700, 701), numberedRows(701, 1_500)]
/** More than any source needs that gives one row a poll. */
const pollsMax = 10_000
const counted = Array.from({ length: 300 }, (_, i) => i + 1)

/**
 * One case for each promise of a source, for any test runner.
 *
 * ```ts
 * for (const { name, run } of sourceCases(make)) test(name, run)
 * ```
 */
export function sourceCases(make: MakeSource): readonly Case[] {
  const opened = (of: typeof splits, use: (source: Source) => Promise<void>): Promise<void> =>
    using(make, of, async ({ source, feed }) => {
      await source.open()
      await feed?.()
      await use(source)
      await source.close()
    })
  const limits = [1, 7, 256, 100_000].map(rowsMax => ({
    name: `all rows come, in order, with at most ${rowsMax} a poll`,
    run: () => opened(splits, source => allRowsCome(source, rowsMax)),
  }))
  const places = [1, 100].map(rowsMax => ({
    name: `the place of a row counts from 1 and does not depend on the limit: ${rowsMax} a poll`,
    run: () =>
      opened([numberedRows(0, 300)], async source => {
        deepStrictEqual(placesOf(await drained(source, rowsMax)), counted)
      }),
  }))
  return [
    ...limits,
    ...places,
    { name: 'progress counts the rows and ends with the total where there is one', run: () => opened(splits, counts) },
    { name: 'no rows is an end, and the end stays the end', run: () => opened([[]], endsOnce) },
    { name: 'a drain in the middle ends it, with rows that came in order', run: () => opened(splits, drainsInOrder) },
    ...[7, 256].map(rowsMax => ({
      name: `it goes on behind every batch with exactly the rest, or says that it cannot: ${rowsMax} rows a poll`,
      run: () => goesOn(make, rowsMax),
    })),
    { name: 'it can be closed twice, also before it was opened', run: () => using(make, splits, closesTwice) },
  ]
}

async function using(
  make: MakeSource,
  of: typeof splits,
  use: (made: SourceUnderTest) => Promise<void>,
): Promise<void> {
  const made = await make(of)
  try {
    await use(made)
  } finally {
    await made.dispose?.()
  }
}

async function allRowsCome(source: Source, rowsMax: number): Promise<void> {
  const all = await drained(source, rowsMax)
  deepStrictEqual(rowsOf(all), splits.flat())
  const most = Math.max(...all.map(one => one.batch.rows + one.dead.length))
  ok(most <= rowsMax, `expected at most ${rowsMax} rows a poll, got ${most}`)
}

async function counts(source: Source): Promise<void> {
  await drained(source, 1_000)
  const { rows, done, total } = source.progress()
  strictEqual(rows, 1_500)
  strictEqual(total ?? done, done)
}

async function endsOnce(source: Source): Promise<void> {
  deepStrictEqual(rowsOf(await drained(source, 1_000)), [])
  strictEqual(await source.poll({ rowsMax: 1, bytesMax: 1 }), null)
}

async function drainsInOrder(source: Source): Promise<void> {
  const first = await source.poll({ rowsMax: 10, bytesMax: 1 << 20 })
  source.drain()
  const rest = await drained(source, 10)
  const rows = rowsOf(first === null ? rest : [first, ...rest])
  deepStrictEqual(rows, splits.flat().slice(0, rows.length))
}

/** A source of the same input is opened behind some batches; the places come as JSON, as an epoch keeps them. */
async function goesOn(make: MakeSource, rowsMax: number): Promise<void> {
  const { polled, replayable } = await polledFrom(make, null, rowsMax)
  const nexts = polled.map(({ next }) => next)
  if (!replayable) return deepStrictEqual(nexts, Array(polled.length).fill(undefined))
  for (const at of new Set([0, 1, 2, 3, polled.length >> 1, polled.length - 2, polled.length - 1])) {
    const next = nexts[at]
    ok(next !== undefined, `expected where to go on behind batch ${at + 1}, got nothing`)
    const rest = await polledFrom(make, JSON.parse(JSON.stringify(next)), rowsMax === 7 ? 50 : 7)
    deepStrictEqual(rowsOf(rest.polled), rowsOf(polled.slice(at + 1)), `the rows behind batch ${at + 1}`)
    deepStrictEqual(placesOf(rest.polled), placesOf(polled.slice(at + 1)), `their places behind batch ${at + 1}`)
  }
}

/** All that a source of the splits gives from a place on. */
async function polledFrom(
  make: MakeSource,
  from: SourcePosition | null,
  rowsMax: number,
): Promise<{ readonly polled: readonly Polled[]; readonly replayable: boolean }> {
  let polled: readonly Polled[] = []
  let replayable = false
  await using(make, splits, async ({ source, feed }) => {
    await source.open(from)
    await feed?.()
    polled = await drained(source, rowsMax)
    replayable = source.replayable
    await source.close()
  })
  return { polled, replayable }
}

async function closesTwice({ source }: SourceUnderTest): Promise<void> {
  await source.close()
  await source.close()
}

/** Everything that a source gives until it ends. */
async function drained(source: Source, rowsMax: number): Promise<readonly Polled[]> {
  const all: Polled[] = []
  while (all.length < pollsMax) {
    const polled = await source.poll({ rowsMax, bytesMax: 1 << 20 })
    if (polled === null) return all
    all.push(polled)
  }
  return fail(`expected an end after ${splits.flat().length} rows, got ${pollsMax} batches and no end`)
}

const rowsOf = (polled: readonly Polled[]): readonly object[] => rowsIn(polled.map(one => one.batch))

const placesOf = (polled: readonly Polled[]): readonly number[] =>
  polled.flatMap(({ batch, firstPosition, positions }) =>
    Array.from({ length: batch.rows }, (_, i) => positions?.[i] ?? firstPosition + i),
  )

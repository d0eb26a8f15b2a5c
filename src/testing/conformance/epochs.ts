/**
 * What a sink keeps that shows rows in epochs: each row once after a crash at any place between `write`, `prepare` and `commit`,
 * nothing of an epoch before its commit, and a marker that says how far it got. A crash is a sink that is given up, and another
 * one that is made for the same place.
 */
import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import { type Prepared, type Sink, type SinkStart, noEpochs } from '../../connectors/index.js'
import { type Case, numberedBatch, numberedRows } from './cases.js'

export interface EpochSinkUnderTest {
  /** Another sink for the same place. */
  readonly again: () => Sink
  /** Rows of the numbered kind that a reader sees now, as JSON has them, in the order of their numbers. */
  readonly visible: () => Promise<readonly object[]>
  /** Called when the case is over, however it ended. */
  readonly dispose?: () => Promise<void>
}
/** Makes a place and sinks for it. */
export type MakeEpochSink = () => Promise<EpochSinkUnderTest>

const lineage = 'c0ffee0000000001'
const fresh: SinkStart = { ...noEpochs, lineage }

export function epochSinkCases(make: MakeEpochSink): readonly Case[] {
  const cases: Readonly<Record<string, (made: EpochSinkUnderTest) => Promise<void>>> = {
    'no row is visible before its epoch is committed, and all are at the end': hiddenUntilCommit,
    'an epoch that is committed twice is there once': committedTwice,
    'a crash before the first prepare leaves nothing': diesBeforePrepare,
    'a crash between prepare and commit: the next run commits it': diesBeforeCommit,
    'a crash behind a commit: what was written behind it is taken back': diesBehindCommit,
    'several prepared epochs are committed in their order': severalOpen,
    'the marker says the last epoch that was committed': markerSays,
    'a sink that joins a job at a later epoch goes on from there, and so does one that comes back': joinsLater,
    'what is prepared is plain JSON': preparedIsJson,
  }
  return Object.entries(cases).map(([name, run]) => ({
    name,
    run: async () => {
      const made = await make()
      try {
        await run(made)
      } finally {
        await made.dispose?.()
      }
    },
  }))
}

async function hiddenUntilCommit({ again, visible }: EpochSinkUnderTest): Promise<void> {
  const sink = await opened(again())
  await write(sink, 0, 250)
  deepStrictEqual(await visible(), [])
  const prepared = await sink.prepare(1)
  deepStrictEqual(await visible(), [])
  await sink.commit(1, prepared)
  await write(sink, 250, 300)
  await sink.commit(2, await sink.prepare(2))
  await sink.finish()
  deepStrictEqual(await visible(), numberedRows(0, 300))
}

async function committedTwice({ again, visible }: EpochSinkUnderTest): Promise<void> {
  const first = await opened(again())
  await write(first, 0, 100)
  const prepared = await first.prepare(1)
  await first.commit(1, prepared)
  await first.commit(1, prepared)
  await first.abort()
  const next = await opened(again(), { ...fresh, epoch: 1, prepared, marked: true })
  await next.commit(1, prepared)
  await next.finish()
  deepStrictEqual(await visible(), numberedRows(0, 100))
}

async function diesBeforePrepare({ again, visible }: EpochSinkUnderTest): Promise<void> {
  const first = await opened(again())
  await write(first, 0, 100)
  await first.abort()
  const next = await opened(again())
  await write(next, 0, 40)
  await next.commit(1, await next.prepare(1))
  await next.finish()
  deepStrictEqual(await visible(), numberedRows(0, 40))
}

async function diesBeforeCommit({ again, visible }: EpochSinkUnderTest): Promise<void> {
  const first = await opened(again())
  await write(first, 0, 100)
  const prepared = await first.prepare(1)
  await first.abort()
  deepStrictEqual(await visible(), [])
  const next = await opened(again(), { ...fresh, epoch: 1, prepared })
  await next.commit(1, prepared)
  await write(next, 100, 150)
  await next.commit(2, await next.prepare(2))
  await next.finish()
  deepStrictEqual(await visible(), numberedRows(0, 150))
}

async function diesBehindCommit({ again, visible }: EpochSinkUnderTest): Promise<void> {
  const first = await opened(again())
  await write(first, 0, 100)
  const prepared = await first.prepare(1)
  await first.commit(1, prepared)
  await write(first, 500, 600)
  await first.prepare(2)
  await first.abort()
  const next = await opened(again(), { ...fresh, epoch: 1, prepared, marked: true })
  await write(next, 100, 130)
  await next.commit(2, await next.prepare(2))
  await next.finish()
  deepStrictEqual(await visible(), numberedRows(0, 130))
}

async function severalOpen({ again, visible }: EpochSinkUnderTest): Promise<void> {
  const first = await opened(again())
  const prepared: Prepared[] = []
  for (const epoch of [1, 2, 3]) {
    await write(first, (epoch - 1) * 50, epoch * 50)
    prepared.push(await first.prepare(epoch))
  }
  await first.commit(1, prepared[0] ?? null)
  await first.abort()
  const next = await opened(again(), { ...fresh, epoch: 3, prepared: prepared[2] ?? null, marked: true })
  await next.commit(2, prepared[1] ?? null)
  await next.commit(3, prepared[2] ?? null)
  await next.finish()
  deepStrictEqual(await visible(), numberedRows(0, 150))
}

async function markerSays({ again }: EpochSinkUnderTest): Promise<void> {
  const first = again()
  strictEqual((await first.open(fresh)).applied, 0)
  await write(first, 0, 10)
  const one = await first.prepare(1)
  await first.commit(1, one)
  await write(first, 10, 20)
  const two = await first.prepare(2)
  await first.abort()
  const next = again()
  strictEqual((await next.open({ ...fresh, epoch: 2, prepared: two, marked: true })).applied, 1)
  await next.commit(2, two)
  await next.abort()
  const last = again()
  strictEqual((await last.open({ ...fresh, epoch: 2, prepared: two, marked: true })).applied, 2)
  await last.abort()
}

/** What it had prepared and not committed when it was left out is not its any more. */
async function joinsLater({ again, visible }: EpochSinkUnderTest): Promise<void> {
  const first = await opened(again(), { ...fresh, epoch: 7 })
  await write(first, 0, 100)
  const prepared = await first.prepare(8)
  await first.abort()
  const next = await opened(again(), { ...fresh, epoch: 8, prepared })
  await next.commit(8, prepared)
  await write(next, 500, 600)
  await next.prepare(9)
  await next.finish('unfinished')
  const shown = await visible()
  const back = again()
  strictEqual((await back.open({ ...fresh, epoch: 12 })).applied, 8)
  await write(back, 600, 650)
  await back.commit(13, await back.prepare(13))
  await back.finish()
  deepStrictEqual(await visible(), [...shown, ...numberedRows(600, 650)])
}

async function preparedIsJson({ again }: EpochSinkUnderTest): Promise<void> {
  const sink = await opened(again())
  await write(sink, 0, 10)
  const prepared = await sink.prepare(1)
  deepStrictEqual(JSON.parse(JSON.stringify(prepared)), prepared)
  await sink.commit(1, prepared)
  await sink.finish()
}

async function opened(sink: Sink, start: SinkStart = fresh): Promise<Sink> {
  await sink.open(start)
  return sink
}

async function write(sink: Sink, from: number, to: number): Promise<void> {
  const rows = numberedRows(from, to)
  for (let at = 0; at < rows.length; at += 40) await sink.write(numberedBatch(rows.slice(at, at + 40)))
}

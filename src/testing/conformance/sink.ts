/** What every sink keeps: each row once and in order after `finish`, nothing half visible, nothing of a failed run. */
import { deepStrictEqual, strictEqual } from 'node:assert/strict'
import { type OwnSinkLife, type Sink, noEpochs } from '../../connectors/index.js'
import { type Case, numberedBatch, numberedRows } from './cases.js'

export interface SinkUnderTest {
  readonly sink: Sink | OwnSinkLife
  /** Rows of the numbered kind that a reader sees now, as JSON has them. */
  readonly visible: () => Promise<readonly object[]>
  /** Called when the case is over, however it ended. */
  readonly dispose?: () => Promise<void>
}
/** Makes a sink for numbered rows. `rollBytes` is when a sink that rolls shall do so. */
export type MakeSink = (rollBytes: number) => Promise<SinkUnderTest>

/** What a reader can see: files when they are whole, rows as they are written, or nothing but their number. */
export type SinkKind = 'whole files' | 'at once' | 'counts'

const neverRolls = 1e9

export function sinkCases(make: MakeSink, kind: SinkKind): readonly Case[] {
  const opened = async (rollBytes: number, use: (made: SinkUnderTest) => Promise<void>): Promise<void> => {
    const made = await make(rollBytes)
    try {
      await made.sink.open(noEpochs)
      await use(made)
    } finally {
      await made.dispose?.()
    }
  }
  const seen = kind !== 'counts'
  const cases: Case[] = [1, 5_000, neverRolls].map(rollBytes => ({
    name: `every row is there once and in order, rolled after ${rollBytes} bytes`,
    run: () => opened(rollBytes, made => everyRowOnce(made, seen)),
  }))
  cases.push(
    { name: 'a batch without rows changes nothing, and so does no batch at all', run: () => opened(neverRolls, empty) },
    { name: 'it can be finished and aborted twice', run: () => opened(neverRolls, made => endsTwice(made, seen)) },
  )
  if (kind !== 'whole files') return cases
  return [
    ...cases,
    { name: 'rows are not visible before their file is whole', run: () => opened(neverRolls, hiddenUntilWhole) },
    { name: 'of a failed run only whole files stay', run: () => opened(neverRolls, nothingOfFailed) },
  ]
}

async function everyRowOnce({ sink, visible }: SinkUnderTest, seen: boolean): Promise<void> {
  await write(sink, 0, 1_234)
  strictEqual(await finished(sink), 1_234)
  if (seen) deepStrictEqual(await visible(), numberedRows(0, 1_234))
}

async function empty({ sink, visible }: SinkUnderTest): Promise<void> {
  await sink.write(numberedBatch([]))
  strictEqual(await finished(sink), 0)
  deepStrictEqual(await visible(), [])
}

async function endsTwice({ sink, visible }: SinkUnderTest, seen: boolean): Promise<void> {
  await write(sink, 0, 10)
  strictEqual(await finished(sink), 10)
  strictEqual(await finished(sink), 10)
  const files = await sink.abort()
  deepStrictEqual(await sink.abort(), files)
  if (seen) deepStrictEqual(await visible(), numberedRows(0, 10))
}

async function hiddenUntilWhole({ sink, visible }: SinkUnderTest): Promise<void> {
  await write(sink, 0, 1_000)
  deepStrictEqual(await visible(), [])
  await sink.finish()
  strictEqual((await visible()).length, 1_000)
}

async function nothingOfFailed({ sink, visible }: SinkUnderTest): Promise<void> {
  await write(sink, 0, 500)
  deepStrictEqual(await sink.abort(), [])
  deepStrictEqual(await visible(), [])
}

async function write(sink: SinkUnderTest['sink'], from: number, to: number): Promise<void> {
  for (let at = from; at < to; at += 100) await sink.write(numberedBatch(numberedRows(at, Math.min(to, at + 100))))
}

const finished = async (sink: SinkUnderTest['sink']): Promise<number> =>
  (await sink.finish()).reduce((sum, file) => sum + file.rows, 0)

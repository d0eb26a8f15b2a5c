/**
 * What every sink keeps, as a function that an implementation runs in a line: each row once and in order after
 * `finish`, nothing half visible, nothing of a failed run that was not whole.
 */
import { describe, expect, test } from 'vitest'
import { type Sink } from '../../src/connectors/index.js'
import { type Row, batchOf, numberedRows, numberedSchema } from '../support/connectors.js'

export interface SinkUnderTest {
  readonly sink: Sink
  /** Rows that a reader sees now. */
  readonly visible: () => Promise<readonly Row[]>
}
/** `rollBytes` is when a sink that rolls shall do so. */
export type MakeSink = (rollBytes: number) => Promise<SinkUnderTest>

export function sinkKeepsItsContract(name: string, make: MakeSink, kind: 'whole files' | 'at once' | 'counts'): void {
  describe(`${name} keeps the contract of a sink`, () => {
    const write = async (sink: Sink, from: number, to: number): Promise<void> => {
      for (let at = from; at < to; at += 100) {
        await sink.write(batchOf(numberedSchema, numberedRows(at, Math.min(to, at + 100))))
      }
    }
    const count = async (sink: Sink): Promise<number> => (await sink.finish()).reduce((sum, file) => sum + file.rows, 0)

    test.each([1, 5_000, 1e9])('every row is there once and in order, rolled after %i bytes', async rollBytes => {
      const { sink, visible } = await make(rollBytes)
      await sink.open()
      await write(sink, 0, 1234)
      expect(await count(sink)).toBe(1234)
      if (kind !== 'counts') expect(await visible()).toEqual(numberedRows(0, 1234))
    })

    test('a batch without rows changes nothing, and so does no batch at all', async () => {
      const { sink, visible } = await make(1e9)
      await sink.open()
      await sink.write(batchOf(numberedSchema, []))
      expect(await count(sink)).toBe(0)
      expect(await visible()).toEqual([])
    })

    test('it can be finished and aborted twice', async () => {
      const { sink, visible } = await make(1e9)
      await sink.open()
      await write(sink, 0, 10)
      expect(await count(sink)).toBe(10)
      expect(await count(sink)).toBe(10)
      const files = await sink.abort()
      expect(files).toEqual(await sink.abort())
      if (kind !== 'counts') expect(await visible()).toEqual(numberedRows(0, 10))
    })

    if (kind !== 'whole files') return
    test('rows are not visible before their file is whole', async () => {
      const { sink, visible } = await make(1e9)
      await sink.open()
      await write(sink, 0, 1000)
      expect(await visible()).toEqual([])
      await sink.finish()
      expect(await visible()).toHaveLength(1000)
    })

    test('of a failed run only whole files stay', async () => {
      const { sink, visible } = await make(1e9)
      await sink.open()
      await write(sink, 0, 500)
      expect(await sink.abort()).toEqual([])
      expect(await visible()).toEqual([])
    })
  })
}

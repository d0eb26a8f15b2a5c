/**
 * What every source keeps, as a function that an implementation runs in a line: the same rows for every limit, in
 * order, with the place of each; an end that stays the end; closing twice.
 */
import { describe, expect, test } from 'vitest'
import { type Source } from '../../src/connectors/index.js'
import { type Row, drainAll, numberedRows, placesOf, rowsIn, rowsOfAll } from '../support/connectors.js'

export interface SourceUnderTest {
  readonly source: Source
  /** Called after `open`: for a source that is fed from outside. */
  readonly feed?: () => Promise<void>
}
/** Makes a source over splits of the numbered rows; the same call twice is the same input. */
export type MakeSource = (splits: readonly (readonly Row[])[]) => Promise<SourceUnderTest>

export function sourceKeepsItsContract(name: string, make: MakeSource): void {
  describe(`${name} keeps the contract of a source`, () => {
    const splits = [numberedRows(0, 700), numberedRows(700, 701), numberedRows(701, 1500)]
    const opened = async (of: readonly (readonly Row[])[]): Promise<Source> => {
      const { source, feed } = await make(of)
      await source.open()
      await feed?.()
      return source
    }

    test.each([1, 7, 256, 100_000])('all rows come, in order, with at most %i a poll', async rowsMax => {
      const source = await opened(splits)
      const all = await drainAll(source, rowsMax)
      expect(rowsOfAll(all)).toEqual(splits.flat())
      expect(Math.max(...all.map(one => one.batch.rows + one.dead.length))).toBeLessThanOrEqual(rowsMax)
      await source.close()
    })

    test('the place of a row does not depend on the limit, and counts from 1', async () => {
      const [one, many] = [await opened([numberedRows(0, 300)]), await opened([numberedRows(0, 300)])]
      const positions = async (source: Source, rowsMax: number): Promise<readonly number[]> =>
        placesOf(await drainAll(source, rowsMax)).map(place => Number(place.split(':').at(-1)))
      const counted = Array.from({ length: 300 }, (_, i) => i + 1)
      expect(await positions(one, 1)).toEqual(counted)
      expect(await positions(many, 100)).toEqual(counted)
      await one.close()
      await many.close()
    })

    test('progress counts the rows and ends with the total where there is one', async () => {
      const source = await opened(splits)
      await drainAll(source)
      const { rows, done, total } = source.progress()
      expect(rows).toBe(1500)
      expect(total ?? done).toBe(done)
      await source.close()
    })

    test('no rows is an end, and the end stays the end', async () => {
      const source = await opened([[]])
      expect(rowsOfAll(await drainAll(source))).toEqual([])
      expect(await source.poll({ rowsMax: 1, bytesMax: 1 })).toBeNull()
      await source.close()
    })

    test('a drain in the middle ends it, with rows that came in order', async () => {
      const source = await opened(splits)
      const first = await source.poll({ rowsMax: 10, bytesMax: 1 << 20 })
      source.drain()
      const rest = await drainAll(source, 10)
      const rows = [...(first === null ? [] : rowsIn(first.batch)), ...rowsOfAll(rest)]
      expect(rows).toEqual(splits.flat().slice(0, rows.length))
      await source.close()
    })

    test('it can be closed twice, also before it was opened', async () => {
      const { source } = await make(splits)
      await source.close()
      await source.close()
    })
  })
}

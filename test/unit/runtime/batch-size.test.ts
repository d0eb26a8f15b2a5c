/** How many rows travel together: what it is told a call cost, and the limit that follows. */
import { describe, expect, test } from 'vitest'
import { BatchSize, type BatchSizeTerms } from '../../../src/runtime/pace/index.js'
import { tell } from '../../support/story.js'

/** Events: `call ROWS US` with 8 bytes a row, or `call ROWS US BYTES`, or `call ROWS US BYTES WANTED`. */
function check(terms: Partial<BatchSizeTerms>, text: string): void {
  const size = new BatchSize({ rowsMax: 32_768, bytesMax: 1 << 20, ...terms })
  expect(size.rows).toBe(Math.min(256, terms.rowsMax ?? 256))
  tell(text, event => {
    const [, rows = 0, us = 0, bytes = 8 * rows, rowsWanted = 0] = event.split(' ').map(Number)
    size.observe({ rows, us, bytes, rowsWanted })
    return [`${size.rows}`]
  })
}

describe('the rows of a call', () => {
  test('grow fourfold with each cheap call, up to the most that a call may have', () =>
    check(
      {},
      `
      event              ->  rows
      call 256 10            1024
      call 1024 40           4096
      call 4096 160          16384
      call 16384 640         32768
      call 32768 1280        32768
      `,
    ))

  test('never exceed --batch-rows', () =>
    check(
      { rowsMax: 97 },
      `
      event              ->  rows
      call 97 1              97
      call 97 1              97
      `,
    ))

  test('are about 10 ms of a costly transform', () =>
    check(
      {},
      `
      event              ->  rows
      call 256 256000        10        // 1 ms a row
      call 10 10000          10
      call 10 10000          10
      `,
    ))

  test('are as many as wait for a service beside each other, however long that takes', () =>
    check(
      {},
      `
      event                       ->  rows
      call 256 256000 2048 128        128
      call 128 128000 1024 128        128
      call 128 128000 1024 3          10       // they would come too close to the deadline
      `,
    ))

  test('are one at least, whatever a row costs', () =>
    check(
      {},
      `
      event              ->  rows
      call 4 4000000         1
      call 1 1000000         1
      `,
    ))

  test('fill a frame and no more', () =>
    check(
      { bytesMax: 1_000 },
      `
      event                  ->  rows
      call 100 1 10000           10
      `,
    ))

  test('stay many where a call costs the same however few they are', () =>
    check(
      {},
      `
      event              ->  rows
      call 256 50000         51
      call 51 50000          256       // as long as before: it is the call that costs, not its rows
      call 256 50000         1024
      `,
    ))

  // It was taken for what every call costs, so that a row cost nothing: 10 rows became 256.
  test('become fewer after one very slow call, however few rows it had', () =>
    check(
      {},
      `
      event              ->  rows
      call 256 256000        10
      call 10 10000          10
      call 1 1000000         3
      `,
    ))

  test.each([
    ['are about 10 ms again after one slow call', [1, 1_000_000], (rows: number) => 1_000 * rows, [8, 15]],
    ['follow calls that become slow in themselves', [4_096, 4_096], (rows: number) => 50_000 + rows, [16_384, 32_768]],
  ] as const)('%s', (_, [rows, us], costOf, [least, most]) => {
    const size = new BatchSize({ rowsMax: 32_768, bytesMax: 1 << 20 })
    size.observe({ rows, us, bytes: 8 * rows, rowsWanted: 0 })
    for (let call = 0; call < 25; call += 1)
      size.observe({ rows: size.rows, us: costOf(size.rows), bytes: 8 * size.rows, rowsWanted: 0 })
    expect(size.rows).toBeGreaterThanOrEqual(least)
    expect(size.rows).toBeLessThanOrEqual(most)
  })

  test('say what a call of so many rows should take, and 0 before the first', () => {
    const size = new BatchSize({ rowsMax: 1_000, bytesMax: 1e9 })
    expect(size.expectedUs(500)).toBe(0)
    for (const rows of [10, 20, 40, 80]) size.observe({ rows, us: 1_000 + 5 * rows, bytes: rows, rowsWanted: 0 })
    expect(size.expectedUs(500)).toBeCloseTo(3_500, 6)
  })

  test('without a row teach nothing', () => {
    const size = new BatchSize({ rowsMax: 1_000, bytesMax: 1e9 })
    size.observe({ rows: 0, us: 1e9, bytes: 0, rowsWanted: 0 })
    expect([size.rows, size.expectedUs(1)]).toEqual([256, 0])
  })
})

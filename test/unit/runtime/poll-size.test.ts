/** How many rows a source gives at once: what calls were seen to cost, and the rows of a poll that follow. */
import { describe, expect, test } from 'vitest'
import { BatchSize, pollSize } from '../../../src/runtime/pace/index.js'

/** A stage whose calls cost so much by themselves, and so much a row. */
function stage(lanes: number, cost: { readonly fixedUs: number; readonly rowUs: number }) {
  const size = new BatchSize({ rowsMax: 32_768, bytesMax: 1 << 20 })
  for (let i = 0; i < 20; i += 1) {
    const rows = i % 2 === 0 ? size.rows : Math.ceil(size.rows / 2)
    size.observe({ rows, us: cost.fixedUs + cost.rowUs * rows, bytes: 8 * rows, rowsWanted: 0 })
  }
  return { size, lanes }
}
const unknown = { size: new BatchSize({ rowsMax: 32_768, bytesMax: 1 << 20 }), lanes: 4 }

describe('the rows of a poll', () => {
  test('are a full call where calls are quick, and 8,192 at least', () => {
    expect(pollSize([stage(4, { fixedUs: 50, rowUs: 0.02 })], 32_768)).toBe(32_768)
    expect(pollSize([], 32_768)).toBe(8_192)
    expect(pollSize([], 1_000)).toBe(1_000)
  })

  test('are a call for each lane where calls are slow: a cut does not wait for many of them', () => {
    const slow = stage(4, { fixedUs: 0, rowUs: 1_000 })
    expect(slow.size.rows).toBe(10)
    expect(pollSize([slow], 32_768)).toBe(36)
    expect(pollSize([stage(1, { fixedUs: 0, rowUs: 20_000 })], 32_768)).toBe(1)
  })

  test('are as large a part of a call for each lane as a poll may be: the same number of polls fills a call', () => {
    const { size, lanes } = stage(4, { fixedUs: 20_000, rowUs: 0 })
    expect(size.rows).toBe(32_768)
    const rows = pollSize([{ size, lanes }], 32_768)
    expect(rows).toBe(29_491)
    const share = rows / lanes
    expect([Math.floor(size.rows / share), rows <= 32_768]).toEqual([4, true])
  })

  test('are few before anybody knows what a call costs', () => {
    expect(pollSize([unknown], 32_768)).toBe(921)
  })

  test('are those of the slowest stage that a source gives rows to', () => {
    expect(pollSize([stage(4, { fixedUs: 50, rowUs: 0.02 }), stage(4, { fixedUs: 0, rowUs: 1_000 })], 32_768)).toBe(36)
  })
})

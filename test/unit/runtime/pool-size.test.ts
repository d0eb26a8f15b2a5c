/** How many workers a load is worth, as tables: each line is one second, told in four parts. */
import { describe, expect, test } from 'vitest'
import { PoolSize } from '../../../src/runtime/pace/index.js'
import { tell } from '../../support/story.js'

/**
 * `3 of 4` for a second: so many of the active workers had a call; `starved`: work waited beside it; `x 10`: ten such seconds.
 * The pool is changed as the rule says, from 1 to 8; the cell is what it has then.
 */
function check(text: string, first = 2): void {
  const size = new PoolSize()
  let workers = first
  tell(text, event => {
    const [, share = '', starved, times] = /^(\S+)%( starved)?(?: x (\d+))?$/.exec(event) ?? []
    for (let n = 0; n < Number(times ?? 1); n += 1)
      for (let part = 0; part < 4; part += 1) {
        const load = { ms: 250, busy: (workers * Number(share)) / 100, active: workers, starved: starved !== undefined }
        workers = Math.min(8, Math.max(1, workers + size.observe(load)))
      }
    return [String(workers)]
  })
}

describe('the size of a pool by load', () => {
  test('grows by one for each second in which work waited and all hands were full', () =>
    check(`
      event            ->  workers
      100% starved         3
      100% starved         4
      80% starved          5
      100% starved x 9     8            // and no further than it may
    `))

  test('stays as it is where workers are busy but nothing waits, or work waits for something else', () =>
    check(`
      event           ->  workers
      100% x 60           2
      79% starved x 60    2             // held lanes, a full output: more hands would not help
      55% x 60            2
    `))

  test('shrinks by one after ten seconds in which one fewer would have had time to spare', () =>
    check(
      `
      event      ->  workers
      30% x 9        4
      30%            3
      40% x 9        3
      40%            2
      20% x 10       1
      0% x 100       1
      `,
      4,
    ))

  test('a busy second in between begins the ten seconds anew', () =>
    check(`
      event     ->  workers
      10% x 9       2
      90%           2
      10% x 9       2
      10%           1
    `))

  test('does not swing: the same load after a change asks for no other one', () => {
    const size = new PoolSize()
    // Work for two and a half workers, forever.
    let workers = 1
    const seen: number[] = []
    for (let second = 0; second < 600; second += 1) {
      const busy = Math.min(workers, 2.5)
      workers += size.observe({ ms: 1_000, busy, active: workers, starved: busy === workers })
      if (workers !== seen.at(-1)) seen.push(workers)
    }
    expect(seen).toEqual([2, 3])
  })

  test('each minute in which the host stood still is one look', () => {
    const size = new PoolSize()
    for (let n = 0; n < 9; n += 1) expect(size.observe({ ms: 60_000, busy: 0, active: 4, starved: false })).toBe(0)
  })
})

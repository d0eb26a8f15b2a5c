/** What a stage sends, and when, as stories (see settlement.test.ts for how they are read). */
import { describe, expect, test } from 'vitest'
import { StateError } from '../../../src/base/index.js'
import { type FunctionName } from '../../../src/testing/simulation/functions.js'
import { DrivenEngine, type DrivenOptions } from '../../support/engine.js'
import { tell } from '../../support/story.js'

function check(names: readonly FunctionName[], options: DrivenOptions, text: string): DrivenEngine {
  const engine = new DrivenEngine(names, options)
  tell(text, engine.play)
  return engine
}

describe('a null key', () => {
  const rows = (calls: string, dead: string): string => `
    event          ->  calls       rows    dead
    ready 1            .           .       .
    rows a - b -       ${calls}    .       ${dead}
  `
  test('is a dead letter and no row of a call', () => {
    const engine = check(['tally'], {}, rows('1: 1 3', '2 ANB2006, 4 ANB2006'))
    expect(engine.letters[0]?.error.message).toContain('null key')
  })
  test("is dropped and counted with nullKeys 'drop'", () => {
    const engine = check(['tally'], { nullKeys: 'drop' }, rows('1: 1 3', '.'))
    expect(engine.counts.get('rows.dropped')).toBe(2)
  })
  test("is a key like another with nullKeys 'group'", () =>
    void check(['tally'], { nullKeys: 'group' }, rows('1: 1-4', '.')))
  test('is nothing to a stage without key', () => void check(['scale'], {}, rows('1: 1-4', '.')))
})

describe('the end of the input', () => {
  test('is final: what fails behind it, as a write of state beyond memory may, is no failure of the job', () => {
    const driven = new DrivenEngine(['scale'])
    for (const event of ['ready 1', 'rows a b', 'answers 1', 'written', 'end']) driven.hear(event)
    driven.engine.sinkFinished(0, 0)
    driven.engine.stop(new StateError('ANB6011', 'not written'))
    expect(driven.error).toBeNull()
  })
  test('calls at_end once, after the last row is settled, over all keys of the lane by their key groups', () => {
    const engine = check(
      ['tally'],
      {},
      `
      event          ->  calls               rows                       dead
      ready 1            .                   .                          .
      rows b a b         1: 1-3              .                          .
      end                .                   .                          .     // rows are away
      raises 1           1: 1                .                          .
      answers 1          1: 2-3              .                          .
      answers 1          1: end of 2 keys    1-3                        .
      written            .                   .                          .
      answers 1          .                   side 1: 2 rows, the end    .
      written            .                   the end                    .
      `,
    )
    expect(engine.written[1]?.map(row => [row['k'], row['n']])).toEqual([
      ['b', 2n],
      ['a', 1n],
    ])
  })

  test('halves the keys of an at_end that raises; the key that raises alone is dead, though no row of the source is', () => {
    const engine = check(
      ['tally'],
      {},
      `
      event          ->  calls              rows                       dead
      ready 1            .                  .                          .
      rows a b c         1: 1-3             .                          .
      answers 1          .                  1-3                        .
      end                1: end of 3 keys   .                          .
      raises 1           1: end of 1 keys   .                          .
      raises 1           1: end of 2 keys   .                          - ANB2001
      answers 1          .                  side 1: 2 rows             .
      `,
    )
    expect(engine.written[1]?.map(row => row['k'])).toEqual(['b', 'a'])
    expect([engine.engine.ledger.rowsIn, engine.engine.ledger.rowsDead]).toEqual([3, 0])
  })

  test('calls at_end for each lane that has keys', () =>
    void check(
      ['tally'],
      { lanes: 128, pool: { creditPerWorker: 2 } },
      `
      event          ->  calls                                rows          dead
      ready 1            .                                    .             .
      rows a b           1: 2, 1: 1                           .             .     // b is of the earlier lane
      answers 1          .                                    2             .
      answers 1          .                                    .             .
      written            .                                    1             .
      end                1: end of 1 keys, 1: end of 1 keys   .             .
      `,
    ))

  test('calls no at_end for a lane without keys', () =>
    void check(
      ['tally'],
      {},
      `
      event          ->  calls     rows                dead
      ready 1            .         .                   .
      end                .         the end, the end    .
      `,
    ))
})

describe('without room', () => {
  test('behind it a stage makes no call, and the source is not asked for more', () => {
    const engine = new DrivenEngine(['scale'], { rowsMax: 1 })
    engine.hear('ready 1')
    let calls = 0
    // The sink takes one batch and never says that it is written.
    for (let given = 0; given < 1_000 && engine.asksForRows; given += 1) {
      engine.hear('rows a')
      while (engine.said().calls !== '') {
        calls += 1
        engine.hear('answers 1')
      }
    }
    // One batch is at the sink, 64 wait before it (edgeLimit), and the same number before the stage.
    expect(engine.asksForRows).toBe(false)
    expect(calls).toBe(65)
    engine.hear('written')
    expect(engine.said().calls).not.toBe('')
  })
})

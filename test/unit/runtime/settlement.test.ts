/**
 * What the end of a call does to its rows, as stories: one engine, told one event after the other. `rows a a b` gives
 * rows with ids 1, 2, 3 and these keys; the columns are the calls (`worker: ids`), the rows and the dead rows that follow.
 */
import { describe, expect, test } from 'vitest'
import { type FunctionName } from '../../../src/testing/simulation/functions.js'
import { DrivenEngine, type DrivenOptions } from '../../support/engine.js'
import { tell } from '../../support/story.js'

function check(names: readonly FunctionName[], options: DrivenOptions, text: string): DrivenEngine {
  const engine = new DrivenEngine(names, options)
  tell(text, engine.play)
  return engine
}

/** What `tally` counted for each row of the main sink: whether it saw the right state. */
const nths = (engine: DrivenEngine): readonly number[] => (engine.written[0] ?? []).map(row => Number(row['nth']))

describe('a reply', () => {
  test('gives its rows and its state once; when it comes again nothing changes', () => {
    const engine = check(
      ['tally'],
      {},
      `
      event        ->  calls     rows    dead
      ready 1          .         .       .
      rows a a b       1: 1-3    .       .
      answers 1        .         1-3     .
      late             .         .       .
      written          .         .       .
      rows a           1: 4      .       .
      answers 1        .         4       .
      `,
    )
    expect(nths(engine)).toEqual([1, 2, 1, 3])
    expect(engine.counts.get('reply.stale')).toBe(1)
  })

  test('of a worker that was lost changes nothing, before its rows are answered and after', () => {
    const engine = check(
      ['tally'],
      { pool: { spares: 1 } },
      `
      event            ->  calls     rows    dead
      ready 1              .         .       .
      ready 2              .         .       .
      rows a               1: 1      .       .
      answers 1            .         1       .
      written              .         .       .
      rows a a             1: 2-3    .       .
      lost 1 replaced      2: 2-3    .       .
      late                 .         .       .       // of 1
      answers 2            .         2-3     .
      late                 .         .       .
      `,
    )
    expect(nths(engine)).toEqual([1, 2, 3])
  })

  test('leaves a stage without key in the order of the rows, whichever comes first', () =>
    void check(
      ['scale'],
      { rowsMax: 2, pool: { creditPerWorker: 3 } },
      `
      event             ->  calls                     rows    dead
      ready 1               .                         .       .
      rows a b c d e        1: 1-2, 1: 3-4, 1: 5      .       .
      answers 1 last        .                         .       .
      answers 1             .                         1-2     .
      answers 1             .                         .       .     // the sink is busy
      written               .                         3-5     .
      `,
    ))

  test('frees its lane, of which one call is out at a time', () =>
    void check(
      ['tally'],
      { lanes: 2, pool: { workersMax: 2, creditPerWorker: 2 } },
      `
      event             ->  calls     rows    dead
      ready 1               .         .       .
      rows a a              1: 1-2    .       .
      rows a a              .         .       .     // its state is away
      answers 1             1: 3-4    1-2     .
      answers 1             .         .       .
      written               .         3-4     .
      `,
    ))

  test('with rows that were refused buries them, and the others have the state as if those had never come', () => {
    const engine = check(
      ['tally'],
      {},
      `
      event            ->  calls     rows    dead
      ready 1              .         .       .
      rows a a!4 a b!4     1: 1-4    .       .            // !4: the transform refuses the row
      answers 1            .         1 3     2 ANB2002, 4 ANB2002
      written              .         .       .
      rows a b             1: 5-6    .       .
      answers 1            .         5-6     .
      `,
    )
    expect(nths(engine)).toEqual([1, 2, 3, 1])
  })

  test('of rows that were filtered or multiplied is joined to the rows that it names', () => {
    const engine = check(
      ['keep', 'spread'],
      { rowsMax: 10 },
      `
      event             ->  calls        rows       dead
      ready 1               .            .          .
      rows a b c d e        1: 5 rows    .          .
      answers 1             .            1-2 2 4-5 5  .      // 3 is dropped, 2 and 5 have two children
      `,
    )
    expect(engine.written[0]?.map(row => row['k'])).toEqual(['a', 'b', 'b', 'd', 'e', 'e'])
  })
})

describe('a call that raises', () => {
  test('is halved; the second half runs on the state that the first half left', () => {
    const engine = check(
      ['tally'],
      {},
      `
      event          ->  calls     rows    dead
      ready 1            .         .       .
      rows a a a a       1: 1-4    .       .
      raises 1           1: 1-2    .       .
      answers 1          1: 3-4    .       .
      answers 1          .         1-4     .
      `,
    )
    expect(nths(engine)).toEqual([1, 2, 3, 4])
  })

  test('loses the one row that raises alone; the good rows stay, in order, and their state with them', () => {
    const engine = check(
      ['tally'],
      {},
      `
      event          ->  calls     rows    dead
      ready 1            .         .       .
      rows a a a b       1: 1-4    .       .
      raises 1           1: 1-2    .       .
      raises 1           1: 1      .       .
      answers 1          1: 2      .       .
      raises 1           1: 3-4    .       2 ANB2001
      answers 1          .         1 3-4   .
      written            .         .       .
      rows a             1: 5      .       .
      answers 1          .         5       .
      `,
    )
    expect(nths(engine)).toEqual([1, 2, 1, 3])
  })

  test('leaves no state of its own', () => {
    const engine = check(
      ['tally'],
      {},
      `
      event          ->  calls     rows    dead
      ready 1            .         .       .
      rows a             1: 1      .       .
      raises 1           .         .       1 ANB2001
      rows a b           1: 2-3    .       .
      answers 1          .         2-3     .
      `,
    )
    expect(nths(engine)).toEqual([1, 1])
  })

  test('of a contract stops the job', () =>
    void check(
      ['tally'],
      {},
      `
      event          ->  calls     rows    dead
      ready 1            .         .       .
      rows a a           1: 1-2    .       .
      breaks 1           .         .       stops ANB2104
      `,
    ))

  test('for a service that is away is held, longer each time, and no row is dead for it', () =>
    void check(
      ['tally'],
      {},
      `
      at     event          ->  calls     rows    dead
      0      ready 1            .         .       .
      0      rows a a           1: 1-2    .       .
      0      waits 1            .         .       .
      99     tick               .         .       .
      100    tick               1: 1-2    .       .
      100    waits 1            .         .       .
      299    tick               .         .       .
      300    tick               1: 1-2    .       .
      300    answers 1          .         1-2     .
      300    written            .         .       .
      300    rows a             1: 3      .       .
      300    waits 1            .         .       .
      400    tick               1: 3      .       .      // it had answered: from the beginning
      `,
    ))

  test('for a service that stays away stops the job after the limit, with nothing dead', () =>
    void check(
      ['tally'],
      { transientMaxMs: 150 },
      `
      at     event          ->  calls     rows    dead
      0      ready 1            .         .       .
      0      rows a a           1: 1-2    .       .
      0      waits 1            .         .       .
      100    tick               1: 1-2    .       .
      150    waits 1            .         .       stops ANB2010
      `,
    ))

  test('sixteen times for single rows, before any worked, stops the job', () => {
    const engine = new DrivenEngine(['scale'], { rowsMax: 1 })
    engine.hear('ready 1')
    engine.hear(`rows${' a'.repeat(20)}`)
    for (let i = 0; i < 15; i += 1) engine.hear('raises 1')
    expect(engine.error).toBeNull()
    engine.hear('raises 1')
    expect(engine.error?.code).toBe('ANB2005')
    expect(engine.letters).toHaveLength(16)
  })

  test('more than maxDead times for single rows stops the job', () =>
    void check(
      ['scale'],
      { rowsMax: 1, maxDead: 1 },
      `
      event          ->  calls     rows    dead
      ready 1            .         .       .
      rows a b c         1: 1      .       .
      answers 1          1: 2      1       .
      raises 1           1: 3      .       2 ANB2001
      raises 1           .         .       stops ANB2004
      `,
    ))
})

describe('a worker that is lost with rows in hand', () => {
  const pool = { spares: 1 } as const

  test('costs them one call more; with the second one they are halved, and one row alone is dead', () => {
    const engine = check(
      ['tally'],
      { pool },
      `
      event          ->  calls     rows    dead
      ready 1            .         .       .
      ready 2            .         .       .
      rows a a           1: 1-2    .       .
      lost 1 crash       2: 1-2    .       .
      ready 3            .         .       .
      lost 2 crash       3: 1      .       .
      answers 3          3: 2      .       .
      ready 4            .         .       .
      lost 3 crash       4: 2      .       .
      ready 5            .         .       .
      lost 4 crash       .         1       2 ANB2008
      `,
    )
    expect(nths(engine)).toEqual([1])
  })

  test('from outside is no evidence against a row until the fourth time', () =>
    void check(
      ['tally'],
      { pool: { spares: 1 } },
      `
      event            ->  calls     rows    dead
      ready 1              .         .       .
      ready 2              .         .       .
      rows a               1: 1      .       .
      lost 1 outside       2: 1      .       .
      ready 3              .         .       .
      lost 2 outside       3: 1      .       .
      ready 4              .         .       .
      lost 3 deadline      4: 1      .       .
      ready 5              .         .       .
      lost 4 outside       .         .       1 ANB2008
      `,
    ))

  test('which we replaced says nothing against them', () =>
    void check(
      ['tally'],
      { pool },
      `
      event            ->  calls     rows    dead
      ready 1              .         .       .
      ready 2              .         .       .
      rows a a             1: 1-2    .       .
      lost 1 replaced      2: 1-2    .       .
      ready 3              .         .       .
      lost 2 crash         3: 1-2    .       .     // the first loss that counts
      answers 3            .         1-2     .
      `,
    ))

  test('blames only the rows that it had begun', () =>
    void check(
      ['scale'],
      { rowsMax: 2, pool: { spares: 1, creditPerWorker: 2 } },
      `
      event            ->  calls              rows    dead
      ready 1              .                  .       .
      ready 2              .                  .       .
      rows a a a a         1: 1-2, 1: 3-4     .       .
      lost 1 crash         2: 1-2             .       .     // nothing stands behind rows that a worker was lost with
      answers 2            2: 3-4             1-2     .
      ready 3              .                  .       .
      lost 2 crash         3: 3-4             .       .     // their first loss, so they are not halved
      answers 3            .                  .       .
      written              .                  3-4     .
      `,
    ))

  test('at its deadline was killed after two looks, so that a reply in the socket is read between them', () =>
    void check(
      ['scale'],
      { pool },
      `
      at       event            ->  calls                 rows    dead
      0        ready 1              .                     .       .
      0        ready 2              .                     .       .
      0        rows a a             1: 1-2                .       .
      1000     tick                 .                     .       .
      1001     tick                 .                     .       .
      1002     tick                 kill 1 (deadline)     .       .
      1003     lost 1 deadline      2: 1-2                .       .
      1003     answers 2            .                     1-2     .
      `,
    ))
})

describe('a frame that is not what the stage declared', () => {
  const pool = { spares: 1 } as const

  test('is refused whole: its worker is replaced, its rows are sent again', () => {
    const engine = check(
      ['tally'],
      { pool },
      `
      event            ->  calls                          rows    dead
      ready 1              .                              .       .
      ready 2              .                              .       .
      rows a a             1: 1-2                         .       .
      lies 1               kill 1 (protocol), 2: 1-2      .       .
      lost 1 replaced      .                              .       .
      answers 2            .                              1-2     .
      `,
    )
    expect(nths(engine)).toEqual([1, 2])
  })

  test('twice in a row stops the job; a good reply between them begins anew', () => {
    const twice = `
      event            ->  calls                          rows    dead
      ready 1              .                              .       .
      ready 2              .                              .       .
      rows a a             1: 1-2                         .       .
      lies 1               kill 1 (protocol), 2: 1-2      .       .
      lost 1 replaced      .                              .       .
      ready 3              .                              .       .
    `
    check(
      ['tally'],
      { pool },
      `${twice}
      lies 2               kill 2 (protocol)              .       stops ANB5003
    `,
    )
    check(
      ['tally'],
      { pool },
      `${twice}
      answers 2            .                              1-2     .
      rows a               2: 3                           .       .
      lies 2               kill 2 (protocol), 3: 3        .       .
    `,
    )
  })
})

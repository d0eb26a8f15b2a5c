/** The pool of workers as stories: who is started, who gets work, who is replaced, and when it gives up. */
import { describe, test } from 'vitest'
import { checkPool as check } from '../../support/pool-story.js'

describe('a pool', () => {
  test('starts one worker, and its spare when that one is ready', () =>
    check(
      {},
      `
      event     ->  work      does
      look          .         spawn 1
      look          .         .            // asked again: it is on its way
      ready 1       .         spawn 2      // two starts at once would delay the first row
      ready 2       .         .
      `,
    ))

  test('without a spare starts only those that have work', () =>
    check(
      { spares: 0 },
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         .
      work          to 1      .
      work          to 1      .
      work          nobody    spawn 2
      `,
    ))

  test('gives work to the active worker with the least of it, up to its credit, and to the spare only when all are full', () =>
    check(
      {},
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         spawn 2
      ready 2       .         .
      work          to 1      .            // 2 is the spare
      work          to 1      .
      work          nobody    spawn 3      // 2 is active from now on, and 3 will be the spare
      work          to 2      .
      done 1        .         .
      work          to 1      .            // the first of two with the same load
      work          to 2      .
      work          nobody    .            // two at most
      `,
    ))

  test('replaces a dead worker by its spare at once, and starts the next spare when that one has had a start', () =>
    check(
      { spareDelayMs: 100 },
      `
      at      event     ->  work      does
      0       look          .         spawn 1
      400     ready 1       .         spawn 2
      800     ready 2       .         .
      900     work          to 1      .
      950     lost 1        .         .            // its imports would compete with the batch that runs again
      950     work          to 2      .
      1049    look          .         .
      1050    look          .         spawn 3
      `,
    ))

  test('starts the next one at once where nobody is left', () =>
    check(
      { spareDelayMs: 100 },
      `
      at      event     ->  work      does
      0       look          .         spawn 1
      400     ready 1       .         spawn 2
      800     ready 2       .         .
      900     work          to 1      .
      950     lost 1        .         .
      950     work          to 2      .
      960     lost 2        .         spawn 3, spawn 4
      `,
    ))

  test('gives nothing to a worker that was killed, before its end is known', () =>
    check(
      {},
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         spawn 2
      ready 2       .         .
      kill 1        .         spawn 3      // the next one need not wait for the end of this one
      work          to 2      .
      lost 1        .         .
      `,
    ))

  test('gives nothing behind a batch that was lost before, until that one is settled', () =>
    check(
      { workersMax: 1, spares: 0 },
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         .
      last work     to 1      .
      work          nobody    .
      done 1        .         .
      work          to 1      .
      `,
    ))

  test('replaces a worker that has grown too large between two batches, never in one', () =>
    check(
      { workersMax: 1 },
      `
      event          ->  work      does
      look               .         spawn 1
      ready 1            .         spawn 2
      ready 2            .         .
      work               to 1      .
      work               to 1      .
      done 1             .         .            // as large as it may be
      done 1             .         .
      work               to 1      .
      work               to 1      .
      done 1 large       .         spawn 3      // it has another batch
      work               to 2      .
      done 1             .         stop 1
      `,
    ))

  test('waits longer after each start that failed, one start at a time, and gives up', () =>
    check(
      {},
      `
      at      event     ->  work      does
      0       look          .         spawn 1
      0       lost 1        .         .
      199     look          .         .
      200     look          .         spawn 2
      200     lost 2        .         .
      599     look          .         .
      600     look          .         spawn 3
      600     lost 3        .         .
      1399    look          .         .
      1400    look          .         spawn 4
      1400    lost 4        .         fail ANB3004
      `,
    ))

  test('gives up sooner where every start so far ended in the same way', () =>
    check(
      {},
      `
      at      event            ->  work      does
      0       look                 .         spawn 1
      0       lost 1 exit-7        .         .
      200     look                 .         spawn 2
      200     lost 2 exit-7        .         fail ANB3004
      `,
    ))

  test('T10 says that it is a limit of the machine where that let nobody start', () =>
    check(
      {},
      `
      at      event            ->  work      does
      0       look                 .         spawn 1
      0       lost 1 EMFILE        .         .
      200     look                 .         spawn 2
      200     lost 2 EMFILE        .         fail ANB8004
      `,
    ))

  test('but not where they ended in several ways, or one was ready before', () => {
    check(
      {},
      `
      at      event            ->  work      does
      0       look                 .         spawn 1
      0       lost 1 SIGSEGV       .         .
      200     look                 .         spawn 2
      200     lost 2 exit-7        .         .
      600     look                 .         spawn 3
      600     lost 3 exit-7        .         .
      `,
    )
    check(
      {},
      `
      at      event            ->  work      does
      0       look                 .         spawn 1
      0       ready 1              .         spawn 2
      0       lost 1 exit-7        .         .
      0       lost 2 exit-7        .         .
      `,
    )
  })

  test('counts only starts that fail in a row', () =>
    check(
      { failedStartsMax: 1 },
      `
      at      event     ->  work      does
      0       look          .         spawn 1
      0       lost 1        .         .
      200     look          .         spawn 2
      300     ready 2       .         spawn 3
      300     work          to 2      .            // it proved itself
      300     lost 3        .         .
      500     look          .         spawn 4
      600     ready 4       .         .
      `,
    ))

  test('takes one that ends before its first batch for a failed start, though it said that it was ready', () =>
    check(
      { spares: 0, failedStartsMax: 2 },
      `
      at      event     ->  work      does
      0       look          .         spawn 1
      50      ready 1       .         .
      60      lost 1        .         .
      259     look          .         .
      260     look          .         spawn 2
      300     ready 2       .         .
      300     lost 2        .         .
      699     look          .         .
      700     look          .         spawn 3
      710     ready 3       .         .
      710     lost 3        .         fail ANB3004
      `,
    ))

  test('replaces one at once that had a batch, which is judged by its rows, or stood ready for 10 s', () =>
    check(
      { spares: 0, failedStartsMax: 0 },
      `
      at      event     ->  work      does
      0       look          .         spawn 1
      50      ready 1       .         .
      60      work          to 1      .
      61      lost 1        .         spawn 2
      70      ready 2       .         .
      10070   lost 2        .         spawn 3
      `,
    ))

  test('does not give up while another one is ready: the spare is started again, ever more seldom', () =>
    check(
      { workersMax: 1, failedStartsMax: 1 },
      `
      at      event     ->  work      does
      0       look          .         spawn 1
      0       ready 1       .         spawn 2
      0       work          to 1      .
      0       ready 2       .         .
      0       lost 2        .         .
      200     look          .         spawn 3
      200     ready 3       .         .
      200     lost 3        .         .
      500     work          to 1      .            // who has worked before proves nothing new
      599     look          .         .
      600     look          .         spawn 4
      `,
    ))

  test('with another limit starts more, or lets leases settle and stops idle workers first', () =>
    check(
      { spares: 0, creditPerWorker: 1 },
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         .
      work          to 1      .
      work          nobody    spawn 2
      ready 2       .         .
      set 3         .         .            // nobody waits for a third
      work          to 2      .
      work          nobody    spawn 3
      ready 3       .         .
      set 1         .         stop 3       // it has nothing to do
      work          nobody    .
      done 2        .         stop 2
      done 1        .         .
      work          to 1      .
      set 2         .         .
      work          nobody    spawn 4
      `,
    ))

  test('by load starts the least and as many as it is told, within its limits, however much waits', () =>
    check(
      { spares: 1, creditPerWorker: 1, workersMin: 2, workersMax: 4 },
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         spawn 2, spawn 3
      ready 2       .         .
      ready 3       .         .
      work          to 1      .
      work          to 2      .
      work          nobody    .            // 3 is the spare
      want 9        .         spawn 4, spawn 5
      work          to 3      .
      ready 4       .         .
      ready 5       .         .
      want 1        .         stop 4, stop 5
      done 1        .         .            // two active and a spare
      set 1         .         stop 1       // the spare is one of those that work
      `,
    ))

  test('a worker that is still on its way when fewer are wanted is stopped when it is ready', () =>
    check(
      { spares: 0, creditPerWorker: 1 },
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         .
      work          to 1      .
      work          nobody    spawn 2
      set 1         .         .
      ready 2       .         stop 2
      `,
    ))

  test('stops whoever is idle when it is closed, the others after their last batch, and starts nobody', () =>
    check(
      {},
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         spawn 2
      ready 2       .         .
      work          to 1      .
      close         .         stop 2
      work          nobody    .
      done 1        .         stop 1
      `,
    ))
})

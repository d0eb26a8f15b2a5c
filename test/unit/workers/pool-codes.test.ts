/** Workers with other code beside those that work, and the moment in which they take over. */
import { describe, test } from 'vitest'
import { checkPool as check } from '../../support/pool-story.js'

describe('a pool that is to have other code', () => {
  test('warms as many workers with it as are active, gives them nothing, and changes over to them when it is told', () =>
    check(
      { spares: 0 },
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         .
      work          to 1      .
      work          to 1      .
      work          nobody    spawn 2
      ready 2       .         .
      warm          .         spawn 3 of code 2, spawn 4 of code 2
      ready 3       .         .
      ready 4       .         .
      work          to 2      .            // still the old code
      done 1        .         .
      done 1        .         .
      done 2        .         .
      change        .         stop 1, stop 2
      work          to 3      .
      `,
    ))

  test('makes a spare of the new code once it runs', () =>
    check(
      {},
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         spawn 2
      ready 2       .         .
      warm          .         spawn 3 of code 2
      ready 3       .         .
      change        .         stop 1, stop 2, spawn 4 of code 2
      `,
    ))

  test('stops an old worker that has not started yet too, and waits for one that was killed', () =>
    check(
      {},
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         spawn 2
      work          to 1      .
      kill 1        .         spawn 3
      warm          .         spawn 4 of code 2
      ready 4       .         .
      change        .         stop 2, stop 3, spawn 5 of code 2
      lost 1        .         .
      work          to 4      .
      `,
    ))

  test('starts the old code where a worker is lost while the new one warms', () =>
    check(
      { spares: 0 },
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         .
      work          to 1      .
      warm          .         spawn 2 of code 2
      ready 2       .         .
      lost 1        .         spawn 3
      work          nobody    .
      ready 3       .         .
      work          to 3      .
      `,
    ))

  test('stops the workers that nobody wants any more, and goes on as if nothing had been', () =>
    check(
      { spares: 0 },
      `
      event     ->  work      does
      look          .         spawn 1
      ready 1       .         .
      warm          .         spawn 2 of code 2
      cool          .         stop 2
      work          to 1      .
      `,
    ))

  test('does not give the job up for starts of the new code that fail, nor the new code for starts of the old one', () =>
    check(
      { spares: 0, failedStartsMax: 1 },
      `
      event       ->  work      does
      look            .         spawn 1
      ready 1         .         .
      work            to 1      .
      warm            .         spawn 2 of code 2
      lost 2 exit     .         spawn 3 of code 2   // who asked decides whether it is tried again
      lost 3 exit     .         spawn 4 of code 2
      ready 4         .         .
      done 1          .         .
      change          .         stop 1
      lost 4 exit     .         .
      `,
    ))
})

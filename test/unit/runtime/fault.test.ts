/** What a failure means, as a table; and how many dead rows are too many. */
import { describe, expect, test } from 'vitest'
import {
  type Failure,
  type Loss,
  DeadLimit,
  Hold,
  LossRate,
  deadInWindowMax,
  decideFailure,
  decideLoss,
  singlesBeforeSuccessMax,
  windowRows,
} from '../../../src/runtime/fault/index.js'
import { tell } from '../../support/story.js'

const failure = (name: Failure['class']): Failure => ({
  class: name,
  code: 'ANB2001',
  type: 'ValueError',
  message: 'no',
  traceback: '',
  operator: 0,
  retryAfterMs: null,
})
const crash: Loss = { kind: 'crash', what: 'died of SIGSEGV', stderr: '', code: null, signal: 'SIGSEGV' }
const outside: Loss = { kind: 'outside', what: 'was killed', stderr: '' }
const deadline: Loss = { kind: 'deadline', what: 'did not answer', stderr: '' }

describe('a call that failed', () => {
  test.each([
    ['TransformError', 8, 'halve'],
    ['TransformError', 2, 'halve'],
    ['TransformError', 1, 'bury'],
    ['TransientError', 8, 'hold'],
    ['TransientError', 1, 'hold'],
    ['ContractError', 8, 'stop'],
    ['ContractError', 1, 'stop'],
    ['PlanError', 1, 'stop'],
    ['ProtocolError', 1, 'stop'],
    ['StateError', 1, 'stop'],
    ['ConnectorError', 8, 'stop'],
    ['AccessError', 8, 'stop'],
  ] as const)('%s on %i rows: %s', (name, rows, done) => {
    expect(decideFailure(failure(name), rows).do).toBe(done)
  })
})

describe('a worker that was lost', () => {
  /** The loss, the rows in hand, what spoke against them before as `crashes losses`, whether they were cut out of a failed batch. */
  test.each([
    ['a whole batch, for the first time', crash, 8, '0 0', false, 'again 1 0'],
    ['a whole batch, for the second time', crash, 8, '1 0', false, 'halve 0 0'],
    ['a whole batch, at its deadline', deadline, 8, '0 0', false, 'again 0 1'],
    ['a whole batch, from outside after a crash', outside, 8, '1 0', false, 'halve 0 0'],
    ['a half of a batch that lost one', crash, 8, '0 0', true, 'halve 0 0'],
    ['two rows of a batch that lost one', outside, 2, '0 0', true, 'halve 0 0'],
    ['one row, its first crash', crash, 1, '0 0', true, 'again 1 0'],
    ['one row, its second crash', crash, 1, '1 0', true, 'bury'],
    ['a batch of one row, its first crash', crash, 1, '0 0', false, 'again 1 0'],
    ['a batch of one row, its second crash', crash, 1, '1 0', false, 'again 2 0'],
    ['a batch of one row, its third crash', crash, 1, '2 0', false, 'bury'],
    ['one row, a crash after three losses from outside', crash, 1, '0 3', true, 'again 1 3'],
    ['one row, a loss from outside after a crash', outside, 1, '1 0', true, 'again 1 1'],
    ['one row, killed three times from outside', outside, 1, '0 2', true, 'again 0 3'],
    ['one row, killed four times from outside', outside, 1, '0 3', true, 'bury'],
    ['one row, four times at its deadline', deadline, 1, '0 3', true, 'bury'],
  ] as const)('with %s', (_name, loss, rows, before, suspected, then) => {
    const [crashes = 0, losses = 0] = before.split(' ').map(Number)
    const decision = decideLoss(loss, { rows, suspected, evidence: { crashes, losses }, begun: true }, 0)
    const after = 'evidence' in decision ? ` ${decision.evidence.crashes} ${decision.evidence.losses}` : ''
    expect(`${decision.do}${after}`).toBe(then)
  })

  test('a crash speaks less against a row that stood behind another call: that one may have made it', () => {
    const evidence = { crashes: 1, losses: 0 }
    const held = { rows: 1, suspected: true, evidence, begun: false }
    expect(decideLoss(crash, held, 0)).toEqual({ do: 'again', evidence: { crashes: 1, losses: 1 } })
  })

  test.each([
    ['never', 0, 2, 4],
    ['once in a million calls', 1e-6, 2, 4],
    ['once in 10,000 calls', 1e-4, 3, 4],
    ['once in 100 calls', 0.01, 5, 5],
    ['in each tenth call', 0.1, 9, 9],
    ['in each third call', 1 / 3, 19, 19],
  ])('where workers die by chance %s, a row is blamed on more evidence', (_, perCall, crashes, losses) => {
    const blamed = (loss: Loss): number => {
      let evidence = { crashes: 0, losses: 0 }
      for (let times = 1; ; times += 1) {
        const decision = decideLoss(loss, { rows: 1, suspected: true, evidence, begun: true }, perCall)
        if (decision.do !== 'again') return times
        evidence = decision.evidence
      }
    }
    expect([blamed(crash), blamed(outside)]).toEqual([crashes, losses])
  })

  test('by chance is one whose rows were good the next time', () => {
    const rate = new LossRate()
    expect(rate.perCall).toBe(0)
    rate.lost()
    rate.answered({ crashes: 1, losses: 0 })
    rate.answered({ crashes: 0, losses: 0 })
    rate.lost()
    expect(rate.perCall).toBe(0.25)
  })
})

describe('dead rows', () => {
  const limit = (): DeadLimit => new DeadLimit('score')

  test('are too many with more than 500 among the last 10,000', () => {
    const rows = limit()
    rows.enter(windowRows)
    expect(rows.dead(deadInWindowMax, {})).toBeNull()
    expect(rows.dead(1, {})).toMatchObject({ code: 'ANB2004' })
  })

  test('count no more once 10,000 rows have entered after them', () => {
    const rows = limit()
    rows.enter(1_000)
    expect(rows.dead(deadInWindowMax, {})).toBeNull()
    rows.enter(windowRows)
    expect(rows.dead(deadInWindowMax, {})).toBeNull()
    expect(rows.dead(1, {})).toMatchObject({ code: 'ANB2004' })
  })

  test('stop the job with the sixteenth single failure before the first success, and not after it', () => {
    const never = limit()
    const worked = limit()
    worked.success()
    for (let i = 1; i < singlesBeforeSuccessMax; i += 1) expect(never.single({})).toBeNull()
    expect(never.single({})).toMatchObject({ code: 'ANB2005' })
    for (let i = 0; i < 2 * singlesBeforeSuccessMax; i += 1) expect(worked.single({})).toBeNull()
  })
})

describe('a service that is away', () => {
  /** Events: `fails` (`fails 500`: it said when to come again, in ms), `answers`. */
  function check(maxMs: number, text: string): void {
    const hold = new Hold(maxMs)
    tell(text, (event, atMs) => {
      const [what, after] = event.split(' ')
      if (what === 'answers') {
        hold.succeeded()
        return ['']
      }
      const ms = hold.failed(atMs, { retryAfterMs: after === undefined ? null : Number(after) })
      return [ms === null ? 'gives up' : `${ms} ms`]
    })
  }

  test('is asked again later and later, at least each 10 s', () =>
    check(
      600_000,
      `
      at       event      ->  waits
      0        fails          100 ms
      100      fails          200 ms
      300      fails          400 ms
      700      fails          800 ms
      1500     fails          1600 ms
      3100     fails          3200 ms
      6300     fails          6400 ms
      12700    fails          10000 ms
      22700    fails          10000 ms
      `,
    ))

  test('is asked when it said, where that is later', () =>
    check(
      600_000,
      `
      at       event         ->  waits
      0        fails 5000        5000 ms
      5000     fails 50          200 ms
      `,
    ))

  test('is given up after the limit without an answer, and waited for anew after each one', () =>
    check(
      1_000,
      `
      at       event      ->  waits
      0        fails          100 ms
      999      fails          200 ms
      1000     answers        .
      5000     fails          100 ms
      5999     fails 9000     1000 ms     // never longer than the limit
      6000     fails          gives up
      `,
    ))
})

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
  ] as const)('%s on %i rows: %s', (name, rows, done) => {
    expect(decideFailure(failure(name), rows).do).toBe(done)
  })
})

describe('a worker that was lost', () => {
  test.each([
    ['a whole batch, for the first time', crash, 8, false, [0, 0], 'again'],
    ['a whole batch, for the second time', crash, 8, false, [1, 0], 'halve'],
    ['a half of a batch that lost one', crash, 8, true, [0, 0], 'halve'],
    ['one row, its first crash', crash, 1, true, [0, 0], 'again'],
    ['one row, its second crash', crash, 1, true, [1, 0], 'bury'],
    ['one row, killed three times from outside', outside, 1, true, [0, 2], 'again'],
    ['one row, killed four times from outside', outside, 1, true, [0, 3], 'bury'],
    ['a batch of one row, its second crash', crash, 1, false, [1, 0], 'again'],
    ['a batch of one row, its third crash', crash, 1, false, [2, 0], 'bury'],
  ] as const)('with %s', (_name, loss, rows, suspected, [crashes, losses], done) => {
    expect(decideLoss(loss, { rows, suspected, evidence: { crashes, losses }, begun: true }, 0).do).toBe(done)
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

test('a service that is away is asked again later and later, and given up after the limit', () => {
  const hold = new Hold(1_000)
  expect([hold.failed(0, null), hold.failed(100, null), hold.failed(300, null)]).toEqual([100, 200, 400])
  expect(hold.failed(999, null)).toBe(800)
  expect(hold.failed(1_000, null)).toBeNull()
  hold.succeeded()
  expect(hold.failed(5_000, null)).toBe(100)
})

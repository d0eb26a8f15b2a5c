import { describe, expect, test } from 'vitest'
import { type CheckRef } from '../../../src/plan/index.js'
import { CheckTally } from '../../../src/runtime/flow/check-tally.js'

const rule = (text: string): CheckRef['rules'][number] => ({ kind: 'that', columns: [], arguments: {}, text })
const tally = (maxRatio: number | null): CheckTally =>
  new CheckTally('good', { onFail: 'dead-letter', column: 'failures', maxRatio, rules: [rule('a'), rule('b')] })
const saw = (rows: number, failed: number): Parameters<CheckTally['saw']>[0] => ({
  operator: 0,
  rows,
  failed,
  byRule: [failed, 1],
})

describe('what a check saw', () => {
  test('adds up by rule', () => {
    const check = tally(null)
    check.saw(saw(10, 4))
    check.saw(saw(30, 0))
    const rules = [
      { rule: 'a', failed: 4, ratio: 0.1 },
      { rule: 'b', failed: 2, ratio: 0.05 },
    ]
    expect(check.report()).toEqual({ check: 'good', rows: 40, failed: 4, rules })
  })

  test('of no rows has no ratio but 0', () => {
    expect(
      tally(0)
        .report()
        .rules.map(one => one.ratio),
    ).toEqual([0, 0])
    expect(tally(0).verdict()).toBeNull()
  })
})

describe('the breaker', () => {
  test('says nothing before 1,000 rows, and then at the first row too many', () => {
    const check = tally(0.1)
    expect(check.saw(saw(999, 500))).toBeNull()
    expect(check.saw(saw(1, 0))).toMatchObject({ code: 'ANB2012' })
  })

  test('allows exactly the ratio', () => {
    const check = tally(0.1)
    expect(check.saw(saw(1_000, 100))).toBeNull()
    expect(check.saw(saw(10, 2))?.message).toContain('got 102 of 1,010')
  })

  test('judges a short input at its end, and names the rules that were broken', () => {
    const check = tally(0.1)
    check.saw(saw(3, 1))
    expect(check.verdict()?.detail).toBe('1 rows: a\n1 rows: b')
  })

  test('of a check without a ratio never trips', () => {
    expect(tally(null).saw(saw(10_000, 10_000))).toBeNull()
  })
})

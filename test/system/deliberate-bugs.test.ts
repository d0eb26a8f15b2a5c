/** Six bugs that somebody might write into epochs, and the tests that must find them; all of them: npm run mutants. */
import { rmSync } from 'node:fs'
import { afterAll, expect, test } from 'vitest'
import { quickBugs } from '../mutants/epochs.js'
import { copyTree, judge } from '../mutants/judge.js'

const copy = copyTree()
afterAll(() => rmSync(copy, { recursive: true }))

test.for(quickBugs.map(bug => [bug.rule, bug] as const))(
  'the bug "%s" is found',
  { timeout: 300_000 },
  async ([, bug]) => {
    expect(await judge(copy, bug)).toBe('killed')
  },
)

test('six bugs are tried', () => {
  expect(quickBugs).toHaveLength(6)
})

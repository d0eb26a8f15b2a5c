/** Runs the cases of a contract as tests. */
import { describe, test } from 'vitest'
import { type Case } from '../../src/testing/index.js'

export function contract(title: string, cases: readonly Case[]): void {
  describe(title, () => {
    for (const { name, run } of cases) test(name, run)
  })
}

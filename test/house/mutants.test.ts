/** The table of mutants must not rot: each text that is replaced stands once in its file, and its test exists. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { epochRules } from '../mutants/epochs.js'
import { mutants } from '../mutants/table.js'
import { repository } from '../support/repository.js'

test.for(mutants.map(mutant => [mutant.rule, mutant] as const))('the mutant "%s" changes one place', ([, mutant]) => {
  const { file, from, to } = mutant
  const [watched] = mutant.test
  const text = readFileSync(join(repository, file), 'utf8')
  expect(text.split(from).length - 1, `times that ${file} has the text`).toBe(1)
  expect(to).not.toBe(from)
  expect(existsSync(join(repository, watched)), watched).toBe(true)
})

test('a long fault programme tries twenty-five bugs of epochs', () => {
  expect(epochRules.length).toBeGreaterThanOrEqual(25)
})

test('no two mutants are the same', () => {
  expect(new Set(mutants.map(({ rule }) => rule)).size).toBe(mutants.length)
})

/**
 * Names of options: TypeScript refuses those that nobody knows, but a job file runs without being checked, and one that is
 * misspelled would be left out without a word.
 */
import { kindOf } from '../base/index.js'
import { type WrongOption } from './connectors.js'
import { suggest } from './faults.js'

/** @param what whose options they are, for a person. */
export function unknownOptions(what: string, given: unknown, known: readonly string[]): readonly WrongOption[] {
  if (given === undefined) return []
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    const got = typeof given === 'string' ? JSON.stringify(given) : kindOf(given)
    const names = known.map(name => `${name}: ...`).join(', ')
    return [
      { message: `${what} takes an object, but got ${got}`, hint: `write { ${names} }, each of them as you need it` },
    ]
  }
  return Object.keys(given)
    .filter(name => !known.includes(name))
    .map(name => ({ message: `${what} has no option "${name}"`, hint: suggest(name, known, 'options') }))
}

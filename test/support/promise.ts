/**
 * `promise('what a user sees', fn)`: a test whose name is a sentence that a user could hold us to.
 *
 * The same as vitest's `test`; the word is another one because these are what README points at.
 */
import { test } from 'vitest'

export const promise = test

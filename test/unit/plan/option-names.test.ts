/** Options that nobody knows: tsc refuses them, and so does the plan, since a job file runs without tsc. */
import { expect, test } from 'vitest'
import { files, job, json, planOf, postgres } from '../../../src/plan/index.js'
import { clicks, context } from './functions.js'

/** As a job file gives it that nobody checked. */
const unchecked = (given: unknown) => JSON.parse(JSON.stringify(given))
const source = (options: unknown) =>
  job('test')
    .from(files('*.log', json({ a: 'int64' }), unchecked(options)))
    .to(files.sink('out/', json()))
const into = (options: unknown) =>
  job('test')
    .from(clicks)
    .to(files.sink('out/', json(), unchecked(options)))

test.each([
  ['a source', source({ tails: true }), 'ANB1017 files(...) has no option "tails"', 'did you mean "tail"?'],
  ['a sink', into({ rol: {} }), 'ANB1017 files.sink(...) has no option "rol"', 'did you mean "roll"?'],
  [
    'when a file is closed',
    into({ roll: { time: '3s' } }),
    'ANB1017 option roll has no option "time"',
    'the options are "bytes", "ms"',
  ],
  [
    'when a file is closed, as a text',
    into({ roll: '2s' }),
    'ANB1017 option roll takes an object, but got "2s"',
    'write { bytes: ..., ms: ... }',
  ],
  [
    'a table',
    job('test')
      .from(clicks)
      .to(postgres.sink(unchecked({ url: { env: 'DB' }, table: 'clicks', keys: ['user'] }))),
    'ANB1017 postgres.sink(...) has no option "keys"',
    'did you mean "key"?',
  ],
  [
    'an end',
    job('test')
      .from(clicks)
      .to(files.sink('out/', json()), unchecked({ delivry: 'at-least-once' })),
    'ANB1017 .to(...) has no option "delivry"',
    'did you mean "delivery"?',
  ],
])('of %s is a fault of the plan', (_, made, said, hint) => {
  expect(planOf(made, context).faults.map(f => [`${f.code} ${f.message}`, f.hint])).toEqual([
    [said, expect.stringContaining(hint)],
  ])
})

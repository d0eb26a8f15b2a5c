/** Sinks that do not fit the rows, or that ask for what they do not have: told before anything starts. */
import { describe, expect, test } from 'vitest'
import { type JobLike, files, job, json, postgres, socket } from '../../../src/plan/index.js'
import { clicks, faultsOf, fn } from './functions.js'

const s = job('test').from(clicks)
const push = (inputs: string) => fn('push', { kind: 'sink', in: inputs })
const out = files.sink('out/', json())

const cases: readonly (readonly [string, JobLike, string])[] = [
  [
    'a delivery that nobody knows',
    s.to(out, { delivery: 'twice' as never }),
    `ANB1017 option delivery must be 'exactly-once' or 'at-least-once', but it is "twice"`,
  ],
  [
    'a choice of delivery where there is none',
    s.to(socket.sink('tcp://h:1'), { delivery: 'exactly-once' }),
    'ANB1017 option delivery is not for a sink of kind socket: how it delivers is fixed',
  ],
  [
    'an address of PostgreSQL that would stand in the plan',
    s.to(postgres.sink({ url: 'postgres://me:secret@h/b' as never, table: 'rows' })),
    'ANB1017 postgres.sink(...) needs the name of an environment variable as its url, but got a text, which would be in the plan',
  ],
  [
    'a table that cannot be named',
    s.to(postgres.sink({ url: { env: 'DB' }, table: 'a.b.c' })),
    'ANB1017 postgres.sink(...) needs a table, but got "a.b.c"',
  ],
  [
    'a key of a table that the stream does not have',
    s.to(postgres.sink({ url: { env: 'DB' }, table: 'rows', key: ['useer'] }) as never),
    'ANB1001 key column "useer" does not exist',
  ],
  [
    'nested columns into a table',
    job('test')
      .from(files('*.jsonl', json({ a: 'list<int64>' })))
      .to(postgres.sink({ url: { env: 'DB' }, table: 'rows' })),
    'ANB1002 column "a" is list<int64>, which a PostgreSQL sink does not write',
  ],
  [
    'a column that a sink of Python needs and the stream does not have',
    s.to(push('useer utf8') as never),
    'ANB1001 sink "push" needs column "useer", which the stream does not have',
  ],
  [
    'a column of another type than a sink of Python needs',
    s.to(push('price int64') as never),
    'ANB1002 sink "push" needs column "price" as int64, but the stream has float64',
  ],
  [
    'a column that a sink of Python needs without nulls',
    s.to(push('price float64 required') as never),
    'ANB1002 sink "push" needs column "price" without nulls, but the stream may have some',
  ],
  [
    'a choice of delivery for a sink of Python',
    s.to(push('price float64'), { delivery: 'exactly-once' }),
    'ANB1017 option delivery is not for a sink of kind python: how it delivers is fixed',
  ],
  [
    'a transform as a sink',
    s.to(fn('bill', { in: 'price float64', out: 'total float64' }) as never),
    'ANB1017 "bill" is a @transform, which .apply takes, not .to',
  ],
  [
    'a sink as a transform',
    s.apply(push('price float64') as never).to(out),
    'ANB1011 "push" is a @sink, which .to takes, not .apply',
  ],
  [
    'nanoseconds into a table',
    job('test')
      .from(files('*.jsonl', json({ a: 'timestamp[ns]' })))
      .to(postgres.sink({ url: { env: 'DB' }, table: 'rows' })),
    'ANB1002 column "a" is timestamp[ns], but PostgreSQL keeps microseconds',
  ],
]

describe('a plan is refused with the words of its fault for', () => {
  for (const [sentence, made, expected] of cases)
    test(sentence, () => expect(faultsOf(made)).toEqual([expect.stringContaining(expected)]))
})

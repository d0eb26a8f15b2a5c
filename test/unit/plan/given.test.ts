/** What a job file passes that `tsc` would have refused: it runs without `tsc` too, and then each is a fault with words. */
import { describe, expect, test } from 'vitest'
import { type JobLike, files, job, json, nullSink, parquet, socket } from '../../../src/plan/index.js'
import { clicks, faultsOf, fn } from './functions.js'

/** Plain JavaScript: any value where any is asked for. */
const given = (value: unknown) => value as never
const read = (source: unknown): JobLike =>
  job('test')
    .from(given(source))
    .apply(given(fn('f', { in: 'price float64' })))
    .to(nullSink())
const write = (sink: unknown): JobLike => job('test').from(clicks).to(given(sink))

const cases: readonly (readonly [string, () => JobLike, string])[] = [
  ['no source', () => read(undefined), '.from takes a source, but got nothing'],
  ['a path for a source', () => read('in/*.jsonl'), '.from takes a source, but got the text "in/*.jsonl"'],
  ['a sink for a source', () => read(files.sink('a/', json())), '.from takes a source, but got an object'],
  ['files without a format', () => read(files('*', given(undefined))), 'files(...) needs a format, but got nothing'],
  [
    'a format whose schema does not exist',
    () => read(files('*', given(json(given(undefined))))),
    'files(...) needs a schema to read json, but got none',
  ],
  [
    'a socket whose schema does not exist',
    () => read(socket('tcp://a:1', given(json()))),
    'socket(...) needs a schema to read json, but got none',
  ],
  ['no sink', () => write(undefined), '.to takes a sink, but got nothing'],
  ['a path for a sink', () => write('out/'), '.to takes a sink, but got the text "out/"'],
  [
    'a sink without a path',
    () => write(files.sink(given(undefined), json())),
    'files.sink(...) needs a path, but got nothing',
  ],
  [
    'a sink without a format',
    () => write(files.sink('a/', given(null))),
    'files.sink(...) needs a format, but got null',
  ],
  [
    'a sink with a schema',
    () => write(files.sink('a/', given(parquet({ a: 'int64' })))),
    'files.sink(...) writes the columns that the stream has, but got parquet with a schema',
  ],
  [
    'a job option that does not exist',
    () =>
      job('test', given({ maxDeed: 5 }))
        .from(clicks)
        .to(nullSink()),
    'a job has no option "maxDeed"',
  ],
]

describe('a fault, not a crash, and no other fault that follows from it', () => {
  test.each(cases)('%s', (_name, make, message) => {
    expect(faultsOf(make())).toEqual([`ANB1017 ${message}`])
  })
})

test('types that are no text are faults of their columns', () => {
  expect(faultsOf(read(files('*', json(given({ price: 5 })))))).toEqual([
    expect.stringContaining('ANB1015 column "price" of the schema of source "files" has type "5"'),
    expect.stringContaining('ANB1002 transform "f" needs column "price" as float64'),
  ])
})

import { describe, expect, test } from 'vitest'
import {
  type JobLike,
  type JobOptions,
  avro,
  csv,
  custom,
  files,
  job,
  json,
  nullSink,
  parquet,
  planOf,
  socket,
  stateBudgetBytesMin,
} from '../../../src/plan/index.js'
import { clicks, columns, context, faultsOf, fn } from './functions.js'

const s = job('test').from(clicks)
const out = files.sink('out/', json())
const withOptions = (options: JobOptions) => job('test', options).from(clicks).to(out)
const keyed = fn('score', { in: 'price float64', state: 'n int64', out: 'z float64' })

const lookup = fn('lookup', { in: 'price float64', out: 'name utf8', unordered: true })

const cases: readonly (readonly [string, JobLike, string])[] = [
  [
    'a state budget that the databases alone take',
    withOptions({ stateBudget: stateBudgetBytesMin - 1 }),
    'ANB1017 a state budget of 1,198,372 bytes cannot be kept to: the databases alone take 1,198,373 bytes of it',
  ],
  [
    'a dangling column, with the near miss',
    s.apply(fn('f', { in: 'prise float64' })).to(out),
    'ANB1001 transform "f" needs column "prise", which the stream does not have',
  ],
  [
    'batches that would overtake one another in the lanes of a key',
    s.keyBy('user').apply(keyed).apply(lookup).to(out),
    'ANB1026 "lookup" is unordered, but it is called in lanes by key user',
  ],
  [
    'batches that would overtake one another above a union of streams that end',
    s
      .apply(lookup)
      .union(s.apply(fn('other', { in: 'price float64', out: 'name utf8' })))
      .to(out),
    'ANB1026 "lookup" is unordered, but union "union" gives its rows in one fixed order',
  ],
  [
    'a column of another type',
    s.apply(fn('f', { in: 'qty float64' })).to(out),
    'ANB1002 transform "f" needs column "qty" as float64, but the stream has int64',
  ],
  [
    'a column that may hold nulls where none may be',
    s.apply(fn('f', { in: 'qty int64 required' })).to(out),
    'ANB1002 transform "f" needs column "qty" without nulls, but the stream may have some',
  ],
  [
    'a type that does not exist',
    s.apply(fn('f', { out: 'x text' })).to(out),
    'ANB1015 column "x" of the outputs of transform "f" has type "text", which cannot be read',
  ],
  [
    'a column declared twice',
    s.apply(fn('f', { out: 'x bool, x int64' })).to(out),
    'ANB1024 column "x" stands twice in the outputs of transform "f"',
  ],
  [
    'state that is nested',
    s
      .keyBy('user')
      .apply(fn('f', { state: 'n list<int64>' }))
      .to(out),
    'ANB1022 state column "n" of keyed "f" is a list, which cannot be kept as state',
  ],
  [
    'at_end that has no side output to give its rows to',
    s
      .keyBy('user')
      .apply(fn('f', { state: 'n int64', atEnd: true }))
      .to(out),
    'ANB1025 at_end of keyed "f" has no side output that its rows could go to',
  ],
  ['keyed without a key', s.apply(keyed).to(out), 'ANB1004 keyed "score" needs a key, and the stream has none'],
  [
    'keyed after the key column was output',
    s
      .keyBy('user')
      .apply(fn('f', { out: 'user utf8' }))
      .apply(keyed)
      .to(out),
    'ANB1004 keyed "score" needs a key, but "f" outputs key column "user", which ended it',
  ],
  [
    'keyed after the key column was dropped',
    s.keyBy('user').select('price').apply(keyed).to(out),
    'ANB1004 keyed "score" needs a key, but select "select" does not keep key column "user", which ended it',
  ],
  [
    'keyed after a union',
    s.keyBy('user').union(s).apply(keyed).to(out),
    'ANB1004 keyed "score" needs a key, but union "union" ended it',
  ],
  ['a key that does not exist', s.keyBy('usr' as never).to(out), 'ANB1001 key column "usr" does not exist'],
  [
    'a key that is nested',
    job('test')
      .from(files('*', json(columns('tags list<utf8>'))))
      .keyBy('tags')
      .to(out),
    'ANB1002 key column "tags" is list<utf8>, but a key is of a type that is not nested',
  ],
  [
    'a side output that does not exist',
    s
      .apply(fn('f', { side: { odd: 'x bool' } }))
      .side('even' as never)
      .to(out),
    'ANB1007 "f" has no side output "even"',
  ],
  ['a side output of what is no function', s.side('odd' as never).to(out), 'ANB1007 "files" has no side output "odd"'],
  [
    'an id given twice',
    s
      .apply(fn('f', { out: 'a bool' }))
      .apply(fn('f', { out: 'b bool' }))
      .to(out),
    'ANB1003 id "f" is used twice, first in',
  ],
  ['an id with a slash', s.apply(fn('f'), { id: 'a/b' }).to(out), 'ANB1010 id "a/b" is not allowed'],
  [
    'a union of different columns',
    s.union(s.apply(fn('f', { out: 'x bool' })) as never).to(out),
    'ANB1008 column "x" is only on one side of the union',
  ],
  [
    'a union of different types',
    s.union(s.apply(fn('f', { out: 'qty bool' })) as never).to(out),
    'ANB1008 column "qty" is int64 on one side of the union and bool on the other',
  ],
  ['two sinks in one folder', s.to(out).to(files.sink('./out', parquet())), 'ANB1016 sinks "out" ('],
  ['a sink inside the folder of another', s.to(out).to(files.sink('out/deep/', json())), 'one inside the other'],
  [
    'a sink outside of the output folder',
    s.to(files.sink('../x/', json())),
    'ANB4005 sink path "../x/" leaves the output folder',
  ],
  [
    'a sink with an absolute path',
    s.to(files.sink('/tmp/x/', json())),
    'ANB4005 sink path "/tmp/x/" leaves the output folder',
  ],
  [
    'a sink where the run keeps its own',
    s.to(files.sink('dead-letters/', json())),
    'ANB1010 sink path "dead-letters/" is not allowed',
  ],
  ['a sink that is the output folder itself', s.to(files.sink('./', json())), 'ANB1010 sink path "./" is not allowed'],
  [
    'a size that cannot be read',
    s.to(files.sink('x/', json(), { roll: { bytes: 'big' } })),
    'ANB1017 option roll.bytes must be 1 byte or more',
  ],
  [
    'an address that cannot be read',
    s.to(socket.sink('localhost:1')),
    'ANB1017 address "localhost:1" must be tcp://host:port or unix:///path',
  ],
  ['a port that cannot be', s.to(socket.sink('tcp://h:70000')), 'ANB1017 address "tcp://h:70000"'],
  ['a port that means any', s.to(socket.sink('tcp://h:0')), 'ANB1017 address "tcp://h:0"'],
  [
    'Parquet over a socket',
    job('test')
      .from(socket('tcp://h:1', parquet({ a: 'int64' })))
      .to(out),
    'ANB1017 a socket carries lines, not parquet',
  ],
  [
    'nested columns from CSV',
    job('test')
      .from(files('*.csv', csv({ a: 'list<int64>' })))
      .to(out),
    'ANB1002 column "a" is list<int64>, which csv cannot hold',
  ],
  [
    'nested columns to CSV',
    s.apply(fn('f', { out: 'x struct<y:bool>' })).to(files.sink('x/', csv())),
    'ANB1002 column "x" is struct<y:bool>, which csv cannot hold',
  ],
  [
    'a delimiter of two characters',
    s.to(files.sink('x/', csv.write({ delimiter: '||' }))),
    'ANB1017 csv option delimiter must be one ASCII character that is no letter, digit, dot or sign',
  ],
  [
    'a delimiter that is the quote',
    s.to(files.sink('x/', csv.write({ delimiter: '"' }))),
    'ANB1017 csv options delimiter and quote are both',
  ],
  [
    'a null that holds a delimiter',
    s.to(files.sink('x/', csv.write({ nullValue: 'a,b' }))),
    'ANB1017 csv option nullValue must be text without delimiter, quote or line end',
  ],
  [
    'a name that Avro does not have',
    s.select({ user: 'the user' }).to(files.sink('x/', avro())),
    'ANB1010 column "the user" cannot be a name in avro',
  ],
  [
    'a map that Avro does not have',
    job('test')
      .from(files('*', json({ x: 'map<int64, utf8>' })))
      .to(files.sink('x/', avro())),
    'ANB1002 column "x" is map<int64, utf8>, but maps of avro have utf8 keys',
  ],
  [
    'a tail of Parquet',
    job('test')
      .from(files('*.parquet', parquet({ a: 'int64' }), { tail: true }))
      .to(out),
    'ANB1017 files(..., { tail: true }) follows lines, not parquet',
  ],
  [
    'lost files of a source that follows none',
    job('test')
      .from(files('*.log', json({ a: 'int64' }), { onLost: 'earliest' }))
      .to(out),
    'ANB1017 option onLost is of files that are followed',
  ],
  [
    'lost files that shall go anywhere else',
    job('test')
      .from(files('*.log', json({ a: 'int64' }), { tail: true, onLost: 'latest' as 'earliest' }))
      .to(out),
    `ANB1017 option onLost must be 'fail' or 'earliest', but it is "latest"`,
  ],
  [
    'a partition by a column that is not there',
    s.to(files.sink('x/', json(), { partitionBy: ['usr'] })),
    'ANB1001 partition column "usr" does not exist',
  ],
  [
    'a partition by a float',
    s.to(files.sink('x/', json(), { partitionBy: ['price'] })),
    'ANB1002 partition column "price" is float64, which names no folder',
  ],
  [
    'a partition by all that there is',
    s.select('user').to(files.sink('x/', json(), { partitionBy: ['user'] })),
    'ANB1017 partitionBy names every column',
  ],
  [
    'a sink of nobody',
    s.to(custom.sink('file:///job/own.ts', '', { delivery: 'at-least-once' })),
    'ANB1017 an own connector needs the name of an export, but it is ""',
  ],
  [
    'a sink that shows its rows at the end of a run that has epochs',
    s.to(custom.sink('file:///job/own.ts', 'post', { delivery: 'exactly-once' })),
    'ANB1028 sink "post" shows its rows when the run is finished, and the job commits in epochs',
  ],
  [
    'options that are no JSON',
    s.to(custom.sink('file:///job/own.ts', 'post', { delivery: 'at-least-once', options: Number.NaN })),
    'ANB1014 options of own connector "post" must be plain JSON',
  ],
  [
    'an extension that is a path',
    s.to(files.sink('x/', custom.encoder('file:///job/own.ts', 'bars', { extension: '../x' }))),
    'ANB1010 extension of own format "bars" must be 1 to 16 small letters and digits',
  ],
  [
    'an empty glob',
    job('test')
      .from(files('', json({ a: 'int64' })))
      .to(out),
    'ANB1017 files(...) needs a glob',
  ],
  [
    'a source without columns',
    job('test')
      .from(files('*', json({})))
      .to(out),
    'ANB1017 the schema of source "files" has no column',
  ],
  [
    'a checksum of text',
    s.to(nullSink({ checksum: 'user' })),
    'ANB1002 checksum column "user" must be float64, but it is utf8',
  ],
  [
    'a select of what does not exist',
    s.select('pric' as never).to(out),
    'ANB1001 selected column "pric" does not exist',
  ],
  [
    'a select with one name twice',
    s.select('user', { item: 'user' }).to(out),
    'ANB1024 column "user" stands twice in the select',
  ],
  [
    'a filter given to apply, in the spelling of the job',
    s.apply(fn('by_row', { kind: 'filter' })).to(out),
    'ANB1011 "byRow" is a @filter, which .filter takes, not .apply',
  ],
  [
    'a keyed one given to filter',
    s
      .keyBy('user')
      .filter({ ...keyed, kind: 'filter' } as never)
      .to(out),
    'ANB1011 "score" is a @keyed, which .apply takes, not .filter',
  ],
  [
    'nothing given to apply',
    s.apply(undefined as never).to(out),
    'ANB1011 .apply takes a Python function, but got undefined (is there a function of that name?)',
  ],
  [
    'a JavaScript function given to apply',
    s.apply((() => 1) as never).to(out),
    'ANB1011 .apply takes a Python function, but got a JavaScript function',
  ],
  ['a chain that ends nowhere', s.to(out).apply(fn('f')), 'ANB1005 the rows of "f" go nowhere'],
  ['a job without a sink', s.apply(fn('f')), 'ANB1006 job "test" has no sink'],
  ['a job name that is no name of a folder', job('a b').from(clicks).to(out), 'ANB1010 job name "a b" is not allowed'],
  [
    'a negative limit',
    withOptions({ maxDead: -1 }),
    'ANB1017 job option maxDead must be a whole number of rows, 0 or more, but it is -1',
  ],
  [
    'no key group',
    withOptions({ keyGroups: 0 }),
    'ANB1017 job option keyGroups must be a whole number of 1 to 32,768, but it is 0',
  ],
  [
    'memory that cannot be read',
    withOptions({ workerMemory: 'much' }),
    'ANB1017 job option workerMemory must be a size such as \'2GiB\', but it is "much"',
  ],
  [
    'a parameter that is no JSON',
    withOptions({ params: { x: Number.NaN } }),
    'ANB1014 parameter "x" must be plain JSON, but it is NaN',
  ],
]

describe('a plan with a mistake is refused with a code and a sentence', () => {
  for (const [sentence, made, expected] of cases) {
    test(sentence, () => {
      const faults = faultsOf(made)
      expect(faults).toHaveLength(1)
      expect(faults[0]).toContain(expected)
    })
  }

  test('a near miss is suggested, otherwise what there is is listed', () => {
    const hints = planOf(s.apply(fn('f', { in: 'prise float64, zzz bool' })).to(out), context).faults.map(f => f.hint)
    expect(hints).toEqual(['did you mean "price"?', 'the columns here are "user", "item", "price", "qty"'])
  })

  test('the place is the line of the call, then the thing', () => {
    const made = s.apply(fn('f', { in: 'nothing bool' })).to(out)
    const here = new Error('here').stack ?? ''
    const line = Number(/lint\.test\.ts:(\d+)/.exec(here)?.[1]) - 1
    expect(planOf(made, context).faults[0]?.place).toMatch(new RegExp(`lint\\.test\\.ts:${line}, operator "f"$`))
  })
})

test('all faults are told at once, and one mistake is told once', () => {
  const made = s
    .apply(undefined as never)
    .apply(fn('after', { in: 'unknown int64' }))
    .to(files.sink('../x/', json()))
    .and(
      s
        .keyBy('usr' as never)
        .apply(fn('other', { in: 'prise float64' }))
        .to(nullSink({ checksum: 'nothing' })),
    )
  expect(faultsOf(made).map(text => text.slice(0, 7))).toEqual(['ANB1011', 'ANB4005', 'ANB1001', 'ANB1001', 'ANB1001'])
})

test('a types file that was not written from the module as it is now is refused, by digest', () => {
  const made = s.apply(fn('f')).to(out)
  expect(faultsOf(made, { digestOf: () => 'source' })).toEqual([])
  expect(faultsOf(made, { digestOf: () => 'another' })).toEqual([
    'ANB1009 transforms.anabranch.ts was not written from transforms.py as it is now',
  ])
  expect(faultsOf(made, { digestOf: () => null })).toEqual(['ANB1020 Python module transforms.py does not exist'])
})

import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/index.js'
import {
  bytesOf,
  custom,
  explain,
  files,
  graphText,
  job,
  json,
  msOf,
  nullSink,
  pathsOf,
  postgres,
  socket,
  withParams,
} from '../../../src/plan/index.js'
import { placeOfStack } from '../../../src/plan/place.js'
import { nearest } from '../../../src/base/index.js'
import { cleanPlan, clicks, columns, fn } from './functions.js'

const out = files.sink('out/', json())
const score = fn('score', { in: 'price float64', state: 'n int64', out: 'z float64', side: { odd: 'why utf8' } })
const scored = job('clicks', { params: { limit: 5 } })
  .from(clicks)
  .keyBy('user')
  .apply(score)
const plan = cleanPlan(
  scored
    .to(out)
    .side('odd' as never)
    .to(socket.sink('unix:///tmp/odd')),
)

test('explain says what is promised for each path, what each node adds, and what travels', () => {
  expect(explain(plan).replaceAll(/ +\S*explain\.test\.ts:\d+/g, '')).toBe(
    `job "clicks"

parameters
  limit = 5

paths
  from -> to       guarantee      changes  why
  files -> out     exactly once   append   the sink shows the rows of an epoch together with its marker
  files -> socket  at least once  append   a socket cannot take rows back

nodes
  id      what                            reads      columns                                         place
  files   source files in/*.jsonl (json)             user utf8, item utf8, price float64, qty int64
  key     key by user                     files
  score   keyed transform score           key        + z float64; odd: why utf8
  out     sink files out/ (json)          score
  socket  sink socket unix:///tmp/odd     score.odd

worker calls
  stage  operators  key   ships  adds
  0      score      user  price  z`,
  )
})

test('explain says who gives up the order of rows, and which keyed stages see it', () => {
  const lookup = fn('lookup', { in: 'price float64', out: 'name utf8', mode: 'row', unordered: true })
  const told = explain(cleanPlan(job('order').from(clicks).apply(lookup).keyBy('user').apply(score).to(out)))
  expect(told).toContain('transform lookup (row by row), unordered')
  expect(told).toContain(`
order
  "lookup" gives up the order of its rows: batches overtake one another
  "score" gets the rows of a key in any order
`)
  expect(explain(plan)).not.toContain('order\n')
})

test('a source that is read once says why', () => {
  const lines = socket('tcp://h:1', json(columns('a int64')))
  const once = { schema: { a: 'int64' }, bounded: false, replayable: false } as const
  const feed = custom.source('file:///x.ts', 'feed', once)
  expect(explain(cleanPlan(job('once').from(lines).to(out)))).toContain(
    'socket -> out  at most once  append   a socket has no places to go on at: what it gave before a crash is gone',
  )
  expect(explain(cleanPlan(job('once').from(feed).to(out)))).toContain(
    'feed -> out  at most once  append   it declares replayable: false: what it gave before a crash is gone',
  )
})

describe('the guarantee of a path', () => {
  const lines = socket('tcp://h:1', json(columns('a int64')))
  const cases = [
    ['files to files', job('g').from(clicks).to(out), 'exactly once'],
    ['files to files without epochs', job('g', { epoch: 'off' }).from(clicks).to(out), 'exactly once per finished run'],
    ['files to a socket', job('g').from(clicks).to(socket.sink('tcp://h:1')), 'at least once'],
    ['a socket to files', job('g').from(lines).to(out), 'at most once'],
    ['a socket to nothing', job('g').from(lines).to(nullSink()), 'at most once'],
  ] as const
  const table = postgres.sink({ url: { env: 'DB' }, table: 'clicks', key: ['user'] })
  const epochs = job('g', { epoch: '1s' })
  const inEpochs = [
    ['files to files', epochs.from(clicks).to(out), 'exactly once'],
    ['files to files at least once', epochs.from(clicks).to(out, { delivery: 'at-least-once' }), 'at least once'],
    ['files to a table', epochs.from(clicks).to(table), 'exactly once'],
    ['files to a table at least once', epochs.from(clicks).to(table, { delivery: 'at-least-once' }), 'at least once'],
    ['files to a socket', epochs.from(clicks).to(socket.sink('tcp://h:1')), 'at least once'],
    ['a socket to a table', epochs.from(lines).to(postgres.sink({ url: { env: 'DB' }, table: 'a' })), 'at most once'],
  ] as const
  for (const [sentence, made, expected] of inEpochs) {
    test(`with epochs, ${sentence}`, () => {
      expect(pathsOf(cleanPlan(made)).map(path => path.guarantee)).toEqual([expected])
    })
  }
  test('to a table without epochs, and how a key changes it', () => {
    expect(pathsOf(cleanPlan(job('g', { epoch: 'off' }).from(clicks).to(table)))).toEqual([
      {
        source: 'files',
        sink: 'postgres',
        change: 'upsert',
        guarantee: 'at least once',
        why: 'without epochs rows go out as they come',
      },
    ])
  })
  test('with epochs, files to nothing, which shows nothing', () => {
    const [path] = pathsOf(cleanPlan(epochs.from(clicks).to(nullSink())))
    expect(path).toMatchObject({ guarantee: 'exactly once', why: 'nothing is shown, and its rows count by epoch' })
  })
  const push = fn('push', { kind: 'sink', in: 'user utf8' })
  test.each([
    [
      '1s',
      'no marker of ours is in its service: rows may come again after a crash, with the same key g/LINEAGE/push/EPOCH/PART',
    ],
    ['off', 'without epochs rows go out as they come: a batch may come again, with the same key g/RUN/push/BATCH/PART'],
  ] as const)('to a sink of Python with epoch %s, and how its service knows rows that come again', (epoch, why) => {
    const [path] = pathsOf(cleanPlan(job('g', { epoch }).from(clicks).to(push)))
    expect(path).toEqual({ source: 'files', sink: 'push', change: 'append', guarantee: 'at least once', why })
  })
  for (const [sentence, made, expected] of cases) {
    test(sentence, () => expect(pathsOf(cleanPlan(made)).map(path => path.guarantee)).toEqual([expected]))
  }
})

test('the graph has every node and names side outputs', () => {
  const graph = graphText(plan)
  expect(graph.split('\n').filter(line => line.includes('-->'))).toEqual([
    '  n0 --> n1',
    '  n1 --> n2',
    '  n2 --> n3',
    '  n2 -->|"odd"| n4',
  ])
  expect(graph).toContain('n2["score<br/>keyed transform score"]')
})

describe('parameters from the command line are read by the type of the default', () => {
  const params = { limit: 5, name: 'a', on: true, list: [1], table: { a: 1 }, none: null }
  const made = cleanPlan(job('p', { params }).from(clicks).to(out))
  const set = (text: string) => withParams(made, [text]).params
  const cases: readonly (readonly [string, string, unknown])[] = [
    ['limit=6', 'limit', 6],
    ['limit=-1.5e3', 'limit', -1500],
    ['name=6', 'name', '6'],
    ['name=', 'name', ''],
    ['name=a=b', 'name', 'a=b'],
    ['on=false', 'on', false],
    ['list=[2,3]', 'list', [2, 3]],
    ['table={"b":2}', 'table', { b: 2 }],
    ['none=x', 'none', 'x'],
    ['none=3', 'none', 3],
    ['none=null', 'none', null],
    ['limit=9007199254740992', 'limit', 2 ** 53],
    ['limit=1e18', 'limit', 1e18],
    ['name=9007199254740993', 'name', '9007199254740993'],
    ['table={"9007199254740993":1}', 'table', { '9007199254740993': 1 }],
  ]
  for (const [text, name, expected] of cases) test(text, () => expect(set(text)[name]).toEqual(expected))

  const wrong = [
    ['limit=many', 'parameter "limit" must be a number, but got "many"'],
    ['limit=', 'parameter "limit" must be a number'],
    ['on=yes', 'must be true or false'],
    ['list={}', 'must be a JSON list'],
    ['table=1', 'must be a JSON object'],
    ['limits=6', 'job "p" has no parameter "limits"'],
    ['limit', '--set takes name=value'],
    ['limit=9223372036854775807', 'would lose digits: 9223372036854775807 becomes 9223372036854776000'],
    ['list=[1,-9007199254740993]', 'would lose digits: -9007199254740993 becomes -9007199254740992'],
    ['none=9007199254740993', 'would lose digits'],
  ] as const
  for (const [text, expected] of wrong) {
    test(`${text} is refused`, () => {
      try {
        set(text)
        expect.unreachable()
      } catch (error) {
        expect(error instanceof PlanError && error.faults[0]?.message).toContain(expected)
      }
    })
  }

  test('all that do not fit are told at once, and the plan stays as it was', () => {
    expect(() => withParams(made, ['limit=x', 'nam=y'])).toThrow(PlanError)
    expect(made.params['limit']).toBe(5)
  })
})

test('sizes and times as people write them', () => {
  const bytes = ['128MiB', '1.5 kB', 10, '10', '0', '-1', 'many', '1XB', '', null].map(bytesOf)
  expect(bytes).toEqual([2 ** 27, 1_500, 10, 10, null, null, null, null, null, null])
  expect(['60s', '500ms', '2min', '1h', 250, '1.5s', '1y', 0].map(msOf)).toEqual([
    60_000,
    500,
    120_000,
    3_600_000,
    250,
    1_500,
    null,
    null,
  ])
})

test('the place of a call is the first frame, in every form that a stack has', () => {
  const frames: readonly (readonly [string, unknown])[] = [
    ['Error\n    at file:///a/job.ts:18:3', { file: '/a/job.ts', line: 18 }],
    ['Error\n    at Object.run (/a b/job.ts:7:10)\n    at x (/c.ts:1:1)', { file: '/a b/job.ts', line: 7 }],
    ['Error\n    at file:///a/job%20x.ts?tsx=1:4:3', { file: '/a/job x.ts', line: 4 }],
    ['Error\n    at async file:///a/(draft)/job.ts:9:1', { file: '/a/(draft)/job.ts', line: 9 }],
    ['Error\n    at <anonymous>\n    at async f (node:internal/x:1:2)', null],
  ]
  for (const [stack, expected] of frames) expect(placeOfStack(stack)).toEqual(expected)
})

test('a near miss is one that is near', () => {
  const names = ['price', 'quantity', 'user']
  expect(['prise', 'Price', 'quantty', 'usr', 'zzz', 'item'].map(name => nearest(name, names))).toEqual([
    'price',
    'price',
    'quantity',
    'user',
    null,
    null,
  ])
})

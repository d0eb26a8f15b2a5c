import { describe, expect, test } from 'vitest'
import {
  type JobLike,
  type Topology,
  files,
  job,
  json,
  nullSink,
  openStages,
  arrow,
  parquet,
  schemaIds,
  stagesOf,
} from '../../../src/plan/index.js'
import { cleanPlan, clicks, columns, fn } from './functions.js'

const out = (name: string) => files.sink(`${name}/`, json())
const stateless = (name: string, more = {}) => fn(name, { in: 'price float64', out: `${name} float64`, ...more })
const keyed = (name: string, more = {}) => stateless(name, { state: 'n int64', ...more })

/** A stage as `a+b by user(price -> a, b)`, another vertex by its id; `<-` what each reads. */
function read(topology: Topology): readonly string[] {
  return topology.vertices.map(vertex => {
    const inputs = vertex.inputs.map(
      ({ vertex: at, side }) => `${topology.vertices[at]?.id}${side ? `.${side.operator}:${side.name}` : ''}`,
    )
    const reads = inputs.length > 0 ? ` <- ${inputs.join(' & ')}` : ''
    if (vertex.kind !== 'stage') return `${vertex.id}${reads}`
    const names = (schema: { readonly fields: readonly { readonly name: string }[] }) =>
      schema.fields.map(f => f.name).join(' ')
    const key = vertex.key === null ? '' : ` by ${vertex.key.columns.join(' ')}`
    return `${vertex.number}: ${vertex.id}${key} (${names(vertex.shipped)} -> ${names(vertex.output)})${reads}`
  })
}

const s = job('test').from(clicks)

describe('neighbouring transforms are one worker call', () => {
  const cases: readonly (readonly [string, JobLike, readonly string[]])[] = [
    [
      'a chain without a key is one stage',
      s.apply(stateless('a')).apply(stateless('b')).to(out('x')),
      ['files', '0: a+b (price -> a b) <- files', 'x <- a+b'],
    ],
    [
      'a column that an earlier one of the chain makes is not shipped',
      s
        .apply(stateless('a'))
        .apply(fn('b', { in: 'a float64, qty int64', out: 'c float64' }))
        .to(out('x')),
      ['files', '0: a+b (price qty -> a c) <- files', 'x <- a+b'],
    ],
    [
      'a column that is read first and replaced later is shipped',
      s
        .apply(fn('a', { in: 'price float64', out: 'price float64' }))
        .apply(stateless('b'))
        .to(out('x')),
      ['files', '0: a+b (price -> price b) <- files', 'x <- a+b'],
    ],
    [
      'an exchange stands where a key was chosen that a keyed transform uses',
      s.apply(stateless('a')).keyBy('user').apply(keyed('k')).apply(stateless('b')).to(out('x')),
      ['files', '0: a (price -> a) <- files', '1: k+b by user (price -> k b) <- a', 'x <- k+b'],
    ],
    [
      'stateless ones between keyBy and the keyed one travel with it',
      s.keyBy('user').apply(stateless('a')).apply(keyed('k')).to(out('x')),
      ['files', '0: a+k by user (price -> a k) <- files', 'x <- a+k'],
    ],
    [
      'a keyBy that nobody uses moves no row',
      s.apply(stateless('a')).keyBy('user').apply(stateless('b')).to(out('x')),
      ['files', '0: a+b (price -> a b) <- files', 'x <- a+b'],
    ],
    [
      'two keyed ones with one key are one call',
      s.keyBy('user', 'item').apply(keyed('k')).apply(keyed('l')).to(out('x')),
      ['files', '0: k+l by user item (price -> k l) <- files', 'x <- k+l'],
    ],
    [
      'another key is another call',
      s.keyBy('user').apply(keyed('k')).keyBy('item').apply(stateless('a')).apply(keyed('l')).to(out('x')),
      ['files', '0: k by user (price -> k) <- files', '1: a+l by item (price -> a l) <- k', 'x <- a+l'],
    ],
    [
      'rows with two readers end a chain, so that the transform runs once for each row',
      ((t: typeof s) =>
        t
          .apply(stateless('b'))
          .to(out('x'))
          .and(t.to(out('y'))))(s.apply(stateless('a'))),
      ['files', '0: a (price -> a) <- files', '1: b (price -> b) <- a', 'x <- b', 'y <- a'],
    ],
    [
      'rows that are read with a key and without one have two readers',
      ((t: typeof s) =>
        t
          .keyBy('user')
          .apply(keyed('k'))
          .to(out('x'))
          .and(t.to(out('y'))))(s.apply(stateless('a'))),
      ['files', '0: a (price -> a) <- files', '1: k by user (price -> k) <- a', 'x <- k', 'y <- a'],
    ],
    [
      'a side output of an inner transform leaves the chain by its number',
      ((t: ReturnType<typeof s.apply>) =>
        t
          .apply(stateless('b'))
          .to(out('x'))
          .and(t.side('odd' as never).to(out('y'))))(
        s.apply(stateless('a', { side: { even: 'price float64', odd: 'qty int64' } })),
      ),
      ['files', '0: a+b (price -> a b) <- files', 'x <- a+b', 'y <- a+b.0:odd'],
    ],
    [
      'select and union are vertices of their own',
      s
        .select('user', { price: 'cost' })
        .union(s.select('user', { price: 'cost' }))
        .to(out('x')),
      ['files', 'select <- files', 'select-2 <- files', 'union <- select & select-2', 'x <- union'],
    ],
  ]
  for (const [sentence, made, expected] of cases) {
    test(sentence, () => expect(read(stagesOf(cleanPlan(made)))).toEqual(expected))
  }

  test('schemas follow the rows: replaced in place, added last, side outputs alone', () => {
    const made = s
      .apply(fn('a', { out: 'price utf8, z bool', side: { odd: 'why utf8' } }))
      .to(out('x'))
      .side('odd' as never)
      .to(out('y'))
    const sinks = stagesOf(cleanPlan(made)).vertices.filter(vertex => vertex.kind === 'sink')
    expect(sinks.map(sink => sink.schema.fields.map(f => `${f.name} ${f.type.kind}`))).toEqual([
      ['user utf8', 'item utf8', 'price utf8', 'qty int64', 'z bool'],
      ['why utf8'],
    ])
  })
})

describe('a source of tables reads only what somebody needs', () => {
  const rows = job('p').from(files('*.parquet', parquet(columns('a float64, b float64, c utf8, k utf8'))))
  const cases: readonly (readonly [string, JobLike, readonly string[]])[] = [
    ['a file gets all columns', rows.to(out('x')), ['a', 'b', 'c', 'k']],
    ['a sink of Python needs what it declares', rows.to(fn('push', { kind: 'sink', in: 'b float64' }) as never), ['b']],
    ['a null sink without a checksum needs none; one is read to count rows', rows.to(nullSink()), ['a']],
    ['the checksum', rows.to(nullSink({ checksum: 'b' })), ['b']],
    [
      'of Arrow too',
      job('p')
        .from(files('*.arrow', arrow(columns('a float64, b float64'))))
        .to(nullSink({ checksum: 'b' })),
      ['b'],
    ],
    [
      'the inputs of a transform',
      rows.apply(fn('f', { in: 'b float64', out: 'z float64' })).to(nullSink({ checksum: 'z' })),
      ['b'],
    ],
    [
      'not a column that was replaced unread',
      rows.apply(fn('f', { in: 'b float64', out: 'a float64' })).to(nullSink({ checksum: 'a' })),
      ['b'],
    ],
    [
      'the key',
      rows
        .keyBy('k')
        .apply(fn('f', { state: 'n float64', out: 'z float64' }))
        .to(nullSink()),
      ['k'],
    ],
    ['through renames', rows.select('k', { c: 'd' }, 'a').to(nullSink({ checksum: 'a' })), ['a']],
    [
      'both sides of a union',
      rows
        .select('a', 'b')
        .union(rows.select('a', 'b'))
        .to(nullSink({ checksum: 'b' })),
      ['b'],
    ],
  ]
  for (const [sentence, made, expected] of cases) {
    test(sentence, () => {
      const [source] = stagesOf(cleanPlan(made)).vertices
      expect(source?.kind === 'source' && source.schema.fields.map(f => f.name)).toEqual(expected)
    })
  }

  test('JSON lines are decoded whole: whether a line parses does not depend on the job', () => {
    const [source] = stagesOf(cleanPlan(s.to(nullSink()))).vertices
    expect(source?.kind === 'source' && source.schema.fields.length).toBe(4)
  })

  test('a select names only columns that are there', () => {
    const topology = stagesOf(cleanPlan(rows.select('a', { b: 'x' }).to(nullSink({ checksum: 'x' }))))
    const select = topology.vertices.find(vertex => vertex.kind === 'select')
    expect(select?.columns).toEqual([{ from: 'b', to: 'x' }])
  })
})

test('OPEN carries each stage with its schemas, as the protocol says', () => {
  const made = s
    .keyBy('user', { nullKeys: 'group' })
    .apply(keyed('k', { side: { odd: 'why utf8' }, atEnd: true }))
    .to(out('x'))
  expect(openStages(stagesOf(cleanPlan(made)))).toEqual([
    {
      id: 0,
      shipped: [['price', 'float64']],
      schemaId: 1,
      key: ['user'],
      keys: [['user', 'utf8']],
      operators: [
        {
          id: 'k',
          module: '/job/transforms.py',
          function: 'k',
          kind: 'transform',
          mode: 'batch',
          keyed: true,
          inputs: [['price', 'float64']],
          outputs: [['k', 'float64']],
          state: [['n', 'int64']],
          side: { odd: [['why', 'utf8']] },
          atEnd: true,
          declared: 'declared k',
        },
      ],
      output: [['k', 'float64']],
    },
  ])
  expect([schemaIds.state(2), schemaIds.side(2, 1)]).toEqual([18, 289])
})

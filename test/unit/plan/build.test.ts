import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/index.js'
import {
  type JobLike,
  checkedPlan,
  files,
  isJob,
  job,
  jobOf,
  json,
  nullSink,
  planOf,
  socket,
  text,
} from '../../../src/plan/index.js'
import { cleanPlan, clicks, context, fn } from './functions.js'

const out = (name: string) => files.sink(`${name}/`, json())
const f = fn('f', { in: 'price float64', out: 'z float64', side: { odd: 'price float64' } })
/** `node <- inputs` of each node. */
const shape = (made: JobLike): readonly string[] =>
  cleanPlan(made).nodes.map(node => {
    const inputs = node.kind === 'source' ? [] : node.kind === 'union' ? node.inputs : [node.input]
    return [node.id, ...inputs.map(i => `${i.node}${i.output ? `.${i.output}` : ''}`)].join(' <- ')
  })

describe('a stream is a value', () => {
  test('what is built on a stream changes neither it nor its other branches', () => {
    const base = job('test').from(clicks)
    const a = base.apply(f).to(out('a'))
    const b = base.filter(fn('keep', { kind: 'filter' })).to(out('b'))
    expect(shape(a)).toEqual(['files', 'f <- files', 'a <- f'])
    expect(shape(b)).toEqual(['files', 'keep <- files', 'b <- keep'])
    expect([Object.isFrozen(base), Object.isFrozen(a)]).toEqual([true, true])
  })

  test('several outputs of one chain get the same rows', () => {
    expect(shape(job('test').from(clicks).to(out('a')).to(out('b')))).toEqual(['files', 'a <- files', 'b <- files'])
  })

  test('a side output can be taken after the rows were written', () => {
    const made = job('test')
      .from(clicks)
      .apply(f)
      .to(out('a'))
      .side('odd' as never)
      .to(out('b'))
    expect(shape(made)).toEqual(['files', 'f <- files', 'a <- f', 'b <- f.odd'])
  })

  test('branches are brought together with and, and a branch that both have stands once', () => {
    const scored = job('test').from(clicks).apply(f)
    const made = scored
      .to(out('a'))
      .and(scored.side('odd' as never).to(out('b')))
      .and(scored.to(out('c')))
    expect(shape(made)).toEqual(['files', 'f <- files', 'a <- f', 'b <- f.odd', 'c <- f'])
  })

  test('the job of a chain has every output that was written on it, as statements write them', () => {
    const scored = job('test').from(clicks).apply(f)
    scored.side('odd' as never).to(out('b'))
    const last = scored.to(out('a'))
    expect(shape(jobOf(last))).toEqual(['files', 'f <- files', 'b <- f.odd', 'a <- f'])
    expect(shape(last)).toEqual(['files', 'f <- files', 'a <- f'])
  })

  test('a union has the outputs of both streams', () => {
    const j = job('test')
    const made = j.from(clicks).to(out('a')).union(j.from(clicks)).to(out('b'))
    expect(shape(made)).toEqual(['files', 'a <- files', 'files-2', 'union <- files <- files-2', 'b <- union'])
  })
})

test('ids: the one given, else the name of the transform, else a free one', () => {
  const made = job('test')
    .from(clicks, { id: 'in' })
    .apply(f, { id: 'first' })
    .apply(fn('f'))
    .to(out('f'))
    .to(nullSink())
    .to(nullSink())
  expect(cleanPlan(made).nodes.map(node => node.id)).toEqual(['in', 'first', 'f', 'f-2', 'null', 'null-2'])
})

test('schemas: outputs are added, the same name is replaced in place; select renames from: to', () => {
  const made = job('test')
    .from(clicks)
    .apply(fn('f', { out: 'price utf8, z bool' }))
    .select('z', { price: 'cost' })
    .to(out('a'))
  const schemas = cleanPlan(made).nodes.map(node =>
    node.kind === 'sink' ? '' : node.schema.map(c => c.join(' ')).join(', '),
  )
  expect(schemas).toEqual([
    'user utf8, item utf8, price float64, qty int64',
    'user utf8, item utf8, price utf8, qty int64, z bool',
    'z bool, cost utf8',
    '',
  ])
})

test('the plan is frozen all the way down, and what the user holds is not', () => {
  const params = { limits: { low: 1 } }
  const plan = cleanPlan(job('test', { params }).from(clicks).apply(f).to(out('a')))
  const [source] = plan.nodes
  expect([plan, plan.nodes, source, plan.params['limits'], plan.options].every(Object.isFrozen)).toBe(true)
  expect(Object.isFrozen(params.limits)).toBe(false)
})

test('options: sizes and times as text, defaults as documented', () => {
  const options = {
    maxDead: 3,
    workerMemory: '2GiB',
    workerRecycle: 1_000_000,
    transientMax: '5s',
    restart: { policy: 'fixed-delay' },
  } as const
  expect(cleanPlan(job('test', options).from(clicks).to(out('a'))).options).toEqual({
    maxDead: 3,
    keyGroups: 128,
    workerMemoryBytes: 2 ** 31,
    recycleBytes: 1_000_000,
    transientMaxMs: 5_000,
    epochMs: 1_000,
    stateBudgetBytes: null,
    stateBytesMax: 2 ** 20,
    restart: { policy: 'fixed-delay', attempts: 1, delayMs: 1_000 },
  })
  const [, sink] = cleanPlan(job('test').from(clicks).to(out('a'))).nodes
  expect(sink?.kind === 'sink' && sink.connector).toEqual({
    kind: 'files',
    path: 'a/',
    format: { kind: 'json' },
    roll: { bytes: 2 ** 27, ms: 60_000 },
    delivery: 'exactly-once',
    partitionBy: [],
  })
})

test('a sink is told when it may show rows', () => {
  const [, sink] = cleanPlan(job('test').from(clicks).to(out('a'), { delivery: 'at-least-once' })).nodes
  expect(sink).toMatchObject({ connector: { kind: 'files', delivery: 'at-least-once' } })
})

test('sources: sockets, lines of text, and columns written by hand', () => {
  const lines = job('test').from(files('*.txt', text())).to(nullSink())
  expect(cleanPlan(lines).nodes[0]).toMatchObject({ schema: [['line', 'utf8']] })
  const rows = job('test')
    .from(socket('unix:///tmp/s', json({ a: 'int64' })))
    .to(socket.sink('tcp://[::1]:9000'))
  expect(cleanPlan(rows).nodes.map(node => node.id)).toEqual(['socket', 'socket-2'])
})

test('one error lists all faults of a job', () => {
  const made = job('bad name').from(clicks)
  try {
    checkedPlan(made, context)
    expect.unreachable()
  } catch (error) {
    expect(error).toBeInstanceOf(PlanError)
    expect(error instanceof PlanError && error.faults.map(fault => fault.code)).toEqual(['ANB1010', 'ANB1006'])
  }
})

test('only a job is a job', () => {
  expect([isJob(job('x')), isJob(job('x').from(clicks)), isJob({}), isJob(null), isJob('job')]).toEqual([
    true,
    true,
    false,
    false,
    false,
  ])
  expect(planOf(job('x'), context).faults.map(fault => fault.code)).toEqual(['ANB1006', 'ANB1006'])
})

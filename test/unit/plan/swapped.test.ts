/** A running job with other functions: what may change is how rows are worked on, and not what flows between operators. */
import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/index.js'
import {
  type FunctionRef,
  type Plan,
  files,
  job,
  json,
  parquet,
  stagesOf,
  withFunctions,
} from '../../../src/plan/index.js'
import { type Fn, cleanPlan, clicks, columns, fn } from './functions.js'

const sums = (more: Fn = {}) =>
  fn('sums', {
    in: 'price float64',
    out: 'sum float64, n int64',
    state: 'sum float64',
    side: { odd: 'user utf8' },
    ...more,
  })
const sink = files.sink('out/', json())

const planWith = (of: Fn = {}): Plan => {
  const keyed = job('shop').from(clicks, { id: 'clicks' }).keyBy('user').apply(sums(of))
  keyed.side('odd').to(files.sink('odd/', json()))
  return cleanPlan(keyed.select('user', 'sum').to(sink))
}
const running = planWith()
const stay = { modules: [], rows: 'stay' } as const

/** As a module declares it that is to be swapped in. */
function declared(more: Fn = {}): FunctionRef {
  const { from: _, kind, ...rest } = sums(more)
  if (kind === 'sink') throw new RangeError('a sink is no transform')
  return { ...rest, kind, module: '/job/new.py' }
}
const swapped = (more: Fn = {}, plan = running): Plan =>
  withFunctions(plan, new Map([['sums', declared(more)]]), {
    modules: [{ path: '/job/new.py', source: 'new', types: '' }],
    rows: 'stay',
  })

function refusal(of: () => unknown): PlanError {
  try {
    of()
  } catch (error) {
    if (error instanceof PlanError) return error
    throw error
  }
  throw new Error('expected a refusal')
}

test('a function is replaced by the id of its operator; all others, sources and sinks are those that run', () => {
  const plan = swapped({ timeoutMs: 5, mode: 'row' })
  const [before, after] = [stagesOf(running).vertices, stagesOf(plan).vertices]
  expect(after.map(v => v.id)).toEqual(before.map(v => v.id))
  expect(plan.modules).toEqual([{ path: '/job/new.py', source: 'new', types: '' }])
  const fns = plan.nodes.flatMap(node => (node.kind === 'python' ? [node.fn] : []))
  expect(fns.map(({ module, timeoutMs, mode }) => [module, timeoutMs, mode])).toEqual([['/job/new.py', 5, 'row']])
  expect(Object.isFrozen(plan.nodes)).toBe(true)
})

test('what it keeps and what it reads of the rows may be something else', () => {
  expect(() => swapped({ state: 'sum float64, last utf8', in: 'price float64, qty int64' })).not.toThrow()
})

describe('it is refused where', () => {
  test.each<readonly [string, Fn, string]>([
    ['a column is gone that flows on', { out: 'sum float64' }, 'lacks output column "n"'],
    [
      'a column is new',
      { out: 'sum float64, n int64, m int64' },
      'has output column "m", which the running job does not know',
    ],
    [
      'a column has another type',
      { out: 'sum float64, n int32' },
      'has output column "n" as int32, the running job as int64',
    ],
    ['columns come in another order', { out: 'n int64, sum float64' }, 'declares its output columns in another way'],
    [
      'a column may be null that was required',
      { out: 'sum float64 required, n int64' },
      'declares its output columns in another way',
    ],
    ['it is another kind of function', { kind: 'flat_map' }, 'has another kind than in the running job'],
    [
      'a side output is another one',
      { side: { odd: 'item utf8' } },
      'has another side outputs than in the running job',
    ],
    [
      'something is called at the end that was not',
      { atEnd: true },
      'has another call at the end than in the running job',
    ],
    [
      'batches may overtake each other that could not',
      { unordered: true },
      'has another order of batches than in the running job',
    ],
  ])('%s', (_, more, says) => {
    const { code, message } = refusal(() => swapped(more))
    expect([code, message]).toEqual(['ANB1027', `transform "sums" ${says}`])
  })

  test('the rows have no such column, or one of another type', () => {
    expect(refusal(() => swapped({ in: 'cost float64' })).message).toContain('column "cost"')
    expect(refusal(() => swapped({ in: 'price utf8' })).message).toContain('"price"')
  })

  test('several things differ: the first is said, and all others with it', () => {
    const { message, detail } = refusal(() => swapped({ out: 'n int32', atEnd: true }))
    expect(message).toBe('transform "sums" lacks output column "sum"')
    expect(detail).toBe(
      [
        'transform "sums" has output column "n" as int32, the running job as int64',
        'transform "sums" has another call at the end than in the running job',
      ].join('\n'),
    )
  })

  test('a table would have to be read with more columns, or fewer, than it was opened with', () => {
    const table = files('in/*.parquet', parquet(columns('user utf8, price float64, qty int64')))
    const score = (reads: string) => fn('score', { in: reads, out: 'risk float64' })
    const plan = cleanPlan(
      job('shop').from(table, { id: 'table' }).apply(score('price float64')).select('user', 'risk').to(sink),
    )
    const replaced = (reads: string) => () => {
      const { from: _, kind: __, ...rest } = score(reads)
      return withFunctions(plan, new Map([['score', { ...rest, kind: 'transform', module: '/job/new.py' }]]), stay)
    }
    expect(refusal(replaced('qty int64')).message).toBe(
      'source "table" would have to be read with column "qty" from now on',
    )
    expect(refusal(replaced('')).message).toBe('source "table" would have to be read with fewer columns from now on')
    expect(replaced('price float64')).not.toThrow()
  })

  // The stages behind it had other numbers, so calls would have gone to the functions of others.
  test('a map has its entries named by a column of the same call, which would be cut in two', () => {
    const named = { keep: { as: 'map', entries: 'label' } } as const
    const label = fn('label', { in: 'item utf8', out: 'label utf8' })
    const plan = cleanPlan(
      job('shop')
        .from(clicks)
        .keyBy('user')
        .apply(label)
        .apply(sums({ in: 'label utf8', side: {} }))
        .to(sink),
    )
    const { from: _, kind: __, ...rest } = sums({ in: 'label utf8', side: {} })
    const state = [['seen', 'map<utf8, int64>', named]] as const
    const next = { ...rest, kind: 'transform', module: '/job/new.py', state } as const
    expect(refusal(() => withFunctions(plan, new Map([['sums', next]]), stay)).message).toBe(
      'operators "label" would be called in other groups from now on',
    )
  })
})

import { describe, expect, test } from 'vitest'
import { PlanError } from '../../../src/base/index.js'
import { parquetSchemaText, typesFileText } from '../../../src/cli/types-file.js'
import { camelCase } from '../../../src/plan/index.js'
import { type DescribedFunction, type DescribedModule } from '../../../src/workers/index.js'

const described = (name: string, more: Partial<DescribedFunction> = {}): DescribedFunction => ({
  name,
  kind: 'transform',
  keyed: false,
  mode: 'batch',
  inputs: [['price', 'float64']],
  outputs: [['z', 'float64']],
  state: [],
  side: {},
  atEnd: false,
  timeoutMs: 30_000,
  unordered: false,
  doc: '',
  line: 7,
  declared: 'd',
  ...more,
})
const module = (
  functions: readonly DescribedFunction[],
  schemas: DescribedModule['schemas'] = {},
): DescribedModule => ({
  path: '/job/transforms.py',
  source: 'abc',
  doc: '',
  schemas,
  functions,
  contracts: [],
  migrations: [],
})

const Click = [
  ['user', 'utf8', { required: true }],
  ['at', 'timestamp[ms, UTC]'],
  ['n', 'int64', { default: "it's" }],
] as const

test('a module becomes a file of data: schemas keep their names, functions are camelCase, docstrings are comments', () => {
  const score = described('running_score', {
    keyed: true,
    state: [['n', 'int64']],
    doc: 'Scores.\nEnds no */ comment.',
    side: { 'odd rows': [['why', 'utf8']] },
    atEnd: true,
  })
  expect(typesFileText(module([score], { Click }))).toBe(
    `// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: 'abc' } as const

const schemas = {
  Click: [
    ['user', 'utf8', { required: true }],
    ['at', 'timestamp[ms, UTC]'],
    ['n', 'int64', { default: 'it\\'s' }],
  ],
} as const

const functions = {
  runningScore: {
    name: 'running_score',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['price', 'float64']],
    outputs: [['z', 'float64']],
    state: [['n', 'int64']],
    side: {
      'odd rows': [['why', 'utf8']],
    },
    atEnd: true,
    timeoutMs: 30000,
    declared: 'd',
    from,
  },
} as const

export interface RunningScoreFunction extends Readonly<(typeof functions)['runningScore']> {}

export default {
  ...schemas,
  /**
   * Scores.
   * Ends no *\\/ comment.
   *
   * Keyed transform: reads price float64 and adds z float64.
   * Side output "odd rows": why utf8.
   */
  runningScore: functions.runningScore as RunningScoreFunction,
}
`,
  )
})

test('an unordered function says so, so that the plan can', () => {
  expect(typesFileText(module([described('f', { unordered: true })]))).toContain('    unordered: true,\n')
  expect(typesFileText(module([described('f')]))).not.toContain('unordered')
})

test('names in TypeScript', () => {
  const names = ['enrich', 'running_score', 'a__b', '_private', 'x_1', 'CamelCase', 'end_', 'default']
  expect(names.map(camelCase)).toEqual([
    'enrich',
    'runningScore',
    'aB',
    '_private',
    'x1',
    'CamelCase',
    'end',
    'default',
  ])
})

describe('two names that are one in TypeScript are refused', () => {
  const cases = [
    [
      'two functions',
      module([described('a_b'), described('aB', { line: 9 })]),
      'function "aB" and function "a_b" are both "aB" in TypeScript',
    ],
    [
      'a function and a schema',
      module([described('click')], { click: [] }),
      'function "click" and schema "click" are both "click" in TypeScript',
    ],
  ] as const
  for (const [sentence, given, expected] of cases) {
    test(sentence, () => {
      try {
        typesFileText(given)
        expect.unreachable()
      } catch (error) {
        expect(error instanceof PlanError && [error.code, error.faults[0]?.message]).toEqual(['ANB1012', expected])
      }
    })
  }
})

describe('the schema of a Parquet file', () => {
  const columns = [
    ['at', 'timestamp[us, UTC]'],
    ['n', 'int64'],
    ['tags', 'list<utf8>'],
    ['price', 'decimal128(9, 2)'],
  ] as const
  const options = { path: '/x/flights-3m.parquet', name: null, ts: false }
  test('as Python', () => {
    expect(parquetSchemaText(columns, options)).toBe(
      'Flights3m = ab.schema(\n    {\n        "at": ab.timestamp("us", "UTC"),\n        "n": ab.int64,\n        "tags": "list<utf8>",\n        "price": ab.decimal128(9, 2),\n    }\n)',
    )
  })
  test('as TypeScript, under a name', () => {
    expect(parquetSchemaText(columns.slice(1, 2), { ...options, name: 'N', ts: true })).toBe(
      "export const N = [['n', 'int64']] as const",
    )
  })
  test('a column of a type that we do not have is named', () => {
    expect(() => parquetSchemaText([['x', null]], options)).toThrow(
      'flights-3m.parquet has columns of types that we do not have: "x"',
    )
  })
})

test('a contract is data with its rules, which show in the editor', () => {
  const rules = [{ kind: 'matches', columns: ['user'], arguments: { pattern: "it's" }, text: "user must match it's" }]
  const text = typesFileText({
    ...module([]),
    contracts: [{ name: 'good_clicks', columns: [['user', 'utf8']], rules, declared: 'd' }],
  })
  expect(text).toContain(`const contracts = {
  /**
   * Contract:
   * - user must match it's
   */
  goodClicks: {
    name: 'good_clicks',
    columns: [['user', 'utf8']],
    rules: [
      { kind: 'matches', columns: ['user'], arguments: { pattern: 'it\\'s' }, text: 'user must match it\\'s' },
    ],
    declared: 'd',
    from,
  },
} as const
`)
  expect(text).toContain('  goodClicks: contracts.goodClicks,')
})

test('a contract and a function of one name are refused', () => {
  const contracts = [{ name: 'good', columns: [], rules: [], declared: 'd' }]
  expect(() => typesFileText({ ...module([described('good')]), contracts })).toThrow(PlanError)
})

test('a sink says in the editor what it reads, and gives nothing', () => {
  const text = typesFileText(module([described('push', { kind: 'sink', inputs: [['user', 'utf8']] })]))
  expect(text).toContain("kind: 'sink',")
  expect(text).toContain('Sink: reads user utf8.')
})

/**
 * The transforms of simulated jobs, as a types file would declare them. Two rooms know what they do: `stand-in`, which
 * runs them over columns as a Python worker would, and `oracle`, which says row by row what must come out.
 *
 * Each reads `fate`: which operator does what evil with this row. Numbers, so that an evil row is known by its values
 * alone, in whatever batch and process it turns up.
 */
import { type FunctionRef } from '../../plan/index.js'

/** What becomes of a row in the operator that its fate names. */
export const fates = {
  fine: 0,
  /** The call raises. */
  raise: 1,
  /** The process dies of SIGSEGV. */
  crash: 2,
  /** The call never ends. */
  hang: 3,
  /** `ab.reject`. */
  reject: 4,
  /** It raises in row mode: a dead row of a good reply. */
  rowError: 5,
  /** `os._exit(0)`. */
  exit: 6,
  /** The kernel kills the process, each time. */
  killed: 7,
} as const
export type Fate = (typeof fates)[keyof typeof fates]

export const fateOf = (operator: number, fate: Fate): number => 16 * (operator + 1) + fate

/** The fate of a row in this operator. */
export const fateIn = (value: unknown, operator: number): number =>
  typeof value === 'number' && value >> 4 === operator + 1 ? value & 15 : fates.fine

/** Rows that `spread` makes of one: none to two, or for a large `g` more than a queue holds. */
export const childrenOf = (g: number): number => (g < burst ? g % 3 : g)
export const burst = 200

/** The file of the functions, before other code was swapped in. */
export const modulePath = '/simulated/transforms.py'
export const moreAtFirst = 5

/** What a function with a bug looks at in a row, for those that it rejects. */
export const lookedAt = (name: string): 'v' | 'id' | 'g' => (name === 'scale' ? 'v' : name === 'pairs' ? 'id' : 'g')
export const isRejected = (value: unknown): boolean => Number(value) % 11 === 0

/** A key that raises at the end of input. */
export const badAtEnd = 'bad at end'

export const names = ['scale', 'label', 'keep', 'spread', 'aside', 'tally', 'fresh', 'pairs'] as const
export type FunctionName = (typeof names)[number]
export const keyedNames: readonly FunctionName[] = ['tally', 'fresh', 'pairs']

type Declared = Pick<FunctionRef, 'kind' | 'keyed' | 'inputs' | 'outputs' | 'state' | 'side'>
const stateless = { keyed: false, state: [], side: {} } as const

export const declared: Readonly<Record<FunctionName, Declared>> = {
  scale: {
    ...stateless,
    kind: 'transform',
    inputs: [
      ['v', 'float64'],
      ['fate', 'int32'],
    ],
    outputs: [['w', 'float64']],
  },
  label: {
    ...stateless,
    kind: 'transform',
    inputs: [
      ['k', 'utf8'],
      ['g', 'int32'],
      ['fate', 'int32'],
    ],
    outputs: [
      ['text', 'utf8'],
      ['long', 'bool'],
    ],
  },
  keep: {
    ...stateless,
    kind: 'filter',
    inputs: [
      ['g', 'int32'],
      ['fate', 'int32'],
    ],
    outputs: [],
  },
  spread: {
    ...stateless,
    kind: 'flat_map',
    inputs: [
      ['g', 'int32'],
      ['fate', 'int32'],
    ],
    outputs: [['child', 'int32']],
  },
  aside: {
    ...stateless,
    kind: 'transform',
    inputs: [
      ['id', 'int64'],
      ['k', 'utf8'],
      ['g', 'int32'],
      ['fate', 'int32'],
    ],
    outputs: [['odd', 'bool']],
    side: {
      odd: [
        ['id', 'int64'],
        ['k', 'utf8'],
        ['g', 'int32'],
        ['fate', 'int32'],
      ],
    },
  },
  tally: {
    kind: 'transform',
    keyed: true,
    inputs: [
      ['v', 'float64'],
      ['g', 'int32'],
      ['fate', 'int32'],
    ],
    outputs: [
      ['nth', 'int64'],
      ['total', 'float64'],
      ['before', 'utf8'],
    ],
    state: [
      ['n', 'int64', { default: 0 }],
      ['sum', 'float64'],
      ['last', 'utf8'],
    ],
    side: {
      totals: [
        ['k', 'utf8'],
        ['n', 'int64'],
        ['sum', 'float64'],
        ['last', 'utf8'],
      ],
    },
  },
  fresh: {
    kind: 'filter',
    keyed: true,
    inputs: [
      ['g', 'int32'],
      ['fate', 'int32'],
    ],
    outputs: [],
    state: [
      ['seen', 'int64'],
      ['n', 'int32'],
    ],
    side: {},
  },
  pairs: {
    kind: 'flat_map',
    keyed: true,
    inputs: [
      ['id', 'int64'],
      ['fate', 'int32'],
    ],
    outputs: [['partner', 'int64']],
    state: [['waiting', 'int64']],
    side: {},
  },
}

/** A column of state that a later version of `tally` keeps beside the others. */
const more = ['more', 'int64', { default: moreAtFirst }] as const

export const refOf = (name: FunctionName, timeoutMs: number, keepsMore = false): FunctionRef => ({
  ...declared[name],
  ...(keepsMore && name === 'tally' && { state: [...declared.tally.state, more] }),
  module: modulePath,
  name,
  mode: 'batch',
  atEnd: name === 'tally',
  timeoutMs,
  declared: name,
})

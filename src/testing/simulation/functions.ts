/**
 * The transforms of simulated jobs, as a types file would declare them. Two rooms know what they do: `stand-in`, which
 * runs them over columns as a Python worker would, and `oracle`, which says row by row what must come out.
 *
 * Each reads `fate`: which operator does what evil with this row. Numbers, so that an evil row is known by its values
 * alone, in whatever batch and process it turns up.
 */
import { type FunctionRef } from '../../plan/index.js'
import { type SchemaJson } from '../../schema/index.js'
import { type Keeping, keepsForEver, kept } from './keeping.js'

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

/** What a job is drawn from. */
export const names = ['scale', 'label', 'keep', 'spread', 'aside', 'tally', 'fresh', 'pairs'] as const
/** What the module of a job has: those that keep lists and maps stand in for one of the others. */
export const allNames = [...names, 'notes', 'ledger'] as const
export type FunctionName = (typeof allNames)[number]
export const keyedNames: readonly FunctionName[] = ['tally', 'fresh', 'pairs']

type Declared = Pick<FunctionRef, 'kind' | 'keyed' | 'inputs' | 'outputs' | 'state' | 'side'>
const stateless = { keyed: false, state: [], side: {} } as const
/** What is said of each key at the end of the input. */
const totals: SchemaJson = [
  ['k', 'utf8'],
  ['n', 'int64'],
  ['sum', 'float64'],
  ['last', 'utf8'],
]

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
    side: { totals },
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
  notes: {
    kind: 'transform',
    keyed: true,
    inputs: [
      ['id', 'int64'],
      ['g', 'int32'],
      ['fate', 'int32'],
    ],
    outputs: [['trail', 'utf8']],
    state: [],
    side: { totals },
  },
  ledger: {
    kind: 'transform',
    keyed: true,
    inputs: [
      ['id', 'int64'],
      ['g', 'int32'],
      ['pad', 'utf8'],
      ['fate', 'int32'],
    ],
    outputs: [
      ['was', 'int64'],
      ['latest', 'int64'],
    ],
    state: [],
    side: { totals },
  },
}

/** State of functions that a job may keep in several ways. */
const stateOf: Partial<Record<FunctionName, (keeping: Keeping) => SchemaJson>> = {
  notes: ({ list }) => [
    ['n', 'int64', { default: 0 }],
    ['seen', 'list<utf8>', kept({ as: 'list', reads: true }, list)],
    ['log', 'list<int64>', kept({ as: 'list', reads: false }, list)],
  ],
  ledger: ({ value, map, entries }) => [
    ['latest', 'int64', kept({ as: 'value' }, value)],
    ['known', 'map<utf8, int64>', kept({ as: 'map', entries }, map)],
  ],
}

/** Of `notes` and `ledger`: what a row does to the state of its key, by its `g`. */
export const does = {
  /** All state of the key goes. */
  clearsKey: (g: number): boolean => g === 11,
  clearsFirst: (g: number): boolean => g === 0,
  appends: (g: number): boolean => g % 4 !== 1,
  /** An item that is null. */
  appendsNull: (g: number): boolean => g === 2,
  removes: (g: number): boolean => g % 6 === 5,
  puts: (g: number): boolean => g % 6 !== 5 && g % 6 !== 4,
  /** A value of which the host has to know when it was written. */
  writes: (g: number): boolean => g % 2 === 0,
} as const

/** A column of state that a later version of `tally` keeps beside the others. */
const more = ['more', 'int64', { default: moreAtFirst }] as const

export const refOf = (
  name: FunctionName,
  timeoutMs: number,
  { keepsMore = false, keeping = keepsForEver }: { readonly keepsMore?: boolean; readonly keeping?: Keeping } = {},
): FunctionRef => ({
  ...declared[name],
  state: [...(stateOf[name]?.(keeping) ?? declared[name].state), ...(keepsMore && name === 'tally' ? [more] : [])],
  module: modulePath,
  name,
  mode: 'batch',
  // Where all values of a key may have expired, it depends on the moment whether it is called.
  atEnd: name === 'tally' || name === 'notes' || (name === 'ledger' && keeping.value === null),
  timeoutMs,
  declared: name,
})

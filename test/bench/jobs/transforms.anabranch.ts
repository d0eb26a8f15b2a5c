// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: '6fe17d220dce86260e200869142275e16a8cf1a0429596bc7fea827cac40aac3' } as const

const schemas = {
  Xy: [['x', 'float64'], ['y', 'float64']],
  Event: [['k', 'int64'], ['ts', 'int64'], ['x', 'float64']],
  Line: [
    ['id', 'int64'],
    ['a', 'float64'],
    ['b', 'float64'],
    ['name', 'utf8'],
    ['ts', 'int64'],
    ['ok', 'bool'],
  ],
} as const

const functions = {
  b1: {
    name: 'b1',
    kind: 'transform',
    keyed: false,
    mode: 'batch',
    inputs: [['x', 'float64'], ['y', 'float64']],
    outputs: [['z', 'float64']],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '72320d03762e19ae9f7e400e0e3eac834345a69779207ccd37165c46f5e55565',
    from,
  },
  b140: {
    name: 'b1_40',
    kind: 'transform',
    keyed: false,
    mode: 'batch',
    inputs: [['x', 'float64'], ['y', 'float64']],
    outputs: [['z', 'float64']],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '72320d03762e19ae9f7e400e0e3eac834345a69779207ccd37165c46f5e55565',
    from,
  },
  b2: {
    name: 'b2',
    kind: 'transform',
    keyed: false,
    mode: 'row',
    inputs: [['line', 'utf8']],
    outputs: [['line', 'utf8']],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '379b73e0367ae89fc5f92aa1e046bfb37679da802ee49d6cdab3965f0cb7e672',
    from,
  },
  j1: {
    name: 'j1',
    kind: 'transform',
    keyed: false,
    mode: 'batch',
    inputs: [['a', 'float64'], ['b', 'float64']],
    outputs: [['z', 'float64']],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '6a461156e0b1bf8a334621ae5e01bde7a716d894c5fcc0dc31edf5cb1703f337',
    from,
  },
  count: {
    name: 'count',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['a', 'float64']],
    outputs: [['nth', 'int64']],
    state: [['n', 'int64', { default: 0 }]],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: 'affa3f2c58c05d5ce67481fab86616f8749ff189574684ac2bdabbe7aee4b8a9',
    from,
  },
  visitFour: {
    name: 'visit_four',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['at', 'int64']],
    outputs: [['z', 'float64']],
    state: [['n', 'int64', { default: 0 }], ['f0', 'float64'], ['f1', 'float64'], ['f2', 'float64']],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: 'da7168a6c34e3f1980c8b8a3dc4600fbc4214a61291b60a84719c730b1b3e8f7',
    from,
  },
  visitSlowly: {
    name: 'visit_slowly',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['at', 'int64']],
    outputs: [['z', 'float64']],
    state: [['n', 'int64', { default: 0 }], ['f0', 'float64'], ['f1', 'float64'], ['f2', 'float64']],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: 'da7168a6c34e3f1980c8b8a3dc4600fbc4214a61291b60a84719c730b1b3e8f7',
    from,
  },
  visitTwelve: {
    name: 'visit_twelve',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['at', 'int64']],
    outputs: [['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['f0', 'float64'],
      ['f1', 'float64'],
      ['f2', 'float64'],
      ['f3', 'float64'],
      ['f4', 'float64'],
      ['f5', 'float64'],
      ['f6', 'float64'],
      ['f7', 'float64'],
      ['f8', 'float64'],
      ['f9', 'float64'],
      ['f10', 'float64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '22a36f786a519968c16bc2358e83ff1d6421d0ba839a84e7efaf70f9389fdaf7',
    from,
  },
  visitLists: {
    name: 'visit_lists',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['k', 'int64']],
    outputs: [['z', 'float64']],
    state: [
      ['n', 'int64', { keep: {"as":"value","ttl":{"ms":86400000,"update":"on_create_and_write","visibility":"never_return_expired"}} }],
      ['events', 'list<utf8>', { keep: {"as":"list","reads":true} }],
      ['log', 'list<utf8>', { keep: {"as":"list","reads":false} }],
      ['pages', 'map<int64, utf8>', { keep: {"as":"map","entries":"k"} }],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: 'f49eb24a4e4ac6db089aed56a4059f0a56e92c6aa3f98df70842771a9283a3db',
    from,
  },
  live: {
    name: 'live',
    kind: 'filter',
    keyed: false,
    mode: 'batch',
    inputs: [['live', 'bool']],
    outputs: [],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '5e525e49592b5e2d3d7725e2d7eb89a7a4f41a14754e92982d20f2c38f94aebe',
    from,
  },
  b3Row: {
    name: 'b3_row',
    kind: 'transform',
    keyed: true,
    mode: 'row',
    inputs: [['ts', 'int64'], ['x', 'float64']],
    outputs: [['n', 'int64'], ['mean', 'float64'], ['dt', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['mean', 'float64'],
      ['variance', 'float64'],
      ['last', 'int64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: 'c4f7917d669a5cca0f38159ce02549e596ad9727615f760e40600fd28e747d9d',
    from,
  },
  b3Key: {
    name: 'b3_key',
    kind: 'transform',
    keyed: true,
    mode: 'key',
    inputs: [['ts', 'int64'], ['x', 'float64']],
    outputs: [['n', 'int64'], ['mean', 'float64'], ['dt', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['mean', 'float64'],
      ['variance', 'float64'],
      ['last', 'int64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '7ab7a2993d1afc97814d2c93b108f87b55a9847f70fbc7ca514cdca0ecd631a2',
    from,
  },
  b3Rounds: {
    name: 'b3_rounds',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['ts', 'int64'], ['x', 'float64']],
    outputs: [['n', 'int64'], ['mean', 'float64'], ['dt', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['mean', 'float64'],
      ['variance', 'float64'],
      ['last', 'int64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '23b54dd6947b90fce21ef618d74264bee82a5503d5636f05c7852bea50e22cd6',
    from,
  },
  b3Scan: {
    name: 'b3_scan',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['ts', 'int64'], ['x', 'float64']],
    outputs: [['n', 'int64'], ['mean', 'float64'], ['dt', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['mean', 'float64'],
      ['variance', 'float64'],
      ['last', 'int64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '23b54dd6947b90fce21ef618d74264bee82a5503d5636f05c7852bea50e22cd6',
    from,
  },
  b3RowRaises: {
    name: 'b3_row_raises',
    kind: 'transform',
    keyed: true,
    mode: 'row',
    inputs: [['ts', 'int64'], ['x', 'float64']],
    outputs: [['n', 'int64'], ['mean', 'float64'], ['dt', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['mean', 'float64'],
      ['variance', 'float64'],
      ['last', 'int64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: 'c4f7917d669a5cca0f38159ce02549e596ad9727615f760e40600fd28e747d9d',
    from,
  },
  b3ScanRejects: {
    name: 'b3_scan_rejects',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['ts', 'int64'], ['x', 'float64']],
    outputs: [['n', 'int64'], ['mean', 'float64'], ['dt', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['mean', 'float64'],
      ['variance', 'float64'],
      ['last', 'int64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '23b54dd6947b90fce21ef618d74264bee82a5503d5636f05c7852bea50e22cd6',
    from,
  },
  b3ScanRaises: {
    name: 'b3_scan_raises',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['ts', 'int64'], ['x', 'float64']],
    outputs: [['n', 'int64'], ['mean', 'float64'], ['dt', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['mean', 'float64'],
      ['variance', 'float64'],
      ['last', 'int64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '23b54dd6947b90fce21ef618d74264bee82a5503d5636f05c7852bea50e22cd6',
    from,
  },
  b3RoundsRejects: {
    name: 'b3_rounds_rejects',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['ts', 'int64'], ['x', 'float64']],
    outputs: [['n', 'int64'], ['mean', 'float64'], ['dt', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['mean', 'float64'],
      ['variance', 'float64'],
      ['last', 'int64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '23b54dd6947b90fce21ef618d74264bee82a5503d5636f05c7852bea50e22cd6',
    from,
  },
  b3RoundsRaises: {
    name: 'b3_rounds_raises',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['ts', 'int64'], ['x', 'float64']],
    outputs: [['n', 'int64'], ['mean', 'float64'], ['dt', 'float64'], ['z', 'float64']],
    state: [
      ['n', 'int64', { default: 0 }],
      ['mean', 'float64'],
      ['variance', 'float64'],
      ['last', 'int64'],
    ],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '23b54dd6947b90fce21ef618d74264bee82a5503d5636f05c7852bea50e22cd6',
    from,
  },
} as const

export interface B1Function extends Readonly<(typeof functions)['b1']> {}
export interface B140Function extends Readonly<(typeof functions)['b140']> {}
export interface B2Function extends Readonly<(typeof functions)['b2']> {}
export interface J1Function extends Readonly<(typeof functions)['j1']> {}
export interface CountFunction extends Readonly<(typeof functions)['count']> {}
export interface VisitFourFunction extends Readonly<(typeof functions)['visitFour']> {}
export interface VisitSlowlyFunction extends Readonly<(typeof functions)['visitSlowly']> {}
export interface VisitTwelveFunction extends Readonly<(typeof functions)['visitTwelve']> {}
export interface VisitListsFunction extends Readonly<(typeof functions)['visitLists']> {}
export interface LiveFunction extends Readonly<(typeof functions)['live']> {}
export interface B3RowFunction extends Readonly<(typeof functions)['b3Row']> {}
export interface B3KeyFunction extends Readonly<(typeof functions)['b3Key']> {}
export interface B3RoundsFunction extends Readonly<(typeof functions)['b3Rounds']> {}
export interface B3ScanFunction extends Readonly<(typeof functions)['b3Scan']> {}
export interface B3RowRaisesFunction extends Readonly<(typeof functions)['b3RowRaises']> {}
export interface B3ScanRejectsFunction extends Readonly<(typeof functions)['b3ScanRejects']> {}
export interface B3ScanRaisesFunction extends Readonly<(typeof functions)['b3ScanRaises']> {}
export interface B3RoundsRejectsFunction extends Readonly<(typeof functions)['b3RoundsRejects']> {}
export interface B3RoundsRaisesFunction extends Readonly<(typeof functions)['b3RoundsRaises']> {}

/** The bodies of the benchmarks as transforms. */
export default {
  ...schemas,
  /** Transform: reads x float64, y float64 and adds z float64. */
  b1: functions.b1 as B1Function,
  /** Transform: reads x float64, y float64 and adds z float64. */
  b140: functions.b140 as B140Function,
  /** Transform: reads line utf8 and adds line utf8. */
  b2: functions.b2 as B2Function,
  /** Transform: reads a float64, b float64 and adds z float64. */
  j1: functions.j1 as J1Function,
  /** Keyed transform: reads a float64 and adds nth int64. */
  count: functions.count as CountFunction,
  /** Keyed transform: reads at int64 and adds z float64. */
  visitFour: functions.visitFour as VisitFourFunction,
  /** Keyed transform: reads at int64 and adds z float64. */
  visitSlowly: functions.visitSlowly as VisitSlowlyFunction,
  /** Keyed transform: reads at int64 and adds z float64. */
  visitTwelve: functions.visitTwelve as VisitTwelveFunction,
  /**
   * Which row of its key each row is, as a value, a list and a map know it; -1 where they do not agree.
   *
   * Keyed transform: reads k int64 and adds z float64.
   */
  visitLists: functions.visitLists as VisitListsFunction,
  /** Filter: reads live bool. */
  live: functions.live as LiveFunction,
  /** Keyed transform: reads ts int64, x float64 and adds n int64, mean float64, dt float64, z float64. */
  b3Row: functions.b3Row as B3RowFunction,
  /** Keyed transform: reads ts int64, x float64 and adds n int64, mean float64, dt float64, z float64. */
  b3Key: functions.b3Key as B3KeyFunction,
  /** Keyed transform: reads ts int64, x float64 and adds n int64, mean float64, dt float64, z float64. */
  b3Rounds: functions.b3Rounds as B3RoundsFunction,
  /** Keyed transform: reads ts int64, x float64 and adds n int64, mean float64, dt float64, z float64. */
  b3Scan: functions.b3Scan as B3ScanFunction,
  /** Keyed transform: reads ts int64, x float64 and adds n int64, mean float64, dt float64, z float64. */
  b3RowRaises: functions.b3RowRaises as B3RowRaisesFunction,
  /** Keyed transform: reads ts int64, x float64 and adds n int64, mean float64, dt float64, z float64. */
  b3ScanRejects: functions.b3ScanRejects as B3ScanRejectsFunction,
  /** Keyed transform: reads ts int64, x float64 and adds n int64, mean float64, dt float64, z float64. */
  b3ScanRaises: functions.b3ScanRaises as B3ScanRaisesFunction,
  /** Keyed transform: reads ts int64, x float64 and adds n int64, mean float64, dt float64, z float64. */
  b3RoundsRejects: functions.b3RoundsRejects as B3RoundsRejectsFunction,
  /** Keyed transform: reads ts int64, x float64 and adds n int64, mean float64, dt float64, z float64. */
  b3RoundsRaises: functions.b3RoundsRaises as B3RoundsRaisesFunction,
}

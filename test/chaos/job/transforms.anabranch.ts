// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: '7dbe2821187fecd565cb57ab5633393cf831888e3dacabb0c93e9f0a4670860c' } as const

const schemas = {
  Event: [
    ['partition', 'int32'],
    ['seq', 'int64'],
    ['key', 'utf8'],
    ['value', 'int64'],
    ['at', 'int64'],
    ['what', 'utf8'],
    ['crc', 'int64'],
  ],
} as const

const functions = {
  echo: {
    name: 'echo',
    kind: 'transform',
    keyed: false,
    mode: 'batch',
    inputs: [['partition', 'int32'], ['seq', 'int64'], ['what', 'utf8']],
    outputs: [['call', 'utf8'], ['size', 'int32']],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '81ff2af4909fe4cd9746019a3eff29127061304cb790c7e27af37dcba303a6ed',
    from,
  },
  keep: {
    name: 'keep',
    kind: 'filter',
    keyed: false,
    mode: 'batch',
    inputs: [['what', 'utf8']],
    outputs: [],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '57919bf02a7996d48ae3474756ab0cafd765b67366ec514ff6bb8a7d5e7a5717',
    from,
  },
  running: {
    name: 'running',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['value', 'int64']],
    outputs: [
      ['n', 'int64'],
      ['total', 'int64'],
      ['least', 'int64'],
      ['r', 'int64'],
      ['call', 'utf8'],
      ['size', 'int32'],
    ],
    state: [
      ['n', 'int64', { default: 0 }],
      ['total', 'int64', { default: 0 }],
      ['least', 'int64', { default: '4611686018427387904' }],
      ['r_sum', 'int64', { default: 0 }],
    ],
    side: {
      totals: [['key', 'utf8'], ['n', 'int64'], ['total', 'int64'], ['least', 'int64'], ['r_sum', 'int64']],
    },
    atEnd: true,
    timeoutMs: 30000,
    declared: 'f08328addca29188ee2fa8f2aad1de491609bddc952721126e0e83510a184e32',
    from,
  },
} as const

export interface EchoFunction extends Readonly<(typeof functions)['echo']> {}
export interface KeepFunction extends Readonly<(typeof functions)['keep']> {}
export interface RunningFunction extends Readonly<(typeof functions)['running']> {}

/** The transforms that the fault programme hurts: what they must give stands in ../oracle/README.md. */
export default {
  ...schemas,
  /**
   * Names the call; raises on poison, lies where a row says so.
   *
   * Transform: reads partition int32, seq int64, what utf8 and adds call utf8, size int32.
   */
  echo: functions.echo as EchoFunction,
  /**
   * Takes out what is to be dropped.
   *
   * Filter: reads what utf8.
   */
  keep: functions.keep as KeepFunction,
  /**
   * Count, sum and minimum of each key, and the sum of a number that is random at each attempt.
   *
   * Keyed transform: reads value int64 and adds n int64, total int64, least int64, r int64, call utf8, size int32.
   * Side output "totals": key utf8, n int64, total int64, least int64, r_sum int64.
   */
  running: functions.running as RunningFunction,
}

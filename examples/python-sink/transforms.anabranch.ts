// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: 'ecbb5efd7cbe33c2b3470fb3e39bd9b33ef96f2e1d3ed25ee00a7a3e00877ae9' } as const

const schemas = {
  Order: [['item', 'utf8'], ['price', 'float64'], ['qty', 'int64']],
} as const

const functions = {
  store: {
    name: 'store',
    kind: 'sink',
    keyed: false,
    mode: 'batch',
    inputs: [['item', 'utf8'], ['price', 'float64'], ['qty', 'int64']],
    outputs: [],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '610f20ead84677202d32c43e85d1a7a5ae5ac6b97125bbc4e896c5674b77af69',
    from,
  },
} as const

export interface StoreFunction extends Readonly<(typeof functions)['store']> {}

export default {
  ...schemas,
  /**
   * Orders into SQLite. Rows that come again after a crash have the key that they had, which is in the table then.
   *
   * Sink: reads item utf8, price float64, qty int64.
   */
  store: functions.store as StoreFunction,
}

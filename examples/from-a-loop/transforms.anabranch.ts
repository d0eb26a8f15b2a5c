// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: '52aba1cdb569cf15bc1e4dec130f7ce7577f712c24e4ee5a4774fa0b82d82147' } as const

const schemas = {
  Order: [['user', 'utf8'], ['price', 'float64'], ['qty', 'int64']],
} as const

const functions = {
  spend: {
    name: 'spend',
    kind: 'transform',
    keyed: true,
    mode: 'row',
    inputs: [['price', 'float64'], ['qty', 'int64']],
    outputs: [['total', 'float64'], ['spent', 'float64']],
    state: [['spent', 'float64']],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: 'b200d1b9b8af9cdd4ed5767faab618587efb7a771bdf3c12fea327384941f6a0',
    from,
  },
  spendInColumns: {
    name: 'spend_in_columns',
    kind: 'transform',
    keyed: true,
    mode: 'batch',
    inputs: [['price', 'float64'], ['qty', 'int64']],
    outputs: [['total', 'float64'], ['spent', 'float64']],
    state: [['spent', 'float64', { default: 0 }]],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '1fd147376c09a62b214b3710da7f4d9bc287fa36ce15b1329de61df495493579',
    from,
  },
} as const

export interface SpendFunction extends Readonly<(typeof functions)['spend']> {}
export interface SpendInColumnsFunction extends Readonly<(typeof functions)['spendInColumns']> {}

/** The body of the loop: once as it was, a row at a time, and once over columns. */
export default {
  ...schemas,
  /**
   * What an order comes to, and what its user has spent so far.
   *
   * Keyed transform: reads price float64, qty int64 and adds total float64, spent float64.
   */
  spend: functions.spend as SpendFunction,
  /**
   * The same for a whole batch: the first order of every user at once, then the second.
   *
   * Keyed transform: reads price float64, qty int64 and adds total float64, spent float64.
   */
  spendInColumns: functions.spendInColumns as SpendInColumnsFunction,
}

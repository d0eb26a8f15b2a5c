// Written by "npx anabranch types transforms.py". Do not edit: write it anew when transforms.py changes.

const from = { path: 'transforms.py', types: import.meta.url, source: '534cf04611cf39bf95a84640544a4775d8987688ce1329d72ba5b092e8eafe70' } as const

const schemas = {
  Order: [['item', 'utf8'], ['price', 'float64'], ['qty', 'int64']],
} as const

const functions = {
  bill: {
    name: 'bill',
    kind: 'transform',
    keyed: false,
    mode: 'batch',
    inputs: [['price', 'float64'], ['qty', 'int64']],
    outputs: [['total', 'float64']],
    state: [],
    side: {},
    atEnd: false,
    timeoutMs: 30000,
    declared: '9fece6a5381ee37289953c15105207f140c1943a0ae5234ff7b9759e14575b4e',
    from,
  },
} as const

export interface BillFunction extends Readonly<(typeof functions)['bill']> {}

export default {
  ...schemas,
  /**
   * What each order comes to.
   *
   * Transform: reads price float64, qty int64 and adds total float64.
   */
  bill: functions.bill as BillFunction,
}

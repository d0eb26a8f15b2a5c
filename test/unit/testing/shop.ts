/** What a types file of a small shop would say: one function of each kind. */
const from = { path: 'transforms.py', types: import.meta.url, source: '' } as const
const plain = {
  keyed: false,
  mode: 'batch',
  state: [],
  side: {},
  atEnd: false,
  timeoutMs: 30_000,
  declared: '',
  from,
} as const

const Order = [
  ['item', 'utf8'],
  ['price', 'float64'],
  ['qty', 'int64'],
] as const

const bill = {
  ...plain,
  name: 'bill',
  kind: 'transform',
  inputs: [
    ['price', 'float64'],
    ['qty', 'int64'],
  ],
  outputs: [['total', 'float64']],
  side: { dear: [['price', 'float64']] },
} as const

const inStock = { ...plain, name: 'in_stock', kind: 'filter', inputs: [['qty', 'int64']], outputs: [] } as const

const pieces = {
  ...plain,
  name: 'pieces',
  kind: 'flat_map',
  inputs: [['qty', 'int64']],
  outputs: [['piece', 'int64']],
} as const

const careful = {
  ...plain,
  name: 'careful',
  kind: 'transform',
  mode: 'row',
  inputs: [['qty', 'int64']],
  outputs: [['half', 'int64']],
} as const

const tally = {
  ...plain,
  name: 'tally',
  kind: 'transform',
  keyed: true,
  inputs: [['qty', 'int64']],
  outputs: [
    ['nth', 'int64'],
    ['sum', 'int64'],
  ],
  state: [
    ['n', 'int64'],
    ['sum', 'int64'],
  ],
  side: {
    totals: [
      ['item', 'utf8'],
      ['sum', 'int64'],
    ],
  },
  atEnd: true,
} as const

const hour = { ms: 3_600_000, update: 'on_create_and_write', visibility: 'never_return_expired' } as const

const lately = {
  ...plain,
  name: 'lately',
  kind: 'transform',
  keyed: true,
  inputs: [
    ['item', 'utf8'],
    ['qty', 'int64'],
  ],
  outputs: [
    ['n', 'int64'],
    ['quantities', 'list<int64>'],
    ['of_qty', 'int64'],
  ],
  state: [
    ['n', 'int64', { default: 0, keep: { as: 'value', ttl: hour } }],
    ['log', 'list<int64>', { keep: { as: 'list', reads: false } }],
    ['quantities', 'list<int64>', { keep: { as: 'list', reads: true, ttl: hour } }],
    ['by_qty', 'map<int64, int64>', { keep: { as: 'map', entries: 'qty', ttl: hour } }],
  ],
} as const

export default { Order, bill, inStock, pieces, careful, tally, lately }

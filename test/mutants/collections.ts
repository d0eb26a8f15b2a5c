/** Rules of lists, maps and what expires, in memory and beyond it. */
import { type Mutant, unit } from './mutant.js'

const collection = { file: 'src/state/cold-collection.ts' } as const
const residence = { file: 'src/state/residence.ts' } as const
const expiry = { file: 'src/state/expiry.ts' } as const
const keyed = unit('runtime/keyed-expiry')
const small = [
  unit('state/budget-collections'),
  'with a budget of 1 bytes are what they would be without, whoever dies',
] as const
const roomy = [
  unit('state/budget-collections'),
  'with a budget of 1,400000,400000 bytes are what they would be without, whoever dies',
] as const

export const collectionRules: readonly Mutant[] = [
  {
    rule: 'a key of which a list or map is left is said to be new',
    file: 'src/runtime/flow/keyed.ts',
    from: 'return isNew === undefined ? values : { ...values, isNew }',
    to: 'return isNew === undefined ? values : { ...values }',
    test: [keyed, 'a key of which a map is left is not a new one, though all of its values have expired'],
  },
  {
    rule: 'what expired while a call was out comes back with its answer',
    ...expiry,
    from: 'if (now.some(Number.isNaN))',
    to: 'if (now.length < 0)',
    test: [keyed, 'a value that a sweep took away while a call was out does not come back with its answer'],
  },
  {
    rule: 'a key of which no value was ever written keeps a row',
    ...expiry,
    from: 'if (gone.length === 0) return clear',
    to: 'if (gone.length >= 0) return clear',
    test: [keyed, 'a key whose values expire, and of which none was ever written, takes no room'],
  },
  {
    rule: 'what a start left beyond memory is not read before a row is worked on',
    ...residence,
    from: "if (!this.is(slot, 'unread')) continue",
    to: 'if (slot >= 0) continue',
    test: [unit('state/budget-collections'), 'is asked for once a row needs it'],
  },
  {
    rule: 'what blocks say of values counts no more once more of their key is read',
    file: 'src/state/cold-arrivals.ts',
    from: 'slots.length === 0 ? nobody :',
    to: 'slots.length >= 0 ? nobody :',
    test: roomy,
  },
  {
    rule: 'a value that was only read is written when its key leaves',
    ...residence,
    from: 'unread: bit.unread | bit.same',
    to: 'unread: bit.unread',
    test: [unit('state/budget-collections'), 'of which a start brings back few are read when a row needs them'],
  },
  {
    rule: 'a start takes an entry for none where others of its block have no room',
    file: 'src/state/cold-admission.ts',
    from: 'beyond === undefined ? some :',
    to: 'bytes >= 0 ? some :',
    test: [unit('state/cold-admission'), 'of a block that has no room the rows of keys that memory has stay'],
  },
  {
    rule: 'keys leave memory while more of them is read',
    file: 'src/runtime/flow/beyond.ts',
    from: '...loads.map(({ ask }) => ask.staying)',
    to: '...this.more.map(({ ask }) => ask.staying)',
    test: [unit('runtime/beyond'), 'a key of which more is read stays'],
  },
  {
    rule: 'of entries that a start brings nobody knows what lies beyond memory',
    ...collection,
    from: 'if (beyond !== null) residence.noteSums(slots, beyond)',
    to: '',
    test: roomy,
  },
  {
    rule: 'entries that changed are not written when their key leaves again',
    ...collection,
    from: 'residence.mark(slots, false)\n        owners.changed(',
    to: 'owners.changed(',
    test: small,
  },
  {
    rule: 'an entry that is gone stays beyond memory',
    ...collection,
    from: '!residence.isSame(slot) && (entries.table.present(slot) || residence.sumOf(slot) !== 0)',
    to: '!residence.isSame(slot) && entries.table.present(slot)',
    test: small,
  },
  {
    rule: 'a key leaves before a block said that an entry of it is gone',
    ...collection,
    from: '.some(slot => this.state.holds(slot))',
    to: '.some(slot => this.state.holds(slot) && slot < 0)',
    test: small,
  },
  {
    rule: 'what goes while it is written beyond memory comes back',
    file: 'src/state/residence.ts',
    from: 'if (sums[slot] === 0) sums[slot] = 1',
    to: 'if (sums[slot] === 0) sums[slot] = 0',
    test: [unit('state/budget-collections'), 'stay gone where they go while they are written there'],
  },
  {
    rule: 'nothing lies beyond memory before the first key has left',
    file: 'src/state/cold-side.ts',
    from: '    this.away = true\n    this.isUsed = true\n',
    to: '    this.away = true\n',
    test: [unit('state/budget'), 'stays gone where it goes while it is written beyond memory'],
  },
  {
    rule: 'a row that passes memory hides newer ones of its epoch',
    file: 'src/runtime/open/passing-rows.ts',
    from: 'first === epoch ? epoch : epoch - 1',
    to: 'epoch',
    test: [
      unit('runtime/passing-rows'),
      'rows that pass memory at a start are beyond it as the newest block has them, whoever dies',
    ],
  },
  {
    rule: 'rows that passed memory pass it again at each start',
    file: 'src/runtime/open/passing-rows.ts',
    from: 'first === epoch ? epoch : epoch - 1',
    to: 'epoch - 1',
    test: [unit('runtime/passing-rows'), 'rows of an epoch in many blocks pass once'],
  },
  {
    rule: 'only values are looked at for what has expired beyond memory',
    file: 'src/state/cold-sweep.ts',
    from: 'this.part = (this.part + 1) % this.parts.length',
    to: 'this.part = 0',
    test: [unit('state/budget-collections'), 'expire there, although the value of their key did long before'],
  },
  {
    rule: 'a last call gives up entries that are on their way beyond memory',
    file: 'src/state/cold-side.ts',
    from: '    if (this.away) return\n',
    to: '',
    test: [unit('state/budget-collections'), 'that begin while entries leave memory take nothing for what it is not'],
  },
  {
    rule: 'a list is read in the order in which it was restored',
    file: 'src/state/item-order.ts',
    from: 'this.loose.markAll(owners)',
    to: 'this.loose.markAll(owners.subarray(owners.length))',
    test: [unit('state/collections'), 'stand in the order in which a list got its items'],
  },
  {
    rule: 'a list counts on from an item that is not its last',
    file: 'src/state/stores/cold-items.ts',
    from: '{ reverse: true, limit: 1 }',
    to: '{ reverse: false, limit: 1 }',
    test: [unit('state/budget-reads'), 'an append reads the last one, from which its numbers count on'],
  },
  {
    rule: 'a list is emptied of what is known of it alone',
    file: 'src/state/collections.ts',
    from: 'slots: entries.partlyOf(all)',
    to: 'slots: entries.partlyOf(all).subarray(all.length)',
    test: [unit('state/budget-reads'), 'all are read before it is emptied'],
  },
  {
    rule: 'a row does not wait for the entry that it names',
    file: 'src/state/collections.ts',
    from: 'names === undefined ? null : entries.unknown(slots, names)',
    to: 'null',
    test: [
      unit('state/budget-reads'),
      'those that rows name are read one by one, beside a few that come with their key',
    ],
  },
  {
    rule: 'an entry is set without a look at the one that lies beyond memory',
    file: 'src/state/collections.ts',
    from: 'map.entries.unknown(owners, keys)',
    to: 'null',
    test: [unit('state/budget-reads'), 'one that no row names is read before it is set'],
  },
  {
    rule: 'items of a list that came back get the numbers of others',
    file: 'src/state/list-table.ts',
    from: 'this.next = Math.max(this.next, view',
    to: 'this.next = Math.min(this.next, view',
    test: small,
  },
]

/** Rules of other code in a running job, as bugs that somebody might write: the simulation of swaps and its stories must find them. */
import { type Mutant, unit } from './mutant.js'

const swapping = { file: 'src/runtime/flow/swapping.ts' } as const
const pool = { file: 'src/workers/watch/pool.ts' } as const
const codes = { file: 'src/runtime/open/codes.ts' } as const
const simulation = 'test/simulation/swaps.test.ts'
const isKept = [simulation, 'that is good is kept, again and again, and each row is of one of the codes'] as const
const withoutRows = [unit('runtime/swapping'), 'is not judged by an epoch in which it had no row'] as const
const namedAndNewer = [
  unit('runtime/codes'),
  'keeps the source that the newest epoch names beside that of newer',
] as const

export const swapRules: readonly Mutant[] = [
  {
    rule: 'rows of one epoch go to workers of both codes',
    ...pool,
    from: "if (member.state !== 'ready' || member.code !== this.code) continue",
    to: "if (member.state !== 'ready') continue",
    test: [unit('workers/pool-codes'), 'starts the old code where a worker is lost while the new one warms'],
  },
  {
    rule: 'workers of the old code stay when the new one takes over',
    ...pool,
    from: "for (const member of this.own) if (member.state !== 'ending') member.state = 'draining'",
    to: "for (const member of this.own) if (member.state === 'starting') member.state = 'draining'",
    test: [unit('workers/pool-codes'), 'warms as many workers with it as are active'],
  },
  {
    rule: 'first epoch of new code kept whatever failed',
    ...swapping,
    from: 'trial.dead > swap.maxErrors * trial.rows',
    to: 'trial.dead > trial.rows',
    test: [simulation, 'that raises on each row is thrown away whole'],
  },
  {
    rule: 'epoch of the old code names the new one',
    ...swapping,
    from: "this.state.is === 'trial' ? codeNow - 1 : codeNow",
    to: 'codeNow',
    test: withoutRows,
  },
  {
    rule: 'epoch of the old code holds state of the new one',
    ...swapping,
    from: "return this.state.is === 'trial' && isSwapped(this.state.swap, vertex)",
    to: 'return vertex.operators.length === 0',
    test: withoutRows,
  },
  {
    rule: 'state in another form left in the store with the old one',
    file: 'src/runtime/flow/keyed.ts',
    from: '    next.rewrite()\n',
    to: '',
    test: withoutRows,
  },
  {
    rule: 'lists empty behind code that keeps one more column',
    file: 'src/state/collections.ts',
    from: 'named(before?.lists, field) ?? new ListTable(field, rest)',
    to: 'new ListTable(field, rest)',
    test: [unit('runtime/redeclared'), 'gets a value with what it keeps, and the next epoch writes the values alone'],
  },
  {
    rule: 'time of expiry changed under what is kept',
    file: 'src/state/declared.ts',
    from: 'return same !== undefined && textOf(same) === textOf(field)',
    to: 'return same !== undefined',
    test: [unit('runtime/redeclared'), 'state with another time of expiry: whether it becomes that where it is'],
  },
  {
    rule: 'record names the code that was before a swap',
    ...codes,
    from: 'const { plan, kept, swapped } = this.of(number)',
    to: 'const { plan, kept, swapped } = this.of(1)',
    test: isKept,
  },
  {
    rule: 'run goes on with the code of its job, not of its record',
    ...codes,
    from: 'const code = record === null ? this.own : this.restored(',
    to: 'const code = record === null || this.job.epochs ? this.own : this.restored(',
    test: [unit('runtime/codes'), 'has the code that the record names, from the source that was kept'],
  },
  {
    rule: 'source taken away that the newest epoch names',
    ...codes,
    from: 'folder.leave(new Set([...Object.values(now.kept), ...named]))',
    to: 'folder.leave(new Set(Object.values(now.kept)))',
    test: namedAndNewer,
  },
  {
    rule: 'source taken away of code that no epoch names yet',
    ...codes,
    from: 'folder.leave(new Set([...Object.values(now.kept), ...named]))',
    to: 'folder.leave(new Set(named))',
    test: namedAndNewer,
  },
  {
    rule: 'a stop does not wait for last calls that have begun',
    file: 'src/runtime/flow/cutting.ts',
    from: 's.isDirty || s.isEnding',
    to: 's.isDirty',
    test: [unit('runtime/held-epochs'), 'a run that is stopped while its last calls are made ends with the epoch'],
  },
  {
    rule: 'operator that nobody named changes with its file',
    ...codes,
    from: '    refuseShared(before, module, functions)\n',
    to: '',
    test: [unit('runtime/codes'), 'of one operator is refused where the file that was edited'],
  },
  {
    rule: 'code called thrown away whose first epoch is written',
    file: 'src/runtime/open/swaps.ts',
    from: 'lost.trial.epoch !== null && epoch >= lost.trial.epoch',
    to: 'lost.trial.epoch !== null && epoch > lost.trial.epoch',
    test: [unit('runtime/swaps'), 'hears that it is kept where the attempt failed behind the write'],
  },
  {
    rule: 'epoch that no sink has committed not found behind a full record',
    file: 'src/state/stores/read-records.ts',
    from: 'if (kind !== kinds.record) continue\n    const record',
    to: 'if (kind !== kinds.block) continue\n    const record',
    test: [unit('state/store-faults'), 'an epoch that no sink has committed is found wherever the host dies'],
  },
]

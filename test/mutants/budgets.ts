/** Rules of state that is larger than memory. */
import { type Mutant, unit } from './mutant.js'

const cold = { file: 'src/state/cold-side.ts' } as const
const budget = unit('state/budget')
const same = [budget, 'of 1 bytes is what it would be without a limit, whoever dies'] as const
const admission = { file: 'src/state/cold-admission.ts' } as const
const admitted = unit('state/cold-admission')
const migrated = [unit('runtime/migrate-beyond'), 'is there whole or not at all, whichever of its writes is'] as const

export const budgetRules: readonly Mutant[] = [
  {
    rule: 'entries beyond memory stay of an operator that is dropped',
    file: 'src/state/stores/state-store.ts',
    from: '    for (const operator of dropped) cold?.drop(operator)\n',
    to: '',
    test: [unit('state/dropped'), 'is gone with the epoch that drops its operator'],
  },
  {
    rule: 'changed state is not written when its key leaves again',
    ...cold,
    from: "residence.mark(slot, 'same', false)\n          residence.mark(slot, 'leaving', false)",
    to: "residence.mark(slot, 'leaving', false)",
    test: same,
  },
  {
    rule: 'entries beyond memory forget the columns between',
    file: 'src/state/stores/cold-store.ts',
    from: 'return forms.slice(number)',
    to: 'return forms.slice(number, number + 1)',
    test: [budget, 'went through all that the job had since, as state did that stayed'],
  },
  {
    rule: 'a write that is gone from the middle of a log is not missed',
    file: 'src/state/stores/level-files.ts',
    from: 'first !== next',
    to: 'first < next',
    test: [unit('state/level-files'), 'S4 a write that is gone from the middle of the log is said'],
  },
  {
    rule: 'damage in the middle of a log is taken for its torn end',
    file: 'src/state/stores/level-log.ts',
    from: "if (beginsBehind(log, at, recordBytesMin)) return ended('records')",
    to: '',
    test: [unit('state/level-files'), 'S4 a bit flipped anywhere in the log is said, but in its last write'],
  },
  {
    rule: 'entries that are read are not counted against those that were written',
    file: 'src/state/stores/cold-store.ts',
    from: 'if (other !== null)',
    to: 'if (other === -1)',
    test: [unit('state/cold-check'), 'S4 finds an entry that is gone, whichever it is'],
  },
  {
    rule: 'entries that a migration made lie over those that are stored',
    file: 'src/state/stores/generations.ts',
    from: 'Math.max(...known) + 1',
    to: '0',
    test: migrated,
  },
  {
    rule: 'a record does not say which entries count from it on',
    file: 'src/state/stores/generations.ts',
    from: 'return this.counting.size === 0 ? undefined : Object.fromEntries(this.counting)',
    to: 'return undefined',
    test: migrated,
  },
  {
    rule: 'last calls look beyond memory for values alone',
    file: 'src/state/operator-states.ts',
    from: ' || operator.startsWith(`${id}/`)',
    to: '',
    test: [unit('state/budget-collections'), 'meet keys whose values have expired while a list or map has entries'],
  },
  {
    rule: 'what a check behind the start found is forgotten by the next one',
    file: 'src/state/stores/state-folder.ts',
    from: 'return this.identity.condemned ?? null',
    to: 'return null',
    test: [unit('state/cold-check'), 'S4 a folder in which something was found is refused until what was good'],
  },
  {
    rule: 'what has no room of a savepoint is written in the columns that it was saved in',
    file: 'src/state/operator-state.ts',
    from: 'rows: encodeRows(this.evolution(stored)({ state }).state)',
    to: 'rows: encodeRows(state)',
    test: [unit('runtime/restore-saved'), 'stores all state that evolves'],
  },
  {
    rule: 'of a savepoint more keys come into memory once it was full',
    ...admission,
    from: 'this.isClosed ||= !room.admits(rows.keys.rows)',
    to: 'this.isClosed = !room.admits(rows.keys.rows)',
    test: [admitted, 'stay while there is room, and go when one page has none'],
  },
  {
    rule: 'of a savepoint more keys come into memory once some have left it',
    ...cold,
    from: '    this.admission.close()\n',
    to: '',
    test: [unit('runtime/restore-saved'), 'of long lists'],
  },
  {
    rule: 'values of a savepoint go beyond memory where a key is in it',
    ...admission,
    from: 'isValues && broughtBy.size === 1 && broughtBy.has(operator)',
    to: 'isValues',
    test: [admitted, 'of an operator that comes later stay where their keys are in memory'],
  },
  {
    rule: 'lists and maps of a savepoint go beyond memory where a key is in it',
    ...admission,
    from: 'there: all.filter(row => !isFresh.has(slots[row] ?? 0))',
    to: 'there: all.filter(row => slots[row] === -1)',
    test: [admitted, 'of an operator that comes later stay where their keys are in memory'],
  },
  {
    rule: 'a key of a savepoint that is not in memory comes there by being looked for',
    ...admission,
    from: 'index.remove(fresh)',
    to: 'index.remove(fresh.subarray(fresh.length))',
    test: [admitted, 'of an operator that comes later stay where their keys are in memory'],
  },
  {
    rule: 'what passes memory at a start is in columns that no epoch has',
    file: 'src/state/operator-states.ts',
    from: 'state?.isOf(stored) === true',
    to: 'state !== undefined',
    test: [budget, 'is in the columns of the last epoch, whoever began with others and wrote none'],
  },
]

/** Rules of state that is larger than memory. */
import { type Mutant, unit } from './mutant.js'

const cold = { file: 'src/state/cold-side.ts' } as const
const budget = unit('state/budget')
const same = [budget, 'of 1 bytes is what it would be without a limit, whoever dies'] as const

export const budgetRules: readonly Mutant[] = [
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
]

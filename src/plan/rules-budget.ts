/** Rules for a job whose state may be larger than memory. */
import { type Faults, type Place } from './faults.js'
import { type Plan } from './nodes.js'

/** Keys leave memory behind an epoch that is written. */
export function lintBudget(plan: Plan, faults: Faults, place: string): void {
  if (plan.options.stateBudgetBytes === null) return
  const at: Place = { place, what: `job "${plan.job}"` }
  if (plan.options.epochMs === null) {
    const hint = "give the job epochs, such as epoch: '1s', or leave out its stateBudget"
    faults.add('ANB1017', at, 'state can be larger than memory only with epochs, and this job has none', hint)
  }
}

/** Rules for a job whose state may be larger than memory. */
import { type Faults, type Place } from './faults.js'
import { type Plan } from './nodes.js'

/** What the databases take of a budget, however small it is: less leaves no room for a key (state/stores/cold-memory.ts). */
export const stateBudgetBytesMin = 1_198_373

/** Keys leave memory behind an epoch that is written. */
export function lintBudget(plan: Plan, faults: Faults, place: string): void {
  const { stateBudgetBytes } = plan.options
  if (stateBudgetBytes === null) return
  const at: Place = { place, what: `job "${plan.job}"` }
  if (plan.options.epochMs === null) {
    const hint = "give the job epochs, such as epoch: '1s', or leave out its stateBudget"
    faults.add('ANB1017', at, 'state can be larger than memory only with epochs, and this job has none', hint)
  }
  if (stateBudgetBytes < stateBudgetBytesMin) {
    const [given, least] = [stateBudgetBytes, stateBudgetBytesMin].map(count => count.toLocaleString('en-US'))
    const words = `a state budget of ${given} bytes cannot be kept to: the databases alone take ${least} bytes of it`
    faults.add('ANB1017', at, words, "give it '1.2MB' or more, or none")
  }
}

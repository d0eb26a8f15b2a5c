/** Rules that options given for one run can break, of a job that was without faults. */
import { Faults } from './faults.js'
import { type Plan } from './nodes.js'
import { refuseFaults } from './refuse.js'
import { lintBudget } from './rules-budget.js'
import { lintEpochs } from './rules-epochs.js'

/** @throws PlanError with what the job cannot do with these options */
export function refuseForRun(plan: Plan): void {
  const faults = new Faults()
  lintBudget(plan, faults, '')
  lintEpochs(plan, faults)
  refuseFaults(plan.job, faults.list)
}

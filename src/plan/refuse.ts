/** Refuse: a plan with faults becomes one error that lists them all. */
import { type PlanFault, PlanError } from '../base/index.js'

export function refuseFaults(job: string, faults: readonly PlanFault[]): void {
  if (faults.length === 0) return
  const many = faults.length === 1 ? 'a fault' : `${faults.length} faults`
  throw new PlanError('ANB1000', `job "${job}" has ${many}`, { faults })
}

/** `--state-budget SIZE|off`, instead of what the job says. */
import { type Plan, bytesOf, refuseForRun } from '../plan/index.js'
import { type Command, usageError } from './command.js'

/** null: no limit. */
export function budgetFrom(command: Command, given: string): number | null {
  if (given === 'off') return null
  const bytes = bytesOf(given)
  if (bytes !== null && bytes > 0) return bytes
  throw usageError(command, `--state-budget needs a size such as 512MiB, or off, but it is "${given}"`)
}

/**
 * Undefined: as the job says.
 *
 * @throws PlanError where the job cannot have its state on disk, or epochs
 */
export function withBudget(
  plan: Plan,
  {
    stateBudget,
    epoch,
  }: { readonly stateBudget: number | null | undefined; readonly epoch: number | null | undefined },
): Plan {
  const { stateBudgetBytes, epochMs } = plan.options
  const options = {
    ...plan.options,
    stateBudgetBytes: stateBudget === undefined ? stateBudgetBytes : stateBudget,
    epochMs: epoch === undefined ? epochMs : epoch,
  }
  const changed = { ...plan, options }
  refuseForRun(changed)
  return changed
}

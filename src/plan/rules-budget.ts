/** Rules for a job whose state may be larger than memory. */
import { type Faults, type Place } from './faults.js'
import { type Plan } from './nodes.js'
import { placeOf } from './rules-node.js'

/** Lists and maps need all state in memory. */
export function lintBudget(plan: Plan, faults: Faults, place: string): void {
  if (plan.options.stateBudgetBytes === null) return
  const at: Place = { place, what: `job "${plan.job}"` }
  if (plan.options.epochMs === null) {
    const hint = "give the job epochs, such as epoch: '1s', or leave out its stateBudget"
    faults.add('ANB1017', at, 'state can be larger than memory only with epochs, and this job has none', hint)
  }
  for (const node of plan.nodes) {
    if (node.kind !== 'python' || !node.fn.keyed) continue
    const hint = 'leave out the state budget of the job'
    const kept = node.fn.state.find(([, , options]) => options?.keep !== undefined && options.keep.as !== 'value')
    if (kept === undefined) continue
    const what = `state column "${kept[0]}" of keyed "${node.fn.name}"`
    faults.add('ANB1017', placeOf(node), `${what} is a ${kept[2]?.keep?.as}, which needs all keys in memory`, hint)
  }
}

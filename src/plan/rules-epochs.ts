/** Rules for a job that commits in epochs. */
import { type Faults } from './faults.js'
import { type Plan } from './nodes.js'
import { placeOf } from './rules-node.js'

/** A run that goes on after a crash has not the rows from before it; who shows all of them at the end would show a part. */
export function lintEpochs({ nodes, options }: Plan, faults: Faults): void {
  if (options.epochMs === null) return
  for (const node of nodes) {
    if (node.kind !== 'sink' || node.connector.kind !== 'custom' || node.connector.delivery !== 'exactly-once') continue
    const message = `sink "${node.id}" shows its rows when the run is finished, and the job commits in epochs`
    faults.add('ANB1028', placeOf(node), message)
  }
}

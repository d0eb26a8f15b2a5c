/** What of a plan stands in the record of an epoch, so that a start knows whether it fits. */
import { StateError } from '../../base/index.js'
import { type EpochRecord } from '../../checkpoint/index.js'
import { type Topology } from '../../plan/index.js'

type Facts = EpochRecord['plan']

export const factsOf = ({ vertices }: Topology, keyGroups: number): Facts => ({
  keyGroups,
  sources: Object.fromEntries(
    vertices.flatMap(v => (v.kind === 'source' ? [[v.id, kindOf(v.connector.kind, v.connector.format)]] : [])),
  ),
  sinks: Object.fromEntries(
    vertices.flatMap(v =>
      v.kind === 'sink' ? [[v.id, kindOf(v.connector.kind, 'format' in v.connector ? v.connector.format : null)]] : [],
    ),
  ),
})

const kindOf = (kind: string, format: { readonly kind: string } | null): string =>
  format === null ? kind : `${kind} of ${format.kind}`

/**
 * What has a position or rows of its own cannot be left out without a word, nor read by another reader.
 *
 * @throws StateError ANB6103 with the first difference
 */
export function refuseOther(stored: Facts, job: Facts): void {
  if (stored.keyGroups !== job.keyGroups) {
    refuse(`expected ${stored.keyGroups} key groups, which the state has, and the job has ${job.keyGroups}`, {
      detail: 'They fix where a key lies. Lanes and workers may change freely.',
      hint: `set keyGroups: ${stored.keyGroups} in the options of the job`,
    })
  }
  for (const [kind, before, now] of [
    ['source', stored.sources, job.sources],
    ['sink', stored.sinks, job.sinks],
  ] as const) {
    const ids = Object.keys(now)
    for (const [id, what] of Object.entries(before)) {
      const found = now[id]
      if (found === what) continue
      if (found === undefined) {
        refuse(`the run that is to go on has ${kind} "${id}", ${what}, and the job has none of that id`, {
          detail: `The job has ${ids.map(each => `"${each}"`).join(', ')}.`,
          hint: `bring ${kind} "${id}" back or give it its old id, or start anew with --fresh`,
        })
      }
      refuse(`${kind} "${id}" is ${found}, and was ${what} in the run that is to go on`, {
        detail: 'Where one stopped the other cannot go on.',
        hint: `give ${kind} "${id}" what it had, or start anew with --fresh`,
      })
    }
  }
}

function refuse(message: string, parts: { readonly detail: string; readonly hint: string }): never {
  throw new StateError('ANB6103', message, parts)
}

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

/** A source or a sink of the run before that the job has no more. */
export interface EndLeft {
  readonly kind: 'source' | 'sink'
  readonly id: string
  /** What becomes of it, for a person. */
  readonly words: string
}

const lost = {
  source: 'where it stopped is forgotten',
  sink: 'rows that it was given and has not shown are lost',
} as const

/**
 * What has a position or rows of its own cannot be left out without a word, nor read by another reader.
 *
 * @returns what is left behind, since it was said that it may be
 * @throws StateError ANB6103 with the first difference that was not consented to
 */
export function endsLeft(stored: Facts, job: Facts, dropState: readonly string[]): readonly EndLeft[] {
  refuseOtherGroups(stored, job)
  return [
    ...leftOf('source', { before: stored.sources, now: job.sources, dropState }),
    ...leftOf('sink', { before: stored.sinks, now: job.sinks, dropState }),
  ]
}

/** A record as if what is left behind had never been there. */
export function withoutEnds(record: EpochRecord, left: readonly EndLeft[]): EpochRecord {
  const kept = <T>(kind: EndLeft['kind'], all: Readonly<Record<string, T>>): Readonly<Record<string, T>> =>
    Object.fromEntries(Object.entries(all).filter(([id]) => !left.some(end => end.kind === kind && end.id === id)))
  return { ...record, sources: kept('source', record.sources), sinks: kept('sink', record.sinks) }
}

function refuseOtherGroups(stored: Facts, job: Facts): void {
  if (stored.keyGroups === job.keyGroups) return
  refuse(`expected ${stored.keyGroups} key groups, which the state has, and the job has ${job.keyGroups}`, {
    detail: 'They fix where a key lies. Lanes and workers may change freely.',
    hint: `set keyGroups: ${stored.keyGroups} in the options of the job`,
  })
}

function leftOf(
  kind: EndLeft['kind'],
  of: { readonly before: Facts['sinks']; readonly now: Facts['sinks']; readonly dropState: readonly string[] },
): readonly EndLeft[] {
  const { before, now, dropState } = of
  const other = Object.entries(before).filter(([id, what]) => now[id] !== what)
  for (const [id, what] of other) if (!dropState.includes(id)) refuseOther(kind, { id, what, now })
  return other.map(([id, what]) => ({ kind, id, words: `${kind} "${id}", ${what}, is left behind: ${lost[kind]}` }))
}

function refuseOther(
  kind: EndLeft['kind'],
  { id, what, now }: { readonly id: string; readonly what: string; readonly now: Facts['sinks'] },
): never {
  const found = now[id]
  const leave = `leave it behind with --drop-state ${id}: ${lost[kind]}`
  if (found !== undefined) {
    refuse(`${kind} "${id}" is ${found}, and was ${what} in the run that is to go on`, {
      detail: 'Where one stopped the other cannot go on.',
      hint: `give ${kind} "${id}" what it had; or ${leave}`,
    })
  }
  refuse(`the run that is to go on has ${kind} "${id}", ${what}, and the job has none of that id`, {
    detail: `The job has ${Object.keys(now)
      .map(each => `"${each}"`)
      .join(', ')}.`,
    hint: `bring ${kind} "${id}" back or give it its old id; or ${leave}`,
  })
}

function refuse(message: string, parts: { readonly detail: string; readonly hint: string }): never {
  throw new StateError('ANB6103', message, parts)
}

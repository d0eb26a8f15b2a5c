/** What of a plan stands in the record of an epoch, so that a start knows whether it fits. */
import { StateError } from '../../base/index.js'
import { type EpochRecord } from '../../checkpoint/index.js'
import { type Topology } from '../../plan/index.js'

type Facts = EpochRecord['plan']
type Ends = Pick<Facts, 'sources' | 'sinks'>

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

interface OtherEnd {
  readonly kind: 'source' | 'sink'
  readonly id: string
  /** Its kind in the run before. */
  readonly was: string
}

/** A source or a sink of the run before that the job has no more. */
export interface EndLeft extends Pick<OtherEnd, 'kind' | 'id'> {
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
  const other = endsOther(stored, job)
  for (const end of other) if (!dropState.includes(end.id)) refuseOther(end, job)
  return other.map(end => {
    const { kind, id, was } = end
    return { kind, id, words: `${kind} "${id}", ${was}, is left behind: ${lost[kind]}` }
  })
}

/** Those that the job has no more, or that are of another kind. */
export function endsOther(stored: Ends, job: Ends): readonly OtherEnd[] {
  return [...othersOf('source', stored.sources, job.sources), ...othersOf('sink', stored.sinks, job.sinks)]
}

const othersOf = (kind: OtherEnd['kind'], before: Facts['sinks'], now: Facts['sinks']): readonly OtherEnd[] =>
  Object.entries(before).flatMap(([id, was]) => (now[id] === was ? [] : [{ kind, id, was }]))

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

function refuseOther({ kind, id, was }: OtherEnd, job: Ends): never {
  const now = kind === 'source' ? job.sources : job.sinks
  const found = now[id]
  const leave = `leave it behind with --drop-state ${id}: ${lost[kind]}`
  if (found !== undefined) {
    refuse(`${kind} "${id}" is ${found}, and was ${was} in the run that is to go on`, {
      detail: 'Where one stopped the other cannot go on.',
      hint: `give ${kind} "${id}" what it had; or ${leave}`,
    })
  }
  refuse(`the run that is to go on has ${kind} "${id}", ${was}, and the job has none of that id`, {
    detail: `The job has ${Object.keys(now)
      .map(each => `"${each}"`)
      .join(', ')}.`,
    hint: `bring ${kind} "${id}" back or give it its old id; or ${leave}`,
  })
}

function refuse(message: string, parts: { readonly detail: string; readonly hint: string }): never {
  throw new StateError('ANB6103', message, parts)
}

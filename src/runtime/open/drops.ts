/**
 * Drops: ids of which what is stored is to be left behind, over all attempts of a run. One of which nothing is left behind is a slip, or
 * stands in a command that is run again: so it refuses nothing, and is told before the first row, once, since a later attempt
 * does not find what the first one has left.
 */
import { type Observer } from '../../base/index.js'
import { type EpochRecord } from '../../checkpoint/index.js'
import { endsOther } from './plan-facts.js'

type Facts = EpochRecord['plan']

/** What a run goes on from. */
export interface StoredIds extends Pick<Facts, 'sources' | 'sinks'> {
  readonly operators: readonly string[]
}

export const nothingStored: StoredIds = { operators: [], sources: {}, sinks: {} }

export class Drops {
  private isTold = false

  constructor(
    private readonly ids: readonly string[],
    private readonly log: Observer['log'],
  ) {}

  tell(stored: StoredIds, job: Facts): void {
    if (this.isTold) return
    this.isTold = true
    for (const words of idleDrops(this.ids, stored, job)) this.log('warning', words)
  }
}

/** Sentences, of those of which nothing is left behind. */
export function idleDrops(ids: readonly string[], stored: StoredIds, job: Facts): readonly string[] {
  const left = new Set([...stored.operators, ...endsOther(stored, job).map(({ id }) => id)])
  return [...new Set(ids)]
    .filter(id => !left.has(id))
    .map(id => `--drop-state ${id} leaves nothing behind: ${whyNothing(id, stored)}`)
}

function whyNothing(id: string, { operators, sources, sinks }: StoredIds): string {
  const [source, sink] = [sources[id], sinks[id]]
  if (source !== undefined) return `the job has source "${id}" as it was`
  if (sink !== undefined) return `the job has sink "${id}" as it was`
  const all = [
    ...named('operator', [...new Set(operators)]),
    ...named('source', Object.keys(sources)),
    ...named('sink', Object.keys(sinks)),
  ]
  return all.length === 0 ? 'nothing is stored' : `nothing is stored under that id; there is ${all.join(', ')}`
}

const named = (kind: string, ids: readonly string[]): readonly string[] => ids.map(id => `${kind} "${id}"`)

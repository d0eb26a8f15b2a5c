/**
 * A start whose store takes the place of another one: what would refuse it comes before. At a savepoint behind which a sink was
 * written, what is written twice then is told before.
 */
import { StateError } from '../../base/index.js'
import { type EpochRecord } from '../../checkpoint/index.js'
import { type EpochOutput } from '../../connectors/index.js'
import { type Topology } from '../../plan/index.js'
import { type StateStore } from '../../state/stores/index.js'
import { type StateTaken } from '../flow/index.js'
import { type EpochKeeper } from './epoch-keeper.js'
import { type StorePlaces } from './store-places.js'

interface BeginningTerms {
  readonly keeper: Pick<EpochKeeper, 'record' | 'check' | 'firstRecord'>
  readonly places: Pick<StorePlaces, 'lineagesBehind' | 'descentOf' | 'replace' | 'renew'>
  readonly topology: Topology
  readonly sinks: readonly EpochOutput[]
  readonly rewind: boolean
  /** Makes code lasting that the store will name. */
  keepCode(): void
}

/**
 * The store that was made takes the place of the one that is there, for a run that begins at a savepoint or anew.
 *
 * @throws StateError ANB6036 and what an output refuses, with nothing changed
 */
export async function beginBeside(
  made: StateStore,
  { keeper, places, topology, sinks, rewind, keepCode }: BeginningTerms,
  state: (epoch: number) => StateTaken,
): Promise<StateStore> {
  const { record } = keeper
  if (record !== null && !rewind) await refuseAhead(topology, sinks, places, record)
  const descent = places.descentOf(made.lineage, record)
  await keeper.check(descent)
  keepCode()
  if (record === null) return places.renew(made)
  return places.replace(made, { record: keeper.firstRecord(made.lineage), descent, state: state(record.epoch) })
}

/** @throws StateError ANB6036 with every sink whose marker is ahead */
async function refuseAhead(
  { vertices }: Topology,
  sinks: readonly EpochOutput[],
  places: Pick<StorePlaces, 'lineagesBehind'>,
  { lineage, epoch }: EpochRecord,
): Promise<void> {
  const ids = vertices.flatMap(v => (v.kind === 'sink' ? [v.id] : []))
  const lineages = places.lineagesBehind({ lineage, epoch })
  const ahead: string[] = []
  for (const [i, sink] of sinks.entries()) {
    const applied = await appliedIn(sink, lineages)
    if (applied > epoch) ahead.push(`sink "${ids[i] ?? ''}" has epoch ${applied}`)
  }
  if (ahead.length === 0) return
  throw new StateError('ANB6036', `${ahead.join(', ')}, and the savepoint is of epoch ${epoch}`, {
    detail: `What came behind epoch ${epoch} would be written a second time. Nothing was changed.`,
  })
}

/** The newest epoch, of lineages that are asked for one after the other: a sink has one connection. */
async function appliedIn(sink: EpochOutput, lineages: readonly string[]): Promise<number> {
  let newest = 0
  for (const lineage of lineages) newest = Math.max(newest, (await sink.appliedIn?.(lineage)) ?? 0)
  return newest
}

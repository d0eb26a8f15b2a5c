/**
 * Savepoints of simulated runs, by the code that makes them of real ones: asked for at a moment while epochs go on, and begun
 * at by a run with other terms.
 */
import { type Files } from '../../base/index.js'
import { encodeRecord, openSavepoint, readSavepoint, writeSavepoint } from '../../checkpoint/index.js'
import {
  type BeyondKeeper,
  type DeadLetter,
  type EpochKeeper,
  type Engine,
  expectRestoredKeys,
  restoreSaved,
} from '../../runtime/index.js'
import { type StateStore } from '../../state/stores/index.js'
import { type Row } from './rows.js'
import { type Timetable } from './timetable.js'

/** Where one is, or shall be. */
export interface SavepointPlace {
  readonly files: Files
  readonly path: string
}

/** One of all that was done until now. Settles when it is there. */
export async function save(
  store: StateStore,
  engine: Engine,
  { files, path, nowMs }: SavepointPlace & { readonly nowMs: number },
): Promise<void> {
  await store.whenFinished(engine.hastenEpoch(nowMs))
  const snapshot = await store.snapshot()
  if (snapshot === null) return
  try {
    await writeSavepoint({
      snapshot,
      path,
      files,
      wallMs: nowMs,
      budgetBytes: null,
      sourceOf: () => null,
      breathe: () => Promise.resolve(),
      settled: () => store.whenFinished(snapshot.epoch),
    })
  } finally {
    snapshot.release()
  }
}

/** What a run put out. */
interface PutOut {
  readonly sinks: ReadonlyMap<string, readonly Row[]>
  readonly letters: readonly DeadLetter[]
  readonly timetable: Timetable
  readonly wallMs: number
}

/** A savepoint to begin at, and the run that it is of. */
export interface Beginning extends SavepointPlace {
  readonly run: PutOut
}

/** Of what the run before put out all that is of its savepoint. */
export function putOutBefore(from: Beginning | null): Pick<PutOut, 'sinks' | 'letters'> {
  if (from === null) return { sinks: new Map(), letters: [] }
  const { files, path, run } = from
  const { sinks, letters } = readSavepoint(files, path).epoch
  const before = [...run.sinks].map(([id, rows]) => [id, rows.slice(0, Number(sinks[id]?.prepared))] as const)
  return { sinks: new Map(before), letters: run.letters.slice(0, Number(letters)) }
}

/** The first life of a run that begins at it: the engine gets its state, and an empty store its epoch. */
export async function beginAt(
  { files, path }: SavepointPlace,
  {
    store,
    keeper,
    engine,
    beyond,
  }: {
    readonly store: StateStore
    readonly keeper: EpochKeeper
    readonly engine: Engine
    readonly beyond: BeyondKeeper | null
  },
): Promise<void> {
  const base = openSavepoint(files, path)
  for (const { operator } of base.operators)
    await restoreSaved(base, engine.state, { operator, migration: null, beyond })
  const { epoch } = base.record
  expectRestoredKeys(base, engine, beyond)
  const { blocks, keys } = engine.state.whole(epoch)
  await store.prepare(epoch, encodeRecord(keeper.firstRecord(store.lineage)), blocks, keys)
  store.finish(epoch)
}

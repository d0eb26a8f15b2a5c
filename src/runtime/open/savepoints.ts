/**
 * Savepoints of a job: `DIR/savepoints/NAME`, or wherever somebody wants one. Of a store that a run writes, while it goes on; and
 * of one that nobody runs.
 */
import { join } from 'node:path'
import { type Files, StateError } from '../../base/index.js'
import {
  type Savepoint,
  isUnfinished,
  readSavepoint,
  refuseTaken,
  savepointFile,
  writeSavepoint,
} from '../../checkpoint/index.js'
import { StateStore, openForReading } from '../../state/stores/index.js'
import { isBegunAt } from './begun.js'
import { sourceIn } from './code-folder.js'
import { realFiles } from './files.js'
import { unlessOver } from './saves.js'
import { openWorld } from './world.js'

export interface Saved {
  readonly path: string
  readonly epoch: number
}

const nameShape = /^[A-Za-z0-9_][\w.-]*$/

/**
 * The newest epoch of a store. It is named only when every sink has that epoch.
 *
 * @param name of a folder in `DIR/savepoints`, or an absolute path; null: by lineage and epoch, and one that is there is it.
 * @throws StateError ANB6032, ANB6033
 */
export async function saveEpoch(
  store: StateStore,
  {
    out,
    name,
    files,
    wallMs,
    budgetBytes,
    over,
  }: {
    readonly out: string
    readonly name: string | null
    readonly files: Files
    readonly wallMs: number
    /** As in `SavepointPlan`. */
    readonly budgetBytes: number | null
    /** Aborted where the run is over and what has no name yet cannot get one. */
    readonly over: AbortSignal
  },
): Promise<Saved> {
  const snapshot = await store.snapshot()
  if (snapshot === null) throw nothingToSave()
  try {
    const { epoch, lineage } = snapshot
    const own = name ?? `${epoch}-${lineage}`
    const path = placeOf(out, own)
    if (name === null && files.stat(join(path, savepointFile)) !== undefined) return { path, epoch }
    await writeSavepoint({
      snapshot,
      path,
      files,
      wallMs,
      budgetBytes,
      sourceOf: digest => sourceIn(files, join(out, 'state', 'code'), digest),
      breathe: async () => {
        await new Promise(resolve => setImmediate(resolve))
        over.throwIfAborted()
      },
      settled: () => unlessOver(over, store.whenFinished(epoch)),
    })
    return { path, epoch }
  } finally {
    snapshot.release()
  }
}

const nothingToSave = (): StateError =>
  new StateError('ANB6033', 'the job has written no epoch yet, so there is nothing to save', {
    hint: 'ask again when it has read something: until then a run that begins anew gives the same',
  })

/** Before a job is stopped for it. @throws StateError ANB6032, ANB6033 where it cannot be made there */
export function checkPlace(files: Files, out: string, name: string | null): void {
  if (name !== null) refuseTaken(files, placeOf(out, name))
}

function placeOf(out: string, name: string): string {
  if (name.startsWith('/')) return name
  if (nameShape.test(name)) return join(out, 'savepoints', name)
  throw new StateError('ANB6033', `a savepoint cannot be named "${name}"`, {
    hint: 'use letters, digits, points, - and _; or give an absolute path',
  })
}

/** Of a job that does not run. @throws StateError as `saveEpoch`, and what its state is refused for */
export async function saveStopped(out: string, name: string | null): Promise<Saved> {
  const folder = join(out, 'state', 'store')
  if (isWithoutEpoch(folder)) throw nothingToSave()
  const place = await openForReading(folder)
  const store = await StateStore.open({ place, pause: () => Promise.resolve() })
  try {
    const [open] = store.unfinished
    if (open !== undefined) {
      throw new StateError('ANB6033', `epoch ${open.epoch} was written and not every sink is known to have it`, {
        detail: 'The run was killed; the next one looks at the sinks and gives them what they lack.',
        hint: 'go on with it, and stop it: npx anabranch run JOB.ts, then npx anabranch stop',
      })
    }
    const world = openWorld()
    try {
      const over = new AbortController().signal
      return await saveEpoch(store, {
        out,
        name,
        files: world.files,
        wallMs: world.clock.wallMs(),
        budgetBytes: null,
        over,
      })
    } finally {
      await world.close()
    }
  } finally {
    await store.close()
  }
}

/** Of a job that was stopped before its first epoch the store has a name and nothing else. */
function isWithoutEpoch(store: string): boolean {
  if (realFiles.stat(join(store, 'state.json')) === undefined) return false
  return !realFiles.list(store).some(name => name.startsWith('generation-'))
}

/** Those of an output folder, the newest last; what cannot be read stands there with the reason. */
export function savepointsIn(
  out: string,
): readonly { readonly path: string; readonly found: Savepoint | StateError }[] {
  const folder = join(out, 'savepoints')
  if (realFiles.stat(folder) === undefined) return []
  const all = realFiles
    .list(folder)
    .filter(name => !name.startsWith('.'))
    .map(name => ({ path: join(folder, name), found: readable(join(folder, name)) }))
  const when = (found: Savepoint | StateError): number => (found instanceof StateError ? 0 : found.wallMs)
  return all.sort((a, b) => when(a.found) - when(b.found) || (a.path < b.path ? -1 : 1))
}

/** Removes what somebody who died while he made one left: who asks is alone in the folder. */
export function removeUnfinished(files: Files, out: string): void {
  const folder = join(out, 'savepoints')
  if (files.stat(folder) === undefined) return
  for (const name of files.list(folder)) if (isUnfinished(name)) files.removeTree(join(folder, name))
}

function readable(path: string): Savepoint | StateError {
  try {
    return readSavepoint(realFiles, path)
  } catch (error) {
    if (error instanceof StateError) return error
    throw error
  }
}

/** @throws StateError ANB6037 where the unfinished run of its output folder began at it */
export function deleteSavepoint(path: string): void {
  const savepoint = readSavepoint(realFiles, path)
  const store = join(path, '..', '..', 'state', 'store')
  if (isBegunAt(realFiles, store, savepoint.epoch) && realFiles.stat(join(store, 'finished.json')) === undefined) {
    throw new StateError(
      'ANB6037',
      `the run in ${join(path, '..', '..')} began at savepoint ${path} and is not finished`,
      {
        hint: 'delete it when that run is finished, or when one has begun there at another savepoint',
      },
    )
  }
  realFiles.remove(join(path, savepointFile))
  realFiles.removeTree(path)
}

/**
 * A job in epochs as small as it can be: rows go to a sink, what it prepares is kept in one file that is written whole, and a
 * run that died is gone on with. It is what the coordinator does, without an engine.
 */
import { writeAtomically } from '../../src/connectors/atomic.js'
import { type EpochOutput, type Prepared, type Sink, type SinkFile } from '../../src/connectors/index.js'
import { type Files } from '../../src/base/index.js'
import { type Batch } from '../../src/batch/index.js'

export interface EpochRun {
  readonly files: Files
  /** Where it is kept which epochs are prepared. */
  readonly store: string
  /** The rows of each epoch, the first one first. */
  readonly epochs: readonly (readonly Batch[])[]
  readonly lineage?: string
}

interface Kept {
  readonly prepared: readonly Prepared[]
  readonly finished: number
}

export function keptOf(files: Files, store: string): Kept {
  if (files.stat(store) === undefined) return { prepared: [], finished: 0 }
  return JSON.parse(files.readText(store)) as Kept
}

/** Opens an output where the job is, and applies what is prepared and not known to be applied. */
export async function openAt(output: EpochOutput, { files, store, lineage = 'a1' }: EpochRun): Promise<Kept> {
  const { prepared, finished } = keptOf(files, store)
  const epoch = prepared.length
  const start = { lineage, epoch, prepared: prepared.at(-1) ?? null, marked: finished > 0 }
  const { applied } = await output.open(start)
  for (let at = applied ?? finished; at < epoch; at += 1) await output.commit(at + 1, prepared[at] ?? null)
  return { prepared, finished: epoch }
}

/** From where the job is to its end. An epoch is committed while the next one is written. */
export async function runEpochs(sink: Sink, run: EpochRun): Promise<readonly SinkFile[]> {
  let { prepared, finished } = await openAt(sink, run)
  const keep = (): void => writeAtomically(run.files, run.store, JSON.stringify({ prepared, finished }))
  let committing: Promise<void> = Promise.resolve()
  for (const batches of run.epochs.slice(prepared.length)) {
    for (const batch of batches) await sink.write(batch)
    await committing
    const epoch = prepared.length + 1
    const said = JSON.parse(JSON.stringify(await sink.prepare(epoch))) as Prepared
    prepared = [...prepared, said]
    keep()
    committing = sink.commit(epoch, said).then(() => {
      finished = epoch
    })
    committing.catch(() => undefined)
  }
  await committing
  keep()
  return sink.finish()
}

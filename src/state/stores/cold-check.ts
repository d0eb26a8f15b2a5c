/**
 * Cold check: reads every entry beyond memory behind the start of a job, and looks whether all that were written are there, and no
 * others. A start knows that each byte is what LevelDB wrote; this finds what was lost before it wrote, or by it.
 *
 * Some key groups at a time, each as of one moment: what one moment holds takes room on the disk while others are written.
 */
import { StateError } from '../../base/index.js'
import { type ColdReader } from './cold-store.js'
import { type Handles } from './handles.js'

/** Few seconds' worth at the pace of a job that runs. */
const entriesAtOnceMin = 65_536

export interface CheckTerms {
  /** Behind what is written, or opened again after an error. */
  inTurn<T>(step: () => T): Promise<T>
  /** Awaited after some thousand entries. */
  breathe(): Promise<void>
  /** No run may go on from what is there. */
  condemn(words: string): Promise<void>
}

/** @throws StateError ANB6010, of which the next run knows */
export async function checkEntries(handles: Handles, terms: CheckTerms): Promise<void> {
  await orCondemned(checkAll(handles, terms), terms.condemn)
}

/** What was read; where it is damaged the next run knows of it. */
export async function orCondemned<T>(read: Promise<T>, condemn: CheckTerms['condemn']): Promise<T> {
  try {
    return await read
  } catch (error) {
    const isDamage = error instanceof StateError && error.code === 'ANB6010'
    // Where that cannot be written the next run finds it again, as this one did.
    if (isDamage) await condemn(error.message).catch(() => undefined)
    throw error
  }
}

async function checkAll(handles: Handles, terms: CheckTerms): Promise<void> {
  for (const operator of handles.cold?.operators ?? []) {
    for (let first: number | null = 0; first !== null; ) first = await checkGroups(handles, { operator, first }, terms)
  }
}

/** Answers where to go on; null: there are no more. */
async function checkGroups(
  handles: Handles,
  { operator, first }: { readonly operator: string; readonly first: number },
  { inTurn, breathe }: CheckTerms,
): Promise<number | null> {
  const take = (): readonly [ColdReader | null, number] => [handles.cold?.snapshot() ?? null, handles.reopened]
  const [view, reopened] = await inTurn(take)
  const groups = view?.groupsFrom(operator, first, entriesAtOnceMin) ?? null
  try {
    if (view === null || groups === null) return null
    for await (const _ of view.entries(operator, groups)) await breathe()
    return groups.last + 1
  } catch (error) {
    // Who reads while it is opened again has read nothing.
    const now = await inTurn(() => handles.reopened)
    if (now === reopened) throw error
    return first
  } finally {
    await view?.close()
  }
}

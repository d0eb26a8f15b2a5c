/** Opening what may be damaged, in words. */
import { StateError } from '../../base/index.js'
import { type KeyValue, type StorePlace } from './key-value.js'

/** The key value of a place, which is let go where it cannot be opened. @throws StateError ANB6010 where it was condemned */
export async function opened(place: StorePlace): Promise<KeyValue> {
  try {
    if (place.condemned !== null) throw condemned(place.condemned)
    return await place.open()
  } catch (error) {
    await place.close()
    throw error
  }
}

const condemned = (words: string): StateError =>
  new StateError('ANB6010', words, {
    detail: 'A run that went on from it found this behind its start. Nothing was changed.',
    hint: 'bring back the whole folder, begin at a savepoint with --from, or begin anew: --fresh',
  })

/** What LevelDB says when it stumbles over bytes that are not its own. */
export function damaged(path: string, cause: unknown): StateError {
  if (cause instanceof StateError) return cause
  const detail = `${cause instanceof Error ? cause.message : String(cause)}. Nothing was changed.`
  return new StateError('ANB6010', `state in ${path} is not what was written`, { detail, cause })
}

/** A handle that had a write error is closed, and with it all that reads through it. */
export const closedWhileRead = (cause?: unknown): StateError =>
  new StateError('ANB6011', 'state could not be written while it was read', {
    detail:
      'It was opened again after the error, and what was read until then is not all of it. What is stored is as it was.',
    cause,
  })

/** @param why of the database or its files */
export const damagedBeyond = (path: string, why: string): StateError =>
  new StateError('ANB6010', `state beyond memory in ${path} is damaged: ${why}`, { detail: 'Nothing was changed.' })

/** Of state beyond memory; versions before are not converted. */
export function otherVersionBeyond(path: string, version: number, known: number): StateError {
  const words = `state beyond memory in ${path} has format version ${version}, this version knows ${known}`
  if (version > known) return new StateError('ANB6014', words)
  return new StateError('ANB6014', words, {
    hint: 'make a savepoint with the version that wrote it, and begin there: --from SAVEPOINT; or begin anew: --fresh',
  })
}

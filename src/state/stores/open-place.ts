/** Opening what may be damaged, in words. */
import { StateError } from '../../base/index.js'
import { type KeyValue, type StorePlace } from './key-value.js'

/** The key value of a place, which is let go where it cannot be opened. */
export async function opened(place: StorePlace): Promise<KeyValue> {
  try {
    return await place.open()
  } catch (error) {
    await place.close()
    throw error
  }
}

/** What LevelDB says when it stumbles over bytes that are not its own. */
export function damaged(path: string, cause: unknown): StateError {
  if (cause instanceof StateError) return cause
  const detail = `${cause instanceof Error ? cause.message : String(cause)}. Nothing was changed.`
  return new StateError('ANB6010', `state in ${path} is not what was written`, { detail, cause })
}

/** @param why of the database or its files */
export const damagedBeyond = (path: string, why: string): StateError =>
  new StateError('ANB6010', `state beyond memory in ${path} is damaged: ${why}`, { detail: 'Nothing was changed.' })

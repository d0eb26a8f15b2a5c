/** Where what is stored is damaged: the newest savepoint of the folder that is whole, by name, since that is what to go on from. */
import { join } from 'node:path'
import { StateError } from '../../base/index.js'
import { openSavepoint } from '../../checkpoint/index.js'
import { isBegunAt } from './begun.js'
import { realFiles } from './files.js'
import { savepointsIn } from './savepoints.js'

const damages: ReadonlySet<string> = new Set(['ANB6010', 'ANB6019'])

/** @param from the savepoint that the run begins at; null: at none. */
export async function pointingAtSavepoint<T>(
  { out, from }: { readonly out: string; readonly from: string | null },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StateError) || !damages.has(error.code)) throw error
    const good = savepointsIn(out).findLast(
      ({ path, found }) => path !== from && !(found instanceof StateError) && isWhole(path),
    )
    if (good === undefined || good.found instanceof StateError) throw error
    const { code, message, detail, cause } = error
    const { lineage, epoch } = good.found.epoch
    const isOfState = isBegunAt(realFiles, join(out, 'state', 'store'), good.found.epoch)
    throw new StateError(code, message, {
      detail,
      hint: `start from the newest savepoint that is whole, of epoch ${epoch} in lineage ${lineage}: --from ${good.path}${isOfState ? ' --fresh' : ''}`,
      cause,
    })
  }
}

function isWhole(path: string): boolean {
  try {
    openSavepoint(realFiles, path)
    return true
  } catch (error) {
    if (error instanceof StateError) return false
    throw error
  }
}

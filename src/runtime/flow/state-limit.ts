/**
 * The limit of what one key's state may weigh on its way to a worker (`stateBytesMax`). State of fixed width never comes near
 * it, and where all that is of variable width weighs less than one key may, no key is looked at.
 */
import { ContractError } from '../../base/index.js'
import { type Batch, type Column, jsonRow } from '../../batch/index.js'
import { byteWidth } from '../../schema/index.js'

export interface TravellingState {
  /** Id of the operator. */
  readonly operator: string
  /** One row a key: values, lists, maps. */
  readonly batches: readonly Batch[]
  /** The key columns of one of the keys. */
  keyOf(row: number): Batch
}

/** The error that stops the job: no single row is to blame. Null where all keys are light enough. */
export function tooLarge({ operator, batches, keyOf }: TravellingState, bytesMax: number): ContractError | null {
  const columns = batches.flatMap(batch => batch.columns.filter(column => column.offsets !== null))
  if (columns.reduce((sum, column) => sum + bytesBetween(column, 0, column.length), 0) <= bytesMax) return null
  const rows = columns[0]?.length ?? 0
  for (let row = 0; row < rows; row += 1) {
    const bytes = columns.reduce((sum, column) => sum + bytesBetween(column, row, row + 1), 0)
    if (bytes <= bytesMax) continue
    const key = JSON.stringify(jsonRow(keyOf(row), 0))
    return new ContractError('ANB2108', `state of operator "${operator}" for key ${key} is ${bytes} bytes`, {
      detail: `At most ${bytesMax} bytes of one key's state may travel to a worker with its rows (stateBytesMax).`,
      hint: 'keep less for a key, name the entries of a map that a call needs, or set stateBytesMax, up to 64MiB',
    })
  }
  return null
}

/** Bytes of the values in rows [from, to). */
function bytesBetween(column: Column, from: number, to: number): number {
  const { offsets, children, type } = column
  if (offsets !== null) {
    const [start, end] = [offsets[from] ?? 0, offsets[to] ?? 0]
    return children.length === 0 ? end - start : childBytes(children, start, end)
  }
  if (children.length > 0) return childBytes(children, from, to)
  return type.kind === 'bool' ? Math.ceil((to - from) / 8) : byteWidth(type) * (to - from)
}

const childBytes = (children: readonly Column[], from: number, to: number): number =>
  children.reduce((sum, child) => sum + bytesBetween(child, from, to), 0)

/** Reading blocks, each of which is what was written or is refused. */
import { StateError } from '../../base/index.js'
import { isWhole } from '../block.js'
import { type KeyReader } from './key-value.js'
import { type LiveBlock } from './manifest.js'
import { keyOf, kinds } from './record.js'

/** Blocks that are read at once: at most so many MiB. */
const readAhead = 16

interface BlockPlace {
  /** Another one once it was opened again. */
  readonly kv: KeyReader
  readonly path: string
}

/** @throws StateError ANB6010 */
export async function readBlocks(
  place: BlockPlace,
  blocks: readonly LiveBlock[],
  each: (block: LiveBlock, bytes: Uint8Array) => Promise<void> | void,
): Promise<void> {
  for (let from = 0; from < blocks.length; from += readAhead) {
    const some = blocks.slice(from, from + readAhead)
    const values = await place.kv.getMany(some.map(({ epoch, number }) => keyOf(epoch, kinds.block, number)))
    for (const [i, block] of some.entries()) await each(block, checked(block, values[i], place.path))
  }
}

function checked(block: LiveBlock, bytes: Uint8Array | undefined, path: string): Uint8Array {
  const { operator, epoch, firstGroup, lastGroup } = block
  if (bytes !== undefined && bytes.length === block.bytes && isWhole(bytes, block.sum)) return bytes
  throw new StateError(
    'ANB6010',
    `state of operator "${operator}" ${bytes === undefined ? 'is missing' : 'is not what was written'} in ${path}`,
    { detail: `Key groups ${firstGroup} to ${lastGroup}, written in epoch ${epoch}. Nothing was changed.` },
  )
}

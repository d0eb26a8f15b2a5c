/**
 * Which epochs a store that began at a savepoint goes on from: `begun` beside them, a line for each lineage, the oldest first, with
 * the epoch behind which the next one began, and one for its own. It can be read where the store itself cannot.
 */
import { join } from 'node:path'
import { type Files } from '../../base/index.js'
import { type Descent, type EpochOf } from '../../connectors/index.js'

const name = 'begun'

/** Null: it began at no savepoint. */
export function descentIn(files: Files, store: string): Descent | null {
  const path = join(store, name)
  if (files.stat(path) === undefined) return null
  const lines = files
    .readText(path)
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split(' '))
  const forebears = lines.flatMap(([lineage = '', epoch]) =>
    epoch === undefined ? [] : { lineage, epoch: Number(epoch) },
  )
  const own = lines.find(words => words.length === 1)
  return { lineage: own?.[0] ?? '', forebears }
}

export function noteDescent(files: Files, store: string, { lineage, forebears }: Descent): void {
  const lines = [...forebears.map(each => `${each.lineage} ${each.epoch}`), lineage]
  files.writeText(join(store, name), lines.map(line => `${line}\n`).join(''))
}

/** The run of this store began at this savepoint. */
export function isBegunAt(files: Files, store: string, { lineage, epoch }: EpochOf): boolean {
  const last = descentIn(files, store)?.forebears.at(-1)
  return last?.lineage === lineage && last.epoch === epoch
}
